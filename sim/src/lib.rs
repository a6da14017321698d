//! The kernel.

pub mod fault;
pub mod node_id;
pub mod random;
pub mod time;
