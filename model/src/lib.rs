//! Kafka as actors on the simulation kernel: brokers, a controller, producers and consumers that meet only through
//! messages.
//!
//! Names are Kafka's own, and comments name the class or the KIP that a rule mirrors; rules called F12 or K4 are listed in
//! `FIDELITY.md`.
//!
//! - [`broker`]: partitions, replication, requests, committed offsets; [`log`]: what is on its disk
//! - [`controller`]: who leads, who is in sync, who lives
//! - [`client`]: the producer and the consumer, with the applications that use them
//! - [`config`]: Kafka's keys, typed; [`cluster`]: what a cluster consists of
//! - [`message`], [`metadata`], [`record`], [`error_code`], [`ids`], [`file`](mod@file): the vocabulary
//! - [`note`]: what actors say they did, for those who watch; [`probe`]: rare things; [`invariants`]: who watches
//! - [`process`]: all actors under one roof, for the kernel
//! - [`mutant`]: deliberate defects, to test the watchers

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
