//! In which order the elements of a queue can have been put in, as the times of all calls tell.
//!
//! An element that was taken out before the taking of another one began was also put in before it. Where each element is
//! put in once and taken out at most once, that is all there is to know beside the times of the calls themselves: any order
//! of the elements that agrees with both is one in which the queue can have worked. (If elements are put in and taken out in
//! that order, each call as early as those before it in the order let it, no call is late: it would wait for one that began
//! after it had ended, and so the order would not agree.) So the model takes one such order and refuses all others, and the
//! search has next to nothing to try.
//!
//! Who found the queue empty did so at a moment at which no element had to be in it:
//!
//! ```text
//!   put in   |--a--|               |--b--|
//!   taken                |--a--|                |--b--|
//!   in it          |.....|               |......|         for certain
//!   empty                   |-----|                       cut: a is taken before it, b put in after it
//! ```
//! Elements that were put in or taken out before that cut are taken before it, all others are put in after it, which agrees
//! with every order above: so cuts only shorten calls.
//!
//! A taking without a response may have taken anything. Where elements are left for it, only what holds in every order is
//! kept: of each element, those that must be in before it.

use super::{Input, Output};
use crate::linearizability::Call;
use crate::linearizability::interner::Interner;
use std::collections::BTreeSet;
use std::hash::Hash;

/// Later than every instant: what never happened, or never ended.
const NEVER: u64 = u64::MAX;

/// What is known of the elements of a history.
#[derive(Clone, Debug)]
pub(super) struct Order<V> {
    values: Interner<V>,
    places: Vec<Place>,
    /// Whether elements are left for takings without a response to have taken.
    leaves_any: bool,
}

/// Where an element stands.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// Its number in an order of all elements.
    pub(super) rank: u32,
    /// So many elements, those of the lowest ranks, are in before it.
    pub(super) after: u32,
    is_taken: bool,
}

/// The calls that put an element in and take it out, each from its invocation to its response.
#[derive(Clone, Copy, Debug)]
struct Stay {
    put: Option<(u64, u64)>,
    taken: Option<(u64, u64)>,
}

impl Stay {
    fn put_invoked(self) -> u64 {
        self.put.map_or(NEVER, |(invoked, _)| invoked)
    }

    fn put_returned(self) -> u64 {
        self.put.map_or(NEVER, |(_, returned)| returned)
    }

    fn taken_invoked(self) -> u64 {
        self.taken.map_or(NEVER, |(invoked, _)| invoked)
    }

    fn taken_returned(self) -> u64 {
        self.taken.map_or(NEVER, |(_, returned)| returned)
    }

    /// Lets the taking end before the first cut that comes after a call's end, and the putting in begin after the last
    /// that does not.
    fn shorten(&mut self, cuts: &[u64]) {
        let done = self.put_returned().min(self.taken_returned());
        let after = cuts.partition_point(|&cut| cut <= done);
        if let (Some(&cut), Some((_, returned))) = (cuts.get(after), &mut self.taken) {
            *returned = cut.min(*returned);
        }
        if let (Some(&cut), Some((invoked, _))) = (cuts[..after].last(), &mut self.put) {
            *invoked = cut.max(*invoked);
        }
    }

    /// Whether the element was put in for certain and stayed, for all that is known.
    fn is_left(self) -> bool {
        self.taken.is_none() && self.put_returned() != NEVER
    }
}

impl<V: Clone + Ord + Hash> Order<V> {
    /// `None`, if an element was put in or taken out twice. O(calls log calls).
    pub(super) fn of(calls: &[Call<'_, Input<V>, Output<V>>]) -> Option<Self> {
        let (mut values, mut stays) = (Interner::new(), Vec::new());
        let (mut empties, mut is_unsure) = (Vec::new(), false);
        for call in calls {
            let when = (call.invoked, call.returned.unwrap_or(NEVER));
            let (value, puts) = match (call.input, call.output) {
                (Input::Enqueue(value), _) => (value, true),
                (Input::Dequeue, Some(Output::Taken(Some(value)))) => (value, false),
                (Input::Dequeue, told) => {
                    empties.extend(told.map(|_| when));
                    is_unsure |= told.is_none();
                    continue;
                }
            };
            let id = values.intern(value.clone()) as usize;
            stays.resize(stays.len().max(id + 1), Stay { put: None, taken: None });
            let side = if puts { &mut stays[id].put } else { &mut stays[id].taken };
            if side.replace(when).is_some() {
                return None;
            }
        }
        let leaves_any = stays.iter().any(|stay| stay.is_left());
        let places = if is_unsure && leaves_any {
            necessary(&stays)
        } else {
            let cuts = cuts(&stays, &empties);
            stays.iter_mut().for_each(|stay| stay.shorten(&cuts));
            one_of_all(&stays)
        };
        Some(Order { values, places, leaves_any })
    }

    pub(super) fn place(&self, value: &V) -> Place {
        let id = self.values.find(value).expect("all values put in are known");
        self.places[id as usize]
    }

    /// Whether no response depends on this call, had it none itself: nobody took the element, or none is left to take.
    pub(super) fn is_unobserved(&self, input: &Input<V>) -> bool {
        match input {
            Input::Enqueue(value) => !self.place(value).is_taken,
            Input::Dequeue => !self.leaves_any,
        }
    }
}

/// Moments at which the queue can have been empty, one for each call that found it so, rising. Where there is none, it was
/// not empty in any order, and the search will find that out.
fn cuts(stays: &[Stay], empties: &[(u64, u64)]) -> Vec<u64> {
    let is_inside = |stay: &&Stay| stay.put_returned() < stay.taken_invoked();
    let mut inside: Vec<_> = stays
        .iter()
        .filter(is_inside)
        .map(|stay| (stay.put_returned(), stay.taken_invoked()))
        .collect();
    inside.sort_unstable();
    let mut filled: Vec<(u64, u64)> = Vec::new();
    for (from, to) in inside {
        match filled.last_mut().filter(|last| from < last.1) {
            Some(last) => last.1 = last.1.max(to),
            None => filled.push((from, to)),
        }
    }
    let cut = |&(invoked, returned): &(u64, u64)| {
        let before = filled.partition_point(|&(from, _)| from < invoked);
        let last = filled[..before].last().map_or(0, |&(_, to)| to);
        Some(last.max(invoked)).filter(|&cut| cut <= returned)
    };
    let mut cuts: Vec<u64> = empties.iter().filter_map(cut).collect();
    cuts.sort_unstable();
    cuts
}

/// By when elements were taken out: after those taken out before the taking began. An element that is left may have been
/// taken at any time.
fn necessary(stays: &[Stay]) -> Vec<Place> {
    let mut by_end: Vec<u32> = (0..stays.len() as u32).collect();
    by_end.sort_by_key(|&id| stays[id as usize].taken_returned());
    let ends: Vec<u64> = by_end.iter().map(|&id| stays[id as usize].taken_returned()).collect();
    let mut places = vec![Place::default(); stays.len()];
    for (rank, &id) in (0..).zip(&by_end) {
        let before = |(begins, _)| ends.partition_point(|&end| end < begins) as u32;
        let taken = stays[id as usize].taken;
        let after = taken.map_or(0, before);
        places[id as usize] = Place { rank, after, is_taken: taken.is_some() };
    }
    places
}

/// One order that agrees with all times; if there is none, what cannot be placed comes last. Elements that may never
/// have been put in are in no order.
fn one_of_all(stays: &[Stay]) -> Vec<Place> {
    let stays_of = |id: u32| stays[id as usize];
    let counts = |stay: Stay| stay.put.is_some() && (stay.taken.is_some() || stay.is_left());
    let ids = || (0..stays.len() as u32).filter(|&id| counts(stays_of(id)));
    let mut waiting: Vec<u32> = ids().collect();
    waiting.sort_by_key(|&id| std::cmp::Reverse(stays_of(id).put_invoked()));
    let mut unplaced = Unplaced {
        put: ids().map(|id| (stays_of(id).put_returned(), id)).collect(),
        taken: ids().map(|id| (stays_of(id).taken_returned(), id)).collect(),
    };
    let mut ready: BTreeSet<(u64, u32)> = BTreeSet::new();
    let mut places: Vec<Place> = stays
        .iter()
        .map(|stay| Place { is_taken: stay.taken.is_some(), ..Place::default() })
        .collect();
    for rank in 0..unplaced.put.len() as u32 {
        while let Some(&id) = waiting.last().filter(|&&id| unplaced.lets_in(stays_of(id))) {
            ready.insert((stays_of(id).taken_invoked(), id));
            waiting.pop();
        }
        let next = ready.pop_first().map(|(_, id)| id).or_else(|| waiting.pop());
        let Some(id) = next else { break };
        unplaced.remove(id, stays_of(id));
        places[id as usize] = Place { rank, after: rank, ..places[id as usize] };
    }
    places
}

/// The elements that have no place yet, by when they were put in and taken out.
struct Unplaced {
    put: BTreeSet<(u64, u32)>,
    taken: BTreeSet<(u64, u32)>,
}

impl Unplaced {
    /// Whether an element can be put in next: none of these was put in, or taken out, before that began.
    fn lets_in(&self, stay: Stay) -> bool {
        let begins = stay.put_invoked();
        [&self.put, &self.taken]
            .into_iter()
            .all(|ends| ends.first().is_none_or(|&(end, _)| begins <= end))
    }

    fn remove(&mut self, id: u32, stay: Stay) {
        self.put.remove(&(stay.put_returned(), id));
        self.taken.remove(&(stay.taken_returned(), id));
    }
}
