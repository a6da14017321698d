//! Faults as data: what breaks, when, and when it is whole again.
//!
//! A [`FaultPlan`] is a list of intervals, each with a begin and a heal, so that taking one away leaves no dangling half. It is
//! drawn from a [`FaultProfile`] before the trial starts, or written by hand; it is printed, stored, replayed and shrunk as
//! JSON. Nothing in this folder makes a fault happen: the kernel carries plans out.
//!
//! | file | what it holds |
//! |---|---|
//! | [`kind`] | the faults there are, and what each touches and destroys |
//! | [`phrase`] | how a fault reads to people |
//! | [`plan`] | when they begin and heal; the second phase, in which a core is healed |
//! | [`validate`] | what makes a plan wrong for a fleet |
//! | [`spell`] | a fault and the time it is in force |
//! | [`fleet`] | the nodes there are, grouped by role |
//! | [`recipe`] | what a generator can be told to draw |
//! | [`profile`], [`preset`], [`span`] | what it may draw in a trial, how often, how hard |
//! | [`budget`] | how many copies may be harmed |
//! | [`generate`](mod@generate) | a plan from a profile, a fleet and a seed; `occurrence` and `admission` are its two halves |

mod admission;
pub mod budget;
pub mod fleet;
pub mod generate;
pub mod kind;
mod occurrence;
pub mod phrase;
pub mod plan;
pub mod preset;
pub mod profile;
pub mod recipe;
pub mod span;
pub mod spell;
pub mod validate;

pub use budget::Budget;
pub use fleet::Fleet;
pub use generate::generate;
pub use kind::{Direction, Fault, FlushErrorMode, Traffic};
pub use plan::{Anchor, CorePhase, FaultPlan, Heal, MessagePoint, PlannedFault};
pub use preset::Preset;
pub use profile::{FaultProfile, ProfileError};
pub use recipe::Recipe;
pub use span::Span;
pub use spell::Spell;
pub use validate::PlanError;
