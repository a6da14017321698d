//! The consumer's configuration. As Kafka's `ConsumerConfig`.
//!
//! Partitions are assigned by hand; a group id is for committed offsets only, so nothing of rebalancing is modelled.

use super::definition::{Kind, Valid};
use super::error::{ConfigError, Warning};
use super::parse::{Given, config_table};
use super::producer::{
    ADDRESSES, METRICS, NAMES, PAYLOADS, REBOOTSTRAP, SECURITY, SOCKETS, backoff_above_its_maximum,
    constant_reconnect_backoff,
};
use super::scope::Scope;
use super::unmodelled::{Unmodelled, alike, keeps, unset};
use super::value::{ConfigValue, Setting, boolean, number, text};

/// Where a consumer starts when its group has no committed offset, or the log no longer has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AutoOffsetReset {
    /// At the log start offset.
    Earliest,
    /// At the high watermark: records produced before are skipped.
    Latest,
    /// Nowhere: the application gets an error.
    None,
}

impl Setting for AutoOffsetReset {
    fn read(value: Option<&ConfigValue>) -> Option<Self> {
        match value?.to_string().as_str() {
            "earliest" => Some(Self::Earliest),
            "latest" => Some(Self::Latest),
            "none" => Some(Self::None),
            _ => None,
        }
    }

    fn print(&self) -> Option<ConfigValue> {
        Some(text(match self {
            Self::Earliest => "earliest",
            Self::Latest => "latest",
            Self::None => "none",
        }))
    }
}

config_table! {
    /// How a consumer fetches, and when it commits.
    ConsumerConfig in Scope::Consumer;

    "group.id" => group_id: Option<String>, Kind::Text, None, Valid::NonEmpty,
        "the group whose committed offsets are used", "Since 0.9";
    "auto.offset.reset" => auto_offset_reset: AutoOffsetReset, Kind::Text, Some(text("latest")),
        Valid::OneOf(&["latest", "earliest", "none"]),
        "where to start without a valid committed offset", "Since 0.9; `by_duration` (4.0) is not modelled";
    "enable.auto.commit" => enable_auto_commit: bool, Kind::Boolean, Some(boolean(true)), Valid::Any,
        "whether `poll` commits the positions by itself; `false` without `group.id`", "Since 0.9";
    "auto.commit.interval.ms" => auto_commit_interval_ms: u64, Kind::Int, Some(number(5_000)), Valid::AtLeast(0),
        "time between automatic commits", "Since 0.9";
    "max.poll.records" => max_poll_records: u32, Kind::Int, Some(number(500)), Valid::AtLeast(1),
        "records one `poll` returns", "Since 0.10.0 without limit; `500` since 0.10.1";
    "fetch.min.bytes" => fetch_min_bytes: u32, Kind::Int, Some(number(1)), Valid::AtLeast(0),
        "bytes a broker gathers before it answers a fetch", "Since 0.9";
    "fetch.max.wait.ms" => fetch_max_wait_ms: u64, Kind::Int, Some(number(500)), Valid::AtLeast(0),
        "how long a broker gathers them", "Since 0.9";
    "fetch.max.bytes" => fetch_max_bytes: u32, Kind::Int, Some(number(52_428_800)), Valid::AtLeast(0),
        "bytes of one fetch response; the first batch comes whole even if larger", "Since 0.10.1 (KIP-74)";
    "max.partition.fetch.bytes" => max_partition_fetch_bytes: u32, Kind::Int, Some(number(1_048_576)),
        Valid::AtLeast(0),
        "bytes of one partition in a fetch response; the first batch comes whole even if larger", "Since 0.9";
    "default.api.timeout.ms" => default_api_timeout_ms: u64, Kind::Int, Some(number(60_000)), Valid::AtLeast(0),
        "time for a call such as a commit, retries included", "Since 2.0 (KIP-266)";
    "request.timeout.ms" => request_timeout_ms: u64, Kind::Int, Some(number(30_000)), Valid::AtLeast(0),
        "time to wait for the answer to one request before the connection is given up",
        "Since 0.9; `305000` before 2.0";
    "retry.backoff.ms" => retry_backoff_ms: u64, Kind::Long, Some(number(100)), Valid::AtLeast(0),
        "pause before the first retry; doubles with each failure", "Since 0.9; constant before 3.7 (KIP-580)";
    "retry.backoff.max.ms" => retry_backoff_max_ms: u64, Kind::Long, Some(number(1_000)), Valid::AtLeast(0),
        "longest pause before a retry", "Since 3.7 (KIP-580)";
    "metadata.max.age.ms" => metadata_max_age_ms: u64, Kind::Long, Some(number(300_000)), Valid::AtLeast(0),
        "age at which metadata is asked for again without need", "Since 0.9";
    "reconnect.backoff.ms" => reconnect_backoff_ms: u64, Kind::Long, Some(number(50)), Valid::AtLeast(0),
        "pause before the first attempt to connect again; doubles with each failure", "Since 0.9";
    "reconnect.backoff.max.ms" => reconnect_backoff_max_ms: u64, Kind::Long, Some(number(1_000)), Valid::AtLeast(0),
        "longest pause before an attempt to connect", "Since 0.11 (KIP-144)";
    "socket.connection.setup.timeout.ms" => socket_connection_setup_timeout_ms: u64, Kind::Long,
        Some(number(10_000)), Valid::AtLeast(1),
        "time for a connection to be established; doubles with each failure", "Since 2.7 (KIP-601)";
    "socket.connection.setup.timeout.max.ms" => socket_connection_setup_timeout_max_ms: u64, Kind::Long,
        Some(number(30_000)), Valid::AtLeast(1),
        "longest time for a connection to be established", "Since 2.7 (KIP-601)";
    "connections.max.idle.ms" => connections_max_idle_ms: i64, Kind::Long, Some(number(540_000)), Valid::AtLeast(-1),
        "idle time after which a connection is closed; `-1` is never", "Since 0.9";
}

impl ConsumerConfig {
    fn apply_rules(&mut self, given: &Given) -> Result<Vec<Warning>, ConfigError> {
        let mut warnings = Vec::new();
        warnings.extend(self.commit_only_for_a_group(given)?);
        warnings.extend(constant_reconnect_backoff(
            Scope::Consumer,
            given,
            self.reconnect_backoff_ms,
            &mut self.reconnect_backoff_max_ms,
        ));
        warnings.extend(backoff_above_its_maximum(
            Scope::Consumer,
            ("retry.backoff.ms", self.retry_backoff_ms),
            ("retry.backoff.max.ms", self.retry_backoff_max_ms),
        ));
        Ok(warnings)
    }

    /// As `ConsumerConfig.maybeOverrideEnableAutoCommit`.
    fn commit_only_for_a_group(&mut self, given: &Given) -> Result<Option<Warning>, ConfigError> {
        let (scope, key) = (Scope::Consumer, "enable.auto.commit");
        if self.group_id.is_some() || !self.enable_auto_commit {
            return Ok(None);
        }
        let rule = "without `group.id` there is nothing to commit to".to_owned();
        if given.has(key) {
            return Err(ConfigError::Conflict { scope, key, value: boolean(true), rule });
        }
        self.enable_auto_commit = false;
        Ok(Some(Warning::Adjusted { scope, key, value: boolean(false), reason: rule }))
    }
}

const REBALANCING: &str = "partitions are assigned by hand, so there is no rebalancing";
const TRANSACTIONS: &str = "there are no transactions yet";

/// Keys of Kafka's consumer that have no field.
pub(super) const UNMODELLED: &[Unmodelled] = &[
    keeps("isolation.level", text("read_uncommitted"), TRANSACTIONS),
    keeps("session.timeout.ms", number(45_000), REBALANCING),
    keeps("heartbeat.interval.ms", number(3_000), REBALANCING),
    keeps("max.poll.interval.ms", number(300_000), REBALANCING),
    keeps("group.protocol", text("classic"), REBALANCING),
    unset("group.instance.id", REBALANCING),
    unset("group.remote.assignor", REBALANCING),
    unset("partition.assignment.strategy", REBALANCING),
    keeps("exclude.internal.topics", boolean(true), "topics are not subscribed to by pattern"),
    alike("allow.auto.create.topics", "topics exist before the clients start"),
    keeps("check.crcs", boolean(true), "a batch that is corrupt is always found to be"),
    keeps("client.rack", text(""), "consumers fetch from the leader only"),
    unset("share.acknowledgement.mode", "there are no share groups"),
    unset("share.acquire.mode", "there are no share groups"),
    keeps("metadata.recovery.strategy", text("rebootstrap"), REBOOTSTRAP),
    keeps("metadata.recovery.rebootstrap.trigger.ms", number(300_000), REBOOTSTRAP),
    keeps("client.dns.lookup", text("use_all_dns_ips"), ADDRESSES),
    alike("bootstrap.servers", ADDRESSES),
    alike("client.id", NAMES),
    alike("key.deserializer", PAYLOADS),
    alike("value.deserializer", PAYLOADS),
    unset("interceptor.classes", "a trial runs no user code inside the client"),
    alike("send.buffer.bytes", SOCKETS),
    alike("receive.buffer.bytes", SOCKETS),
    alike("enable.metrics.push", METRICS),
    alike("metric.reporters", METRICS),
    alike("metrics.num.samples", METRICS),
    alike("metrics.recording.level", METRICS),
    alike("metrics.sample.window.ms", METRICS),
    alike("auto.include.jmx.reporter", METRICS),
    keeps("security.protocol", text("PLAINTEXT"), SECURITY),
    unset("security.providers", SECURITY),
    unset("ssl.*", SECURITY),
    unset("sasl.*", SECURITY),
];
