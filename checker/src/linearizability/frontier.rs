//! Breadth first: carry all explanations of what was seen so far along the history, event by event.
//!
//! Memory is bounded by the widest frontier, and configurations that used up fewer calls without response come first,
//! so that they dominate the others. That pays where there is no linearization and all ways have to be gone anyway.

use super::end::{End, Furthest};
use super::memo::Memo;
use super::model::Model;
use super::slots::SlotSet;
use super::space::{Configuration, Event, Open, Space};

/// A search that can be run in slices.
#[derive(Debug)]
pub(super) struct Frontier<S> {
    event: u32,
    /// The configurations before `event`; those from `expanded` on are still to be looked at.
    here: Vec<Configuration<S>>,
    expanded: usize,
    /// Those that explain `event`.
    next: Vec<Configuration<S>>,
    open: Open<S>,
    memo: Memo<S>,
    pub(super) furthest: Furthest,
}

impl<S: SlotSet> Frontier<S> {
    pub(super) fn new<M: Model>(space: &mut Space<'_, M>) -> Self {
        Frontier {
            event: 0,
            here: vec![space.start()],
            expanded: 0,
            next: Vec::new(),
            open: Open::new(space),
            memo: Memo::new(space.crashed_from()),
            furthest: Furthest::default(),
        }
    }

    /// How many explanations there are of what was seen so far.
    pub(super) fn len(&self) -> usize {
        self.here.len()
    }

    /// Searches until it ends or `allowance` configurations are used up.
    pub(super) fn run<M: Model>(
        &mut self,
        space: &mut Space<'_, M>,
        allowance: &mut u64,
    ) -> Option<End> {
        while let Some(event) = space.event(self.event) {
            match event {
                Event::Invoked(call) => {
                    for here in &mut self.here {
                        self.open.invoked(space, here, call, &mut |_| ());
                    }
                }
                Event::Returned(call) => {
                    if !self.explain(space, call, allowance) {
                        return None;
                    }
                    if self.next.is_empty() {
                        let states = self.memo.states_at(self.event);
                        return Some(End::Stuck { event: self.event, states });
                    }
                    self.advance(space);
                }
            }
            self.event += 1;
            self.open.seek(space, self.event);
        }
        Some(End::Linearized(self.here[0].trail))
    }

    /// Finds all ways in which `target` may have taken effect by now; `false` if the allowance does not suffice.
    fn explain<M: Model>(
        &mut self,
        space: &mut Space<'_, M>,
        target: u32,
        allowance: &mut u64,
    ) -> bool {
        if self.memo.is_empty() {
            self.enter();
        }
        while let Some(here) = self.here.get(self.expanded) {
            if *allowance == 0 {
                return false;
            }
            *allowance = allowance.saturating_sub(space.cost());
            self.expanded += 1;
            if here.done.contains(space.slot(target)) {
                self.next.push(here.clone());
            } else {
                self.expand(space, self.expanded - 1);
            }
        }
        true
    }

    /// Takes up the configurations before a new response, without those that others dominate.
    fn enter(&mut self) {
        let (event, memo) = (self.event, &mut self.memo);
        self.here.retain_mut(|here| {
            here.event = event;
            memo.insert(here)
        });
        self.furthest.reach(&self.here[0]);
    }

    fn expand<M: Model>(&mut self, space: &mut Space<'_, M>, index: usize) {
        let from = self.here[index].clone();
        let mut found = Vec::new();
        let mut slot = 0;
        while let Some(call) = self.open.candidate(space, &from, slot) {
            slot = space.slot(call) + 1;
            space.moves(&from, call, &mut found);
        }
        for mut next in found {
            if next.state != from.state {
                self.open.read(space, &mut next, &mut |_| ());
            }
            if self.memo.insert(&next) {
                self.here.push(next);
            }
        }
    }

    /// Goes past the response that all of `next` explain.
    fn advance<M: Model>(&mut self, space: &Space<'_, M>) {
        let Some(Event::Returned(target)) = space.event(self.event) else { return };
        std::mem::swap(&mut self.here, &mut self.next);
        self.next.clear();
        self.expanded = 0;
        self.memo.clear();
        self.here.iter_mut().for_each(|here| here.done.remove(space.slot(target)));
        self.here.sort_by_key(|here| here.done.count_from(space.crashed_from()));
    }
}
