//! Scenarios, campaigns and bundles: which clusters are put on trial, over how many seeds, and what is expected of them.
//!
//! - [`format`]: the scenario file, from text to types, with `--set` changes and twins
//! - [`catalogue`]: the scenarios that come with ktrial
//! - [`outcome`]: what one trial says
//! - [`digest`]: the 128-bit digests that identify scenarios, traces and campaigns

pub mod catalogue;
pub mod digest;
pub mod format;
pub mod outcome;
