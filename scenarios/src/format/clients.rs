//! Who uses the cluster: producers with their workload, consumers with their way to commit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Duration, Settings};

/// The producers; all are alike, each sends its own records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Producers {
    /// The number of producers.
    pub count: u32,
    /// The number of records each producer sends, over all topics in turn.
    pub records: u64,
    /// The time between two bursts of one producer; `0s` sends as fast as the client takes them.
    pub interval: Duration,
    /// The number of records that a producer sends at once.
    #[schemars(range(min = 1))]
    pub burst: u32,
    /// When the producers start.
    pub start: Duration,
    /// The number of distinct record keys; 0 sends records without a key.
    pub keys: u32,
    /// The size of a record's value in bytes.
    pub record_size: u32,
    /// Kafka's producer keys, `acks = "all"`.
    #[serde(skip_serializing_if = "Settings::is_empty")]
    pub config: Settings,
}

impl Default for Producers {
    fn default() -> Self {
        Self {
            count: 2,
            records: 100,
            interval: Duration::from_millis(20),
            burst: 1,
            start: Duration::ZERO,
            keys: 16,
            record_size: 100,
            config: Settings::default(),
        }
    }
}

/// The consumers of one group; the partitions are divided among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Consumers {
    /// The number of consumers; 0 leaves reading to the final read alone.
    pub count: u32,
    /// The group id, which Kafka calls `group.id`; `[consumers.config]` does not take it.
    pub group: String,
    /// When the offset of a record is committed.
    pub commit: Commit,
    /// How long the application works on one record.
    pub processing_time: Duration,
    /// When the consumers start.
    pub start: Duration,
    /// Kafka's consumer keys, `"auto.offset.reset" = "earliest"`.
    #[serde(skip_serializing_if = "Settings::is_empty")]
    pub config: Settings,
}

impl Default for Consumers {
    fn default() -> Self {
        Self {
            count: 1,
            group: "readers".to_owned(),
            commit: Commit::AfterProcessing,
            processing_time: Duration::from_millis(1),
            start: Duration::ZERO,
            config: Settings::default(),
        }
    }
}

/// When a consumer commits what it has polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Commit {
    /// By the client itself, each `auto.commit.interval.ms`.
    Auto,
    /// By the application, before it works on the polled records.
    BeforeProcessing,
    /// By the application, after it has worked on the polled records.
    AfterProcessing,
}
