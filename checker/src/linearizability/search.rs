//! The competition: depth first and breadth first take turns until one of them ends.
//!
//! Turns are measured in configurations, so the outcome is the same on every machine. Depth first gets the larger share:
//! it is nearly always faster where a linearization exists, and then often by orders of magnitude.

use super::case::{CaseCall, Operations};
use super::depth_first::DepthFirst;
use super::end::End;
use super::frontier::Frontier;
use super::model::{Call, Model};
use super::operation::Operation;
use super::slots::SlotSet;
use super::space::Space;

/// The first turn of the depth-first search, in configurations. Turns double.
const FIRST_TURN: u64 = 1 << 14;
/// Depth first gets this many times the configurations of breadth first.
const DEPTH_FIRST_SHARE: u64 = 4;

/// What a search found. Numbers of operations are indices into the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The operations in an order that explains everything.
    Linearization(Vec<u32>),
    /// No order explains all responses up to that of `op`, with all that later ones tell of calls already open.
    Nothing { op: u32 },
    /// The budget is used up.
    Exhausted {
        /// The operation whose response could not be explained yet by the search that came furthest.
        op: u32,
        frontier: usize,
        partial: Vec<u32>,
    },
}

/// Searches a case with a model that knows what its outputs tell together.
pub(super) fn solve<M: Model>(
    model: &M,
    operations: &Operations<M>,
    case: &[CaseCall],
    budget: &mut u64,
) -> Found {
    let informed = model.informed_by(&calls(operations, case));
    search(informed.as_ref().unwrap_or(model), operations, case, budget)
}

/// The calls of a case, with the responses that count.
fn calls<'a, I, O>(operations: &'a [Operation<I, O>], case: &[CaseCall]) -> Vec<Call<'a, I, O>> {
    let call = |call: &CaseCall| {
        let &Operation { ref input, ref response, invoked, .. } = &operations[call.op as usize];
        let response = response.as_ref().filter(|_| call.answered);
        let (output, returned) = response.map(|told| (&told.output, told.returned)).unzip();
        Call { input, output, invoked, returned }
    };
    case.iter().map(call).collect()
}

/// Searches a case within `budget` configurations, which it uses up as it goes.
fn search<M: Model>(
    model: &M,
    operations: &Operations<M>,
    case: &[CaseCall],
    budget: &mut u64,
) -> Found {
    let mut space = Space::new(model, operations, case);
    match space.slots() {
        0..=64 => compete::<M, [u64; 1]>(&mut space, budget),
        65..=128 => compete::<M, [u64; 2]>(&mut space, budget),
        _ => compete::<M, Box<[u64]>>(&mut space, budget),
    }
}

/// The states in which the system can be just before the response of `op`, if everything but that is known; `None` if
/// the budget does not suffice.
pub(super) fn states_before<M: Model>(
    model: &M,
    operations: &Operations<M>,
    case: &[CaseCall],
    op: u32,
    budget: &mut u64,
) -> Option<Vec<M::State>> {
    let mut space = Space::barring(model, operations, case, Some(op));
    let end = Frontier::<Box<[u64]>>::new(&mut space).run(&mut space, budget)?;
    match end {
        End::Stuck { states, .. } => {
            Some(states.into_iter().map(|state| space.state(state).clone()).collect())
        }
        End::Linearized(_) => None,
    }
}

fn compete<M: Model, S: SlotSet>(space: &mut Space<'_, M>, budget: &mut u64) -> Found {
    let mut depth_first = DepthFirst::<S>::new(space);
    let mut frontier = Frontier::<S>::new(space);
    let mut turn = FIRST_TURN;
    loop {
        let end = take_turn(budget, turn, |allowance| depth_first.run(space, allowance));
        let end = end.or_else(|| {
            take_turn(budget, turn / DEPTH_FIRST_SHARE, |allowance| frontier.run(space, allowance))
        });
        if let Some(end) = end {
            return conclude::<M, S>(space, end);
        }
        if *budget == 0 {
            return exhausted(space, &depth_first, &frontier);
        }
        turn *= 2;
    }
}

/// Runs a search for at most `turn` configurations and takes what it used off the budget.
fn take_turn(
    budget: &mut u64,
    turn: u64,
    run: impl FnOnce(&mut u64) -> Option<End>,
) -> Option<End> {
    let granted = turn.min(*budget);
    let mut allowance = granted;
    let end = run(&mut allowance);
    *budget -= granted - allowance;
    end
}

fn conclude<M: Model, S: SlotSet>(space: &mut Space<'_, M>, end: End) -> Found {
    match end {
        End::Linearized(trail) => Found::Linearization(space.linearization::<S>(trail)),
        End::Stuck { event, .. } => Found::Nothing { op: space.op_of_event(event) },
    }
}

fn exhausted<M: Model, S: SlotSet>(
    space: &mut Space<'_, M>,
    depth_first: &DepthFirst<S>,
    frontier: &Frontier<S>,
) -> Found {
    let (deep, broad) = (depth_first.furthest, frontier.furthest);
    let furthest = if deep.event >= broad.event { deep } else { broad };
    let partial = furthest.trail.map_or(Vec::new(), |trail| space.linearization::<S>(trail));
    Found::Exhausted { op: space.op_of_event(furthest.event), frontier: frontier.len(), partial }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linearizability::Operation;
    use crate::linearizability::case::whole;
    use crate::linearizability::models::register::{Input, Output, Register};
    use proptest::prelude::*;

    type Call = Operation<Input<u64>, Output<u64>>;

    fn call() -> impl Strategy<Value = Call> {
        (0_u64..3, 0_u64..3, 0_u64..20, prop::option::weighted(0.7, 1_u64..9)).prop_map(
            |(kind, value, invoked, took)| {
                let (input, output) = match kind {
                    0 => (Input::Read, Output::Value(Some(value))),
                    1 => (Input::Write(value), Output::Done),
                    _ => (Input::CompareAndSet(value, (value + 1) % 3), Output::Done),
                };
                match took {
                    Some(took) => {
                        Operation::completed(invoked, invoked, input, invoked + took, output)
                    }
                    None => Operation::crashed(invoked, invoked, input),
                }
            },
        )
    }

    /// Where a search that runs alone, in turns of one configuration, ends: nowhere, or at an event in certain states.
    fn end<'a>(
        operations: &'a [Call],
        run: impl FnOnce(&mut Space<'a, Register<u64>>) -> End,
        model: &'a Register<u64>,
    ) -> Option<(u32, Vec<Option<u64>>)> {
        let mut space =
            Space::new(model, operations, &whole(operations, 0..operations.len() as u32));
        match run(&mut space) {
            End::Linearized(_) => None,
            End::Stuck { event, states } => {
                let mut states: Vec<_> = states.into_iter().map(|id| *space.state(id)).collect();
                states.sort_unstable();
                Some((event, states))
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn both_searches_end_alike_with_slots_of_any_width(calls in prop::collection::vec(call(), 1..14)) {
            let model = Register::default();
            let deep = end(&calls, |space| {
                let mut search = DepthFirst::<[u64; 1]>::new(space);
                loop {
                    if let Some(end) = search.run(space, &mut 1) { break end }
                }
            }, &model);
            let wide = end(&calls, |space| {
                let mut search = DepthFirst::<Box<[u64]>>::new(space);
                let mut allowance = u64::MAX;
                search.run(space, &mut allowance).expect("no end of allowance")
            }, &model);
            let broad = end(&calls, |space| {
                let mut search = Frontier::<[u64; 2]>::new(space);
                loop {
                    if let Some(end) = search.run(space, &mut 1) { break end }
                }
            }, &model);
            prop_assert_eq!(&deep, &wide);
            prop_assert_eq!(&deep, &broad);
        }
    }
}
