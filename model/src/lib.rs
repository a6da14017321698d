//! To be written.

pub mod config;
pub mod partitioner;
