//! Kafka's clients: what a producer and a consumer share, and the two themselves.
//!
//! ```text
//!   application                    client                                         broker
//!   producer::Workload   -> Producer: Accumulator -> Sender  -> Connections  ->   Produce, Metadata
//!   consumer::Application <- Consumer: Buffer <- Fetcher     <- Connections  <-   Fetch, ListOffsets
//!                            Consumer: Committer  -> Coordinator connection  ->   OffsetCommit, OffsetFetch
//! ```
//!
//! A Java client has an application thread and, in the producer, a network thread. Here both are one state machine that
//! runs whenever something happened; nothing is between an answer and its effect.

pub mod backoff;
pub mod connection_settings;
pub mod connections;
pub mod consumer;
pub mod metadata;
pub mod producer;

#[cfg(test)]
pub(crate) mod scripted;
