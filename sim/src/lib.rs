//! The kernel.

pub mod actor;
pub mod chunked;
mod clock;
pub mod context;
pub mod disk;
pub mod example;
pub mod fault;
mod kernel;
pub mod network;
pub mod node_id;
pub mod observer;
pub mod order;
pub mod probe;
pub mod queue;
pub mod random;
pub mod sim;
pub mod time;
pub mod trace;

pub use kernel::{ClockOptions, NodeSetup, Options};
