//! Kafka as actors.

pub mod broker;
pub mod client;
pub mod cluster;
pub mod config;
pub mod controller;
pub mod error_code;
pub mod file;
pub mod ids;
pub mod invariants;
pub mod log;
pub mod message;
pub mod metadata;
pub mod mutant;
pub mod note;
pub mod partitioner;
pub mod probe;
pub mod process;
pub mod record;
pub mod wake_up;
