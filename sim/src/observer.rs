//! Watching a trial from outside. An observer is chosen statically; one that does nothing costs nothing.
//!
//! What an observer does can never reach the actors, with one exception made on purpose: [`Observer::permits`] may veto a
//! fault that would exceed the damage budget at the moment it would begin.

use crate::actor::{Actor, Event};
use crate::fault::{Fault, PlannedFault};
use crate::node_id::NodeId;
use crate::time::Instant;
use crate::trace::EventId;

/// When, where and because of what something happened.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Stamp {
    /// Trial time.
    pub at: Instant,
    /// The event.
    pub event: EventId,
    /// The event during which it was scheduled.
    pub cause: EventId,
    /// Where.
    pub node: NodeId,
}

/// How a process ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Death {
    /// Killed; what it wrote is in the page cache.
    Crash,
    /// Its host lost power.
    PowerLoss,
    /// It ended itself.
    Exit,
}

/// What became of a planned fault.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum FaultPhase {
    /// It began.
    Begins,
    /// It was not allowed to begin.
    Vetoed,
    /// It ended.
    Heals,
    /// It lies outside the healed core and will not end.
    BecomesPermanent,
}

/// Sees everything that happens. Every method does nothing by default. `Clone`, as forks take their observer along.
pub trait Observer<A: Actor>: Clone {
    /// A process was started; `booted` is not called for nodes outside the simulation.
    fn booted(&mut self, stamp: Stamp) {
        let _ = stamp;
    }

    /// A process is about to handle an event; `peer` is the other end if the event is of a connection.
    fn handling(&mut self, stamp: Stamp, event: &Event<A>, peer: Option<NodeId>) {
        let _ = (stamp, event, peer);
    }

    /// A process said something during the event.
    fn noted(&mut self, stamp: Stamp, note: &A::Note) {
        let _ = (stamp, note);
    }

    /// A process ended.
    fn died(&mut self, stamp: Stamp, death: Death) {
        let _ = (stamp, death);
    }

    /// A planned fault began, healed, was vetoed or became permanent. The stamp's node is the fault's first.
    fn fault(&mut self, stamp: Stamp, fault: &PlannedFault, phase: FaultPhase) {
        let _ = (stamp, fault, phase);
    }

    /// Whether `fault` may begin now: the dynamic half of a damage budget.
    fn permits(&mut self, fault: &Fault) -> bool {
        let _ = fault;
        true
    }

    /// Whether nothing further is worth running.
    fn is_satisfied(&self) -> bool {
        false
    }
}

/// Sees nothing.
impl<A: Actor> Observer<A> for () {}

/// Two observers side by side; both must permit a fault, either may be satisfied.
impl<A: Actor, L: Observer<A>, R: Observer<A>> Observer<A> for (L, R) {
    #[inline]
    fn booted(&mut self, stamp: Stamp) {
        self.0.booted(stamp);
        self.1.booted(stamp);
    }

    #[inline]
    fn handling(&mut self, stamp: Stamp, event: &Event<A>, peer: Option<NodeId>) {
        self.0.handling(stamp, event, peer);
        self.1.handling(stamp, event, peer);
    }

    #[inline]
    fn noted(&mut self, stamp: Stamp, note: &A::Note) {
        self.0.noted(stamp, note);
        self.1.noted(stamp, note);
    }

    #[inline]
    fn died(&mut self, stamp: Stamp, death: Death) {
        self.0.died(stamp, death);
        self.1.died(stamp, death);
    }

    #[inline]
    fn fault(&mut self, stamp: Stamp, fault: &PlannedFault, phase: FaultPhase) {
        self.0.fault(stamp, fault, phase);
        self.1.fault(stamp, fault, phase);
    }

    #[inline]
    fn permits(&mut self, fault: &Fault) -> bool {
        let (left, right) = (self.0.permits(fault), self.1.permits(fault));
        left && right
    }

    #[inline]
    fn is_satisfied(&self) -> bool {
        self.0.is_satisfied() || self.1.is_satisfied()
    }
}
