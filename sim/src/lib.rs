//! The kernel.

pub mod random;
pub mod time;
