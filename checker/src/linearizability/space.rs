//! The space that is searched: configurations, and the moves from one to the next.
//!
//! A configuration stands before a response: so much of the history is explained, the system is in this state, and
//! these of the open calls have taken effect already. The moves are the rules of the search:
//!
//! - *Just in time*: a call takes its place only when a response must be explained, its own or another's.
//! - *Eager reads*: an open call that changes no state takes its place at the first configuration that allows it. That
//!   loses nothing: moved to an earlier place within its interval it disturbs no other call.
//! - A call without a response that would change nothing is not moved, and one that can be left out is not there.
//! - *Twins*: of calls that can stand in for each other, the one that returns first goes first, and of those that never
//!   return the one invoked first. Exchanging the two in a linearization gives another one.

use super::case::{CaseCall, Moment, Operations, moments};
use super::interner::Interner;
use super::model::Model;
use super::slots::SlotSet;
use std::collections::BTreeMap;

/// No call, or no twin.
const NONE: u32 = u32::MAX;

/// What happens next in a history. Numbers are indices into the calls of the space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Invoked(u32),
    Returned(u32),
}

/// A call with all the search needs to know of it.
#[derive(Debug)]
struct Call<'a, M: Model> {
    op: u32,
    slot: u32,
    input: &'a M::Input,
    output: Option<&'a M::Output>,
    role: Role,
    /// The event of its response; [`NONE`], which is later than all, if it has none.
    returns: u32,
    /// What it can stand in for.
    symmetry: Option<u64>,
    /// The slot of the twin without response that goes first, or [`NONE`].
    twin: u32,
}

/// How a call takes its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// As soon as it can.
    Read,
    /// When a choice falls on it.
    Choice,
    /// Never: what it finds is in question.
    Barred,
}

/// How far one way of explaining the history has come.
#[derive(Clone, Debug)]
pub(super) struct Configuration<S> {
    /// The response to explain next, as an index into the events.
    pub(super) event: u32,
    pub(super) state: u32,
    /// Open calls that have taken effect.
    pub(super) done: S,
    /// The last step of the way here.
    pub(super) trail: u32,
}

/// One step of a way: a call and the state it led to.
#[derive(Clone, Copy, Debug)]
struct Step {
    before: u32,
    call: u32,
    state: u32,
}

/// A case, prepared, and the states and ways found so far.
pub(super) struct Space<'a, M: Model> {
    model: &'a M,
    calls: Vec<Call<'a, M>>,
    events: Vec<Event>,
    slots: usize,
    /// The first slot of the calls without response.
    crashed_from: usize,
    states: Interner<M::State>,
    steps: Vec<Step>,
    successors: Vec<M::State>,
}

impl<'a, M: Model> Space<'a, M> {
    /// The space of a case. `model` has been informed by the case, if it can be.
    pub(super) fn new(model: &'a M, operations: &'a Operations<M>, case: &[CaseCall]) -> Self {
        Space::barring(model, operations, case, None)
    }

    /// The space of a case in which one operation does not take its place, so that every search ends at its response.
    pub(super) fn barring(
        model: &'a M,
        operations: &'a Operations<M>,
        case: &[CaseCall],
        barred: Option<u32>,
    ) -> Self {
        let of = |op: u32| &operations[op as usize];
        let kept = |call: &&CaseCall| call.answered || !model.unobserved(&of(call.op).input);
        let case: Vec<CaseCall> = case.iter().filter(kept).copied().collect();
        let call = |call: &CaseCall| {
            let (input, output) =
                (&of(call.op).input, of(call.op).output().filter(|_| call.answered));
            let role = match model.read_only(input, output) {
                _ if barred == Some(call.op) => Role::Barred,
                true => Role::Read,
                false => Role::Choice,
            };
            let symmetry = model.symmetry(input, output);
            Call {
                op: call.op,
                slot: NONE,
                input,
                output,
                role,
                returns: NONE,
                symmetry,
                twin: NONE,
            }
        };
        let mut space = Space {
            model,
            calls: case.iter().map(call).collect(),
            events: Vec::new(),
            slots: 0,
            crashed_from: 0,
            states: Interner::new(),
            steps: Vec::new(),
            successors: Vec::new(),
        };
        space.lay_out(&case, &moments(operations, &case));
        space
    }

    /// Turns moments into events and gives every call its slot.
    fn lay_out(&mut self, case: &[CaseCall], moments: &[(Moment, u32)]) {
        let (mut free, mut crashed, mut twins) = (Vec::new(), Vec::new(), BTreeMap::new());
        for &(moment, call) in moments {
            let index = call as usize;
            if moment.is_return() {
                free.push(self.calls[index].slot);
                self.calls[index].returns = self.events.len() as u32;
                self.events.push(Event::Returned(call));
                continue;
            }
            self.events.push(Event::Invoked(call));
            if case[index].answered {
                let slot = free.pop().unwrap_or(self.crashed_from as u32);
                self.calls[index].slot = slot;
                self.crashed_from = self.crashed_from.max(slot as usize + 1);
            } else {
                crashed.push(call);
            }
        }
        self.slots = self.crashed_from + crashed.len();
        for (slot, call) in (self.crashed_from as u32..).zip(crashed) {
            let call = &mut self.calls[call as usize];
            call.slot = slot;
            let alike = (call.symmetry, Some(call.input).filter(|_| call.symmetry.is_none()));
            call.twin = twins.insert(alike, slot).unwrap_or(NONE);
        }
    }

    /// How many calls can be open at once.
    pub(super) fn slots(&self) -> usize {
        self.slots
    }

    /// What a configuration takes of a budget: more, if so many calls are open that handling it takes longer.
    pub(super) fn cost(&self) -> u64 {
        1 + self.slots as u64 / 128
    }

    pub(super) fn crashed_from(&self) -> usize {
        self.crashed_from
    }

    /// What happens at `event`; `None` past the last response.
    pub(super) fn event(&self, event: u32) -> Option<Event> {
        self.events.get(event as usize).copied()
    }

    pub(super) fn state(&self, state: u32) -> &M::State {
        self.states.get(state)
    }

    pub(super) fn slot(&self, call: u32) -> usize {
        self.calls[call as usize].slot as usize
    }

    /// The index in the history of the call whose event this is.
    pub(super) fn op_of_event(&self, event: u32) -> u32 {
        let (Event::Invoked(call) | Event::Returned(call)) = self.events[event as usize];
        self.calls[call as usize].op
    }

    /// The configuration of an empty history, before anything is invoked.
    pub(super) fn start<S: SlotSet>(&mut self) -> Configuration<S> {
        let state = self.states.intern(self.model.init());
        Configuration { event: 0, state, done: S::empty(self.slots), trail: NONE }
    }

    /// Whether a read may take its place now.
    fn allows(&self, state: u32, read: u32) -> bool {
        let call = &self.calls[read as usize];
        let mut successors =
            self.model.step(self.states.get(state), call.input, call.output).into_iter();
        successors.next().is_some()
    }

    /// The configurations after `call` took its place in `from`, where `open` stands, as `found` is told one by one.
    pub(super) fn moves<S: SlotSet>(
        &mut self,
        from: &Configuration<S>,
        call: u32,
        found: &mut Vec<Configuration<S>>,
    ) {
        let (input, output, slot) = {
            let call = &self.calls[call as usize];
            (call.input, call.output, call.slot as usize)
        };
        let mut successors = std::mem::take(&mut self.successors);
        successors.extend(self.model.step(self.states.get(from.state), input, output));
        for successor in successors.drain(..) {
            let state = self.states.intern(successor);
            if slot >= self.crashed_from && state == from.state {
                continue;
            }
            let mut done = from.done.clone();
            done.insert(slot);
            let trail = self.step(from.trail, call, state);
            found.push(Configuration { event: from.event, state, done, trail });
        }
        self.successors = successors;
    }

    fn step(&mut self, before: u32, call: u32, state: u32) -> u32 {
        self.steps.push(Step { before, call, state });
        (self.steps.len() - 1) as u32
    }

    /// The operations in the order in which a way let them take effect, reads included.
    pub(super) fn linearization<S: SlotSet>(&mut self, trail: u32) -> Vec<u32> {
        let mut way = Vec::new();
        let mut at = trail;
        while let Some(&step) = self.steps.get(at as usize) {
            way.push(step);
            at = step.before;
        }
        let (mut order, mut open) = (Vec::new(), Open::<S>::new(self));
        let mut here = self.start::<S>();
        open.settle(self, &mut here, &mut |call| order.push(call));
        for step in way.into_iter().rev() {
            order.push(step.call);
            here.done.insert(self.slot(step.call));
            here.state = step.state;
            open.read(self, &mut here, &mut |call| order.push(call));
            open.settle(self, &mut here, &mut |call| order.push(call));
        }
        order.into_iter().map(|call| self.calls[call as usize].op).collect()
    }
}

/// The calls that are open at one event. It moves along the history in both directions.
#[derive(Debug)]
pub(super) struct Open<S> {
    event: u32,
    by_slot: Vec<u32>,
    reads: S,
    choices: S,
}

impl<S: SlotSet> Open<S> {
    /// The open calls at the start: none.
    pub(super) fn new<M: Model>(space: &Space<'_, M>) -> Self {
        let none = S::empty(space.slots);
        Open { event: 0, by_slot: vec![NONE; space.slots], reads: none.clone(), choices: none }
    }

    /// Moves to just before `event`.
    pub(super) fn seek<M: Model>(&mut self, space: &Space<'_, M>, event: u32) {
        while self.event < event {
            self.apply(space, self.event, true);
            self.event += 1;
        }
        while self.event > event {
            self.event -= 1;
            self.apply(space, self.event, false);
        }
    }

    fn apply<M: Model>(&mut self, space: &Space<'_, M>, event: u32, forwards: bool) {
        let (call, opens) = match space.events[event as usize] {
            Event::Invoked(call) => (call, forwards),
            Event::Returned(call) => (call, !forwards),
        };
        let Call { slot, role, .. } = space.calls[call as usize];
        let set = match role {
            Role::Read => &mut self.reads,
            Role::Choice => &mut self.choices,
            Role::Barred => return,
        };
        if opens {
            self.by_slot[slot as usize] = call;
            set.insert(slot as usize);
        } else {
            set.remove(slot as usize);
        }
    }

    /// Moves `here` and this on to the next response that `here` does not explain yet. Calls that are invoked on the way
    /// and that change nothing take their place if they can.
    pub(super) fn settle<M: Model>(
        &mut self,
        space: &Space<'_, M>,
        here: &mut Configuration<S>,
        placed: &mut impl FnMut(u32),
    ) {
        while let Some(event) = space.event(here.event) {
            match event {
                Event::Invoked(call) => self.invoked(space, here, call, placed),
                Event::Returned(call) if here.done.contains(space.slot(call)) => {
                    here.done.remove(space.slot(call));
                }
                Event::Returned(_) => return,
            }
            here.event += 1;
            self.seek(space, here.event);
        }
    }

    /// Places a call that was just invoked, if it is a read that the state allows.
    pub(super) fn invoked<M: Model>(
        &self,
        space: &Space<'_, M>,
        here: &mut Configuration<S>,
        call: u32,
        placed: &mut impl FnMut(u32),
    ) {
        if space.calls[call as usize].role == Role::Read && space.allows(here.state, call) {
            here.done.insert(space.slot(call));
            placed(call);
        }
    }

    /// Places all open reads that the state of `here` allows.
    pub(super) fn read<M: Model>(
        &self,
        space: &Space<'_, M>,
        here: &mut Configuration<S>,
        placed: &mut impl FnMut(u32),
    ) {
        let mut from = 0;
        while let Some(slot) = self.reads.first_not_in(&here.done, from) {
            let call = self.by_slot[slot];
            if space.allows(here.state, call) {
                here.done.insert(slot);
                placed(call);
            }
            from = slot + 1;
        }
    }

    /// The first call in a slot from `from` on that may be tried in `here`: open, not done, and no twin goes first.
    pub(super) fn candidate<M: Model>(
        &self,
        space: &Space<'_, M>,
        here: &Configuration<S>,
        mut from: usize,
    ) -> Option<u32> {
        while let Some(slot) = self.choices.first_not_in(&here.done, from) {
            let call = self.by_slot[slot];
            if !self.has_twin_first(space, here, &space.calls[call as usize]) {
                return Some(call);
            }
            from = slot + 1;
        }
        None
    }

    fn has_twin_first<M: Model>(
        &self,
        space: &Space<'_, M>,
        here: &Configuration<S>,
        call: &Call<'_, M>,
    ) -> bool {
        if call.twin != NONE && !here.done.contains(call.twin as usize) {
            return true;
        }
        let mut from = 0;
        while call.symmetry.is_some() {
            let next = self.choices.first_not_in(&here.done, from);
            let Some(slot) = next.filter(|&slot| slot < space.crashed_from) else { break };
            let other = &space.calls[self.by_slot[slot] as usize];
            if other.symmetry == call.symmetry && other.returns < call.returns {
                return true;
            }
            from = slot + 1;
        }
        false
    }
}
