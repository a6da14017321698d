//! The configuration of one topic: the brokers' defaults with the topic's overrides. As Kafka's `LogConfig`,
//! `TopicConfig` and `ServerTopicConfigSynonyms`.

use super::broker::{BrokerConfig, flush_without_schedule};
use super::definition::{Kind, Valid};
use super::error::{ConfigError, Warning};
use super::parse::{Config, Given, config_table};
use super::scope::Scope;
use super::unmodelled::{Unmodelled, alike, keeps, unset};
use super::value::{NEVER, boolean, number, text};

config_table! {
    /// What holds for every partition of one topic. `Default` is a topic of a cluster whose brokers have defaults;
    /// [`BrokerConfig::topic_defaults`] is the start for any other.
    TopicConfig in Scope::Topic;

    "min.insync.replicas" => min_insync_replicas: u32, Kind::Int, Some(number(1)), Valid::AtLeast(1),
        "in-sync replicas without which a produce request with `acks=all` is refused", "Since 0.8.2";
    "unclean.leader.election.enable" => unclean_leader_election_enable: bool, Kind::Boolean, Some(boolean(false)),
        Valid::Any,
        "whether a replica that is not in sync may lead when no other can", "Since 0.8.2; `true` before 0.11";
    "flush.messages" => flush_messages: u64, Kind::Long, Some(number(NEVER)), Valid::AtLeast(1),
        "records appended before the log is flushed to disk", "Since 0.8";
    "flush.ms" => flush_ms: u64, Kind::Long, Some(number(NEVER)), Valid::AtLeast(0),
        "age of an unflushed record at which the brokers' flush schedule flushes the log", "Since 0.8";
    "segment.bytes" => segment_bytes: u32, Kind::Int, Some(number(1_073_741_824)), Valid::AtLeast(1_048_576),
        "size at which a new segment is begun", "Since 0.8; from `14` before 4.0 (KIP-1030)";
    "internal.segment.bytes" => internal_segment_bytes: Option<u32>, Kind::Int, None, Valid::AtLeast(1),
        "overrides `segment.bytes` without its lower bound, for tests", "Internal to Kafka 4";
    "max.message.bytes" => max_message_bytes: u32, Kind::Int, Some(number(1_048_588)), Valid::AtLeast(0),
        "largest batch that is accepted", "Since 0.8; `1000012` before 2.5";
}

impl TopicConfig {
    /// The topic of a cluster whose brokers have this configuration. Errors as [`Config::from_pairs`].
    pub fn of_cluster<K, V>(
        broker: &BrokerConfig,
        overrides: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(Self, Vec<Warning>), ConfigError>
    where
        K: AsRef<str>,
        V: Into<super::ConfigValue>,
    {
        let defaults = broker.topic_defaults();
        let (topic, mut warnings) = defaults.clone().overridden_by(overrides)?;
        if topic.flush_ms != defaults.flush_ms && !broker.has_flush_schedule() {
            warnings.push(flush_without_schedule(Scope::Topic, "flush.ms", topic.flush_ms));
        }
        Ok((topic, warnings))
    }

    /// Bytes at which a new segment is begun: `internal.segment.bytes` if set, else `segment.bytes`.
    pub fn segment_size(&self) -> u32 {
        self.internal_segment_bytes.unwrap_or(self.segment_bytes)
    }

    /// No rule binds the modelled keys to each other.
    fn apply_rules(&mut self, _given: &Given) -> Result<Vec<Warning>, ConfigError> {
        Ok(Vec::new())
    }
}

/// A topic's key and the broker's key for the default of it, where the two names differ.
pub const TOPIC_SYNONYMS: &[(&str, &str)] = &[
    ("flush.messages", "log.flush.interval.messages"),
    ("flush.ms", "log.flush.interval.ms"),
    ("segment.bytes", "log.segment.bytes"),
    ("max.message.bytes", "message.max.bytes"),
    ("segment.ms", "log.roll.ms"),
    ("segment.jitter.ms", "log.roll.jitter.ms"),
    ("segment.index.bytes", "log.index.size.max.bytes"),
    ("index.interval.bytes", "log.index.interval.bytes"),
    ("retention.ms", "log.retention.ms"),
    ("retention.bytes", "log.retention.bytes"),
    ("cleanup.policy", "log.cleanup.policy"),
    ("file.delete.delay.ms", "log.segment.delete.delay.ms"),
    ("preallocate", "log.preallocate"),
    ("message.timestamp.type", "log.message.timestamp.type"),
    ("message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms"),
    ("message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms"),
];

/// The name that `scope` has for what another scope calls `key`.
pub(super) fn synonym(scope: Scope, key: &str) -> Option<&'static str> {
    TOPIC_SYNONYMS.iter().find_map(|&(topic, broker)| match scope {
        Scope::Broker if key == topic => Some(broker),
        Scope::Topic if key == broker => Some(topic),
        _ => None,
    })
}

/// Why old records stay; the brokers have the same keys under other names.
pub(super) const RETENTION: &str = "records are never deleted for their age or size";
pub(super) const COMPACTION: &str = "logs are never compacted";
pub(super) const ROLLING: &str = "segments are begun by size only";
pub(super) const INDEXES: &str = "reads need no index files";
pub(super) const TIMESTAMPS: &str = "timestamps are the producer's and are not checked";
pub(super) const COMPRESSION: &str = "batches have their uncompressed size";
pub(super) const TIERED: &str = "there is no tiered storage";
pub(super) const THROTTLING: &str = "there are no quotas";
pub(super) const FILES: &str = "how files are allocated belongs to the simulated disk";

/// Keys of Kafka's topics that have no field.
pub(super) const UNMODELLED: &[Unmodelled] = &[
    keeps("retention.ms", number(604_800_000), RETENTION),
    keeps("retention.bytes", number(-1), RETENTION),
    keeps("cleanup.policy", text("delete"), COMPACTION),
    alike("min.cleanable.dirty.ratio", COMPACTION),
    alike("delete.retention.ms", COMPACTION),
    alike("min.compaction.lag.ms", COMPACTION),
    alike("max.compaction.lag.ms", COMPACTION),
    keeps("segment.ms", number(604_800_000), ROLLING),
    keeps("segment.jitter.ms", number(0), ROLLING),
    alike("segment.index.bytes", INDEXES),
    alike("index.interval.bytes", INDEXES),
    alike("file.delete.delay.ms", RETENTION),
    alike("preallocate", FILES),
    keeps("message.timestamp.type", text("CreateTime"), TIMESTAMPS),
    keeps("message.timestamp.before.max.ms", number(NEVER), TIMESTAMPS),
    keeps("message.timestamp.after.max.ms", number(3_600_000), TIMESTAMPS),
    keeps("compression.type", text("producer"), COMPRESSION),
    alike("compression.gzip.level", COMPRESSION),
    alike("compression.lz4.level", COMPRESSION),
    alike("compression.zstd.level", COMPRESSION),
    unset("leader.replication.throttled.replicas", THROTTLING),
    unset("follower.replication.throttled.replicas", THROTTLING),
    unset("remote.*", TIERED),
    unset("local.retention.*", TIERED),
];
