//! The kernel.

pub mod chunked;
pub mod disk;
pub mod fault;
pub mod node_id;
pub mod random;
pub mod time;
