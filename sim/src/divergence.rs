//! Where two runs of one seed part: the report for a program that turned out not to be deterministic.
//!
//! Both runs go on side by side and their trace hashes are compared after every event, so the first event that differs is
//! named, not the first consequence that somebody noticed.

use std::fmt;

use crate::actor::Actor;
use crate::observer::Observer;
use crate::sim::Sim;
use crate::time::Instant;

/// The first event in which two runs differ.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Divergence {
    /// How many events both runs had in common before it.
    pub event_index: u64,
    /// When it happened, on the side where it happened first.
    pub at: Instant,
    /// The event of the first run, or why there is none.
    pub left: String,
    /// The event of the second run, or why there is none.
    pub right: String,
}

/// Three lines: after how many events and when, then the event of each run.
impl fmt::Display for Divergence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Divergence { event_index, at, left, right } = self;
        write!(
            f,
            "after {event_index} common events, at {at}:\n  first run:  {left}\n  second run: {right}"
        )
    }
}

/// Runs two trials side by side until `deadline` and reports the first event in which they differ. `None` if there is none.
///
/// An event differs if it is due at another time, if it is another event, or if the trace hash after it is another. Hidden
/// state that no event shows is found when the first event depends on it.
pub fn first_divergence<A: Actor, O: Observer<A>>(
    left: impl FnOnce() -> Sim<A, O>,
    right: impl FnOnce() -> Sim<A, O>,
    deadline: Instant,
) -> Option<Divergence> {
    let (mut left, mut right) = (left(), right());
    loop {
        let event_index = left.events();
        let due = [left.next_event_at(), right.next_event_at()].into_iter().flatten().min();
        let at = due.filter(|&at| at <= deadline)?;
        let next = [describe(&mut left, deadline), describe(&mut right, deadline)];
        left.step();
        right.step();
        if next[0] != next[1] || left.trace_hash() != right.trace_hash() {
            let [left, right] = next;
            return Some(Divergence { event_index, at, left, right });
        }
    }
}

/// The next event, with its time to the nanosecond.
fn describe<A: Actor, O: Observer<A>>(sim: &mut Sim<A, O>, deadline: Instant) -> String {
    let at = sim.next_event_at().filter(|&at| at <= deadline);
    match at.zip(sim.describe_next()) {
        Some((at, event)) => format!("{event} at {} ns", at.as_nanos()),
        None => "nothing more before the deadline".to_owned(),
    }
}
