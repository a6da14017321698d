//! Pure renderers: campaigns, scenarios and traces in, text out. Nothing here runs a simulation, reads a clock or writes a
//! file, and equal inputs give equal bytes.
//!
//! - [`campaigns()`]: the table of a run with what was found
//! - [`catalogue()`]: the table of `ktrial list`
//! - [`check()`]: what is said of judged histories, [`check_markdown`] and [`check_junit`] beside it, all from a [`Check`]
//! - [`trace_line`]: one line of a told trial
//! - [`replay()`]: what a replay says at its end, and [`divergence()`] if it went another way
//! - [`Look`]: width, colour and characters

mod alike;
mod campaigns;
mod catalogue;
mod check;
mod divergence;
mod evidence;
mod look;
mod number;
mod replay;
mod table;
mod trace;
mod word;
mod wrap;

pub use campaigns::campaigns;
pub use catalogue::catalogue;
pub use check::{
    Answer, CHECK_SCHEMA, Check, FileCheck, PromisedBy, check, check_junit, check_markdown, remarks,
};
pub use divergence::divergence;
pub use look::Look;
pub use number::{grouped, seconds};
pub use replay::replay;
pub use trace::trace_line;
pub use word::Word;
