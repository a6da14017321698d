//! Faults as data: what breaks, when, and when it is whole again.
//!
//! A [`FaultPlan`] is a list of intervals, each with a begin and a heal, so that taking one away leaves no dangling half. It is
//! drawn from a [`FaultProfile`] before the trial starts, or written by hand; it is printed, stored, replayed and shrunk as
//! JSON. Nothing in this folder makes a fault happen: the kernel carries plans out.
//!
//! | file | what it holds |
//! |---|---|
//! | [`kind`] | the faults there are, and what each touches and destroys |
//! | [`plan`] | when they begin and heal; the second phase, in which a core is healed |
//! | [`validate`] | what makes a plan wrong for a fleet |
//! | [`fleet`] | the nodes there are, grouped by role |

pub mod fleet;
pub mod kind;
pub mod plan;
pub mod validate;

pub use fleet::Fleet;
pub use kind::{Direction, Fault, FlushErrorMode, Traffic};
pub use plan::{Anchor, CorePhase, FaultPlan, Heal, MessagePoint, PlannedFault};
pub use validate::PlanError;
