//! What is known of a history as a whole: who made it, by which clocks, in which order.

use super::Time;
use serde::{Deserialize, Serialize};

/// How a history came about. The default is that of a simulated trial: one exact clock, one order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// Who recorded it.
    pub source: Source,
    /// Whose clock its times are.
    pub clock: Clock,
    /// How far two clocks may be apart, in nanoseconds.
    pub clock_error_ns: u64,
    /// Whether the order of its events means anything across processes.
    pub order: Order,
    /// What a committed offset was in the recorded system. A [`History`](super::History) always speaks of the next
    /// offset to read; a reader of another format adds the one.
    pub commit_semantics: CommitSemantics,
    /// The seed of the run, if it had one.
    pub seed: Option<u64>,
    /// Nobody recorded what was sent, so that a record is no phantom because nobody is known to have sent it.
    pub reads_only: bool,
    /// The `isolation.level` of its consumers, if known.
    pub isolation: Option<Isolation>,
    /// How its consumers come by their partitions, if all do so in one way and it is known.
    pub sub_via: Option<SubVia>,
}

impl Meta {
    /// Whether `earlier` is before `later` although the clocks of two processes may be the clock error apart.
    #[must_use]
    pub fn is_before(&self, earlier: Time, later: Time) -> bool {
        earlier.0.saturating_add(self.clock_error_ns) < later.0
    }
}

/// Who recorded a history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A simulated trial.
    #[default]
    Sim,
    /// A Jepsen test.
    Jepsen,
    /// Kafka's `VerifiableProducer` and `VerifiableConsumer`.
    Verifiable,
    /// An application.
    App,
}

/// Whose clock the times of a history are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// One clock for all.
    #[default]
    Global,
    /// Each process has its own; times of two processes cannot be compared.
    PerProcess,
    /// Wall clocks, at most the clock error apart.
    Wall,
}

/// What the order of events in a history means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// They happened in this order.
    #[default]
    Total,
    /// Those of one process did.
    PerProcess,
}

/// What an application commits after it processed the record at offset o.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CommitSemantics {
    /// o + 1, the next offset to read: Kafka's way.
    #[default]
    Next,
    /// o, the last offset processed.
    Last,
}

/// The `isolation.level` of a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Records of open and of aborted transactions are handed out too.
    ReadUncommitted,
    /// Only committed records are, and only up to the last stable offset.
    ReadCommitted,
}

/// How a consumer comes by its partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SubVia {
    /// It assigns itself partitions (`assign()`), past its group's protocol.
    Assign,
    /// It subscribes to topics (`subscribe()`), and its group's coordinator assigns partitions to its members.
    Subscribe,
}
