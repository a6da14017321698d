//! Scenarios, campaigns and bundles: which clusters are put on trial, over how many seeds, and what is expected of them.
//!
//! - [`mod@format`]: the scenario file, from text to types, with `--set` changes and twins
//! - [`catalogue`]: the scenarios that come with ktrial
//! - [`run`]: what is asked of a trial
//! - [`trial`]: one seed of one scenario, run and judged
//! - [`outcome`]: what one trial says
//! - [`violation`]: what of it is not as expected
//! - [`campaign`]: one scenario over many seeds, summed up and judged
//! - [`bundle`]: what a failing seed leaves
//! - [`divergence`]: where two runs of one seed part ways
//! - [`schema`]: JSON Schemas of all of these
//! - [`digest`]: the 128-bit digests that identify scenarios, traces and campaigns

pub mod bundle;
pub mod campaign;
pub mod catalogue;
pub mod digest;
pub mod divergence;
pub mod format;
pub mod outcome;
pub mod run;
pub mod schema;
pub mod trial;
pub mod violation;
pub mod whole_file;

/// The version of ktrial, which is in everything it writes.
pub const KTRIAL_VERSION: &str = env!("CARGO_PKG_VERSION");
