//! Depth first: follow one explanation as far as it goes, come back to the last choice where it fails.
//!
//! Choices are tried in this order: the call whose response is to be explained, the other open calls, the calls without
//! response. In a history that is linearizable the first choice is mostly right.

use super::end::{End, Furthest};
use super::memo::Memo;
use super::model::Model;
use super::slots::SlotSet;
use super::space::{Configuration, Event, Open, Space};

/// A configuration and what has been tried from it.
#[derive(Debug)]
struct Frame<S> {
    here: Configuration<S>,
    /// 0 stands for the call whose response is to be explained, n + 1 for slot n.
    next: usize,
}

/// A search that can be run in slices.
#[derive(Debug)]
pub(super) struct DepthFirst<S> {
    stack: Vec<Frame<S>>,
    open: Open<S>,
    memo: Memo<S>,
    found: Vec<Configuration<S>>,
    pub(super) furthest: Furthest,
}

impl<S: SlotSet> DepthFirst<S> {
    pub(super) fn new<M: Model>(space: &mut Space<'_, M>) -> Self {
        let (open, memo) = (Open::new(space), Memo::new(space.crashed_from()));
        let start = space.start();
        let mut search = DepthFirst {
            stack: Vec::new(),
            open,
            memo,
            found: Vec::new(),
            furthest: Furthest::default(),
        };
        search.arrive(space, start);
        search
    }

    /// Searches until it ends or `allowance` configurations are used up.
    pub(super) fn run<M: Model>(
        &mut self,
        space: &mut Space<'_, M>,
        allowance: &mut u64,
    ) -> Option<End> {
        while let Some(frame) = self.stack.last_mut() {
            if space.event(frame.here.event).is_none() {
                return Some(End::Linearized(frame.here.trail));
            }
            if *allowance == 0 {
                return None;
            }
            self.open.seek(space, frame.here.event);
            match frame.choose(space, &self.open) {
                Some(call) => self.place(space, call, allowance),
                None => drop(self.stack.pop()),
            }
        }
        let event = self.furthest.event;
        Some(End::Stuck { event, states: self.memo.states_at(event) })
    }

    /// Goes on from the top of the stack with `call`. Of several successors, the first ends on top.
    fn place<M: Model>(&mut self, space: &mut Space<'_, M>, call: u32, allowance: &mut u64) {
        let Some(frame) = self.stack.last() else { return };
        let (event, state) = (frame.here.event, frame.here.state);
        let mut found = std::mem::take(&mut self.found);
        space.moves(&frame.here, call, &mut found);
        for mut next in found.drain(..).rev() {
            *allowance = allowance.saturating_sub(space.cost());
            self.open.seek(space, event);
            if next.state != state {
                self.open.read(space, &mut next, &mut |_| ());
            }
            self.arrive(space, next);
        }
        self.found = found;
    }

    fn arrive<M: Model>(&mut self, space: &Space<'_, M>, mut here: Configuration<S>) {
        self.open.settle(space, &mut here, &mut |_| ());
        if self.memo.insert(&here) {
            self.furthest.reach(&here);
            self.stack.push(Frame { here, next: 0 });
        }
    }
}

impl<S: SlotSet> Frame<S> {
    /// The next call to try.
    fn choose<M: Model>(&mut self, space: &Space<'_, M>, open: &Open<S>) -> Option<u32> {
        let Some(Event::Returned(target)) = space.event(self.here.event) else { return None };
        let slot = space.slot(target);
        if self.next == 0 {
            self.next = 1;
            if open.candidate(space, &self.here, slot) == Some(target) {
                return Some(target);
            }
        }
        loop {
            let call = open.candidate(space, &self.here, self.next - 1)?;
            self.next = space.slot(call) + 2;
            if call != target {
                return Some(call);
            }
        }
    }
}
