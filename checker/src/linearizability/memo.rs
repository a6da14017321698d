//! Where a search has been, so that it goes nowhere twice.
//!
//! A configuration is *dominated* by another at the same event, in the same state and with the same answered calls
//! done, if the other has used up fewer calls without response: whatever leads on from the one leads on from the other.

use super::slots::SlotSet;
use super::space::Configuration;
use std::collections::BTreeSet;

const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Visited<S> {
    event: u32,
    state: u32,
    done: S,
    next: u32,
    hash: u64,
}

/// The configurations visited, found by event, state and answered calls done. O(1) expected, times the number of ways in
/// which calls without response were used up there.
#[derive(Debug)]
pub(super) struct Memo<S> {
    crashed_from: usize,
    buckets: Vec<u32>,
    visited: Vec<Visited<S>>,
}

impl<S: SlotSet> Memo<S> {
    pub(super) fn new(crashed_from: usize) -> Self {
        Memo { crashed_from, buckets: vec![NONE; 64], visited: Vec::new() }
    }

    /// Notes a configuration; `false` if it was noted before, or is dominated by one that was.
    pub(super) fn insert(&mut self, new: &Configuration<S>) -> bool {
        let seed = u64::from(new.event) << 32 | u64::from(new.state);
        let hash = new.done.hash_below(self.crashed_from, seed);
        let mut at = self.buckets[self.bucket(hash)];
        while let Some(old) = self.visited.get(at as usize) {
            let same_place = (old.event, old.state) == (new.event, new.state);
            if same_place && old.done.dominates(&new.done, self.crashed_from) {
                return false;
            }
            at = old.next;
        }
        if self.visited.len() >= self.buckets.len() {
            self.grow();
        }
        let (event, state, done) = (new.event, new.state, new.done.clone());
        self.visited.push(Visited { event, state, done, next: NONE, hash });
        self.link(self.visited.len() - 1);
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.visited.is_empty()
    }

    /// Forgets everything, in time proportional to what there is to forget.
    pub(super) fn clear(&mut self) {
        for index in 0..self.visited.len() {
            let bucket = self.bucket(self.visited[index].hash);
            self.buckets[bucket] = NONE;
        }
        self.visited.clear();
    }

    /// The states at `event`, in the order in which they were first seen there.
    pub(super) fn states_at(&self, event: u32) -> Vec<u32> {
        let mut seen = BTreeSet::new();
        let here = self.visited.iter().filter(|visited| visited.event == event);
        here.map(|visited| visited.state).filter(|&state| seen.insert(state)).collect()
    }

    fn bucket(&self, hash: u64) -> usize {
        hash as usize & (self.buckets.len() - 1)
    }

    fn link(&mut self, index: usize) {
        let bucket = self.bucket(self.visited[index].hash);
        self.visited[index].next = self.buckets[bucket];
        self.buckets[bucket] = index as u32;
    }

    fn grow(&mut self) {
        self.buckets = vec![NONE; self.buckets.len() * 2];
        (0..self.visited.len()).for_each(|index| self.link(index));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn configuration(event: u32, state: u32, done: u64) -> Configuration<[u64; 1]> {
        Configuration { event, state, done: [done], trail: 0 }
    }

    #[test]
    fn fewer_calls_without_response_used_dominate_more() {
        let mut memo = Memo::new(4);
        assert!(memo.insert(&configuration(1, 1, 0b0011_0001)));
        assert!(!memo.insert(&configuration(1, 1, 0b0011_0001)), "the same");
        assert!(!memo.insert(&configuration(1, 1, 0b1011_0001)), "one more used");
        assert!(memo.insert(&configuration(1, 1, 0b1001_0001)), "another used");
        assert!(memo.insert(&configuration(1, 1, 0b0011_0011)), "more answered calls done");
        assert!(memo.insert(&configuration(1, 2, 0b0011_0001)), "another state");
        assert!(memo.insert(&configuration(2, 1, 0b0011_0001)), "another event");
    }

    #[test]
    fn a_memo_remembers_many_and_forgets_on_demand() {
        let mut memo = Memo::new(64);
        for round in 0..2 {
            for number in 0..1_000 {
                let new = configuration(number % 7, number, u64::from(number));
                assert!(memo.insert(&new) && !memo.insert(&new), "round {round}");
            }
            assert_eq!(memo.states_at(6).len(), 142);
            memo.clear();
        }
        assert!(memo.states_at(6).is_empty());
    }
}
