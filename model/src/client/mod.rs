//! Clients.

pub mod consumer;
pub mod producer;
