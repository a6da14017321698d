//! The producer's configuration. As Kafka's `ProducerConfig` and `KafkaProducer.configureDeliveryTimeout`.
//!
//! One deviation ([`Scope::deviations`]): idempotence is not modelled, so `enable.idempotence` is `false` unless said,
//! and saying `true` is an error.

use super::definition::{Kind, Valid};
use super::error::{ConfigError, Warning};
use super::parse::{Given, config_table};
use super::scope::Scope;
use super::unmodelled::{Unmodelled, alike, differs, keeps, unset};
use super::value::{ConfigValue, Setting, boolean, number, text};

/// Which replicas must have a batch before the leader answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acks {
    /// `0`: the leader does not answer; written to the socket is sent.
    Zero,
    /// `1`: the leader's own log.
    One,
    /// `all` or `-1`: every in-sync replica.
    All,
}

impl Setting for Acks {
    fn read(value: Option<&ConfigValue>) -> Option<Self> {
        match value?.to_string().as_str() {
            "0" => Some(Self::Zero),
            "1" => Some(Self::One),
            "all" | "-1" => Some(Self::All),
            _ => None,
        }
    }

    fn print(&self) -> Option<ConfigValue> {
        Some(text(match self {
            Self::Zero => "0",
            Self::One => "1",
            Self::All => "all",
        }))
    }
}

config_table! {
    /// How a producer batches, sends, retries and gives up.
    ProducerConfig in Scope::Producer;

    "acks" => acks: Acks, Kind::Text, Some(text("all")), Valid::OneOf(&["all", "-1", "0", "1"]),
        "which replicas must have a batch before it counts as sent", "Since 0.8; `1` before 3.0 (KIP-679)";
    "retries" => retries: u32, Kind::Int, Some(number(i32::MAX as i64)), Valid::AtLeast(0),
        "how often a failed batch is sent again", "Since 0.8; `0` before 2.1 (KIP-91)";
    "max.in.flight.requests.per.connection" => max_in_flight_requests_per_connection: u32, Kind::Int,
        Some(number(5)), Valid::AtLeast(1),
        "unanswered produce requests per broker; more than one may reorder on retry", "Since 0.9";
    "linger.ms" => linger_ms: u64, Kind::Long, Some(number(5)), Valid::AtLeast(0),
        "how long a batch that is not full waits for more records", "Since 0.8; `0` before 4.0 (KIP-1030)";
    "batch.size" => batch_size: u32, Kind::Int, Some(number(16_384)), Valid::AtLeast(0),
        "bytes at which a batch is full", "Since 0.8";
    "delivery.timeout.ms" => delivery_timeout_ms: u64, Kind::Int, Some(number(120_000)), Valid::AtLeast(0),
        "time from send to the final answer, retries included", "Since 2.1 (KIP-91)";
    "request.timeout.ms" => request_timeout_ms: u64, Kind::Int, Some(number(30_000)), Valid::AtLeast(0),
        "time to wait for the answer to one request before the connection is given up", "Since 0.9";
    "retry.backoff.ms" => retry_backoff_ms: u64, Kind::Long, Some(number(100)), Valid::AtLeast(0),
        "pause before the first retry; doubles with each failure", "Since 0.8; constant before 3.7 (KIP-580)";
    "retry.backoff.max.ms" => retry_backoff_max_ms: u64, Kind::Long, Some(number(1_000)), Valid::AtLeast(0),
        "longest pause before a retry", "Since 3.7 (KIP-580)";
    "max.request.size" => max_request_size: u32, Kind::Int, Some(number(1_048_576)), Valid::AtLeast(0),
        "bytes of one produce request, and of one record before compression", "Since 0.8";
    "buffer.memory" => buffer_memory: u64, Kind::Long, Some(number(33_554_432)), Valid::AtLeast(0),
        "bytes of records waiting to be sent before `send` blocks", "Since 0.8";
    "max.block.ms" => max_block_ms: u64, Kind::Long, Some(number(60_000)), Valid::AtLeast(0),
        "how long `send` waits for metadata and buffer memory", "Since 0.9";
    "partitioner.ignore.keys" => partitioner_ignore_keys: bool, Kind::Boolean, Some(boolean(false)), Valid::Any,
        "whether keyed records choose a partition as keyless ones do", "Since 3.3 (KIP-794)";
    "partitioner.adaptive.partitioning.enable" => partitioner_adaptive_partitioning_enable: bool, Kind::Boolean,
        Some(boolean(true)), Valid::Any,
        "whether keyless records prefer partitions with fewer waiting batches", "Since 3.3 (KIP-794)";
    "metadata.max.age.ms" => metadata_max_age_ms: u64, Kind::Long, Some(number(300_000)), Valid::AtLeast(0),
        "age at which metadata is asked for again without need", "Since 0.8";
    "reconnect.backoff.ms" => reconnect_backoff_ms: u64, Kind::Long, Some(number(50)), Valid::AtLeast(0),
        "pause before the first attempt to connect again; doubles with each failure", "Since 0.8";
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

impl ProducerConfig {
    fn apply_rules(&mut self, given: &Given) -> Result<Vec<Warning>, ConfigError> {
        let mut warnings = Vec::new();
        warnings.extend(self.fit_delivery_timeout(given)?);
        warnings.extend(constant_reconnect_backoff(
            Scope::Producer,
            given,
            self.reconnect_backoff_ms,
            &mut self.reconnect_backoff_max_ms,
        ));
        warnings.extend(backoff_above_its_maximum(
            Scope::Producer,
            ("retry.backoff.ms", self.retry_backoff_ms),
            ("retry.backoff.max.ms", self.retry_backoff_max_ms),
        ));
        Ok(warnings)
    }

    /// A default that is too short is lengthened; a given one is refused.
    fn fit_delivery_timeout(&mut self, given: &Given) -> Result<Option<Warning>, ConfigError> {
        let linger_and_request_ms =
            self.linger_ms.saturating_add(self.request_timeout_ms).min(i32::MAX as u64);
        if self.delivery_timeout_ms >= linger_and_request_ms {
            return Ok(None);
        }
        let (scope, key) = (Scope::Producer, "delivery.timeout.ms");
        let rule = format!(
            "must be at least `linger.ms` ({}) + `request.timeout.ms` ({})",
            self.linger_ms, self.request_timeout_ms
        );
        if given.has(key) {
            let value = number(self.delivery_timeout_ms as i64);
            return Err(ConfigError::Conflict { scope, key, value, rule });
        }
        self.delivery_timeout_ms = linger_and_request_ms;
        let value = number(linger_and_request_ms as i64);
        Ok(Some(Warning::Adjusted { scope, key, value, reason: rule }))
    }
}

/// As `CommonClientConfigs.postProcessReconnectBackoffConfigs`: a first pause that is given alone is the only pause.
pub(super) fn constant_reconnect_backoff(
    scope: Scope,
    given: &Given,
    backoff_ms: u64,
    backoff_max_ms: &mut u64,
) -> Option<Warning> {
    let key = "reconnect.backoff.max.ms";
    if given.has(key) || !given.has("reconnect.backoff.ms") {
        return None;
    }
    *backoff_max_ms = backoff_ms;
    let reason = "`reconnect.backoff.ms` is given alone, so the pause does not grow".to_owned();
    Some(Warning::Adjusted { scope, key, value: number(backoff_ms as i64), reason })
}

/// As `CommonClientConfigs.warnDisablingExponentialBackoff`: the maximum then is the only pause.
pub(super) fn backoff_above_its_maximum(
    scope: Scope,
    (key, backoff_ms): (&'static str, u64),
    (max_key, backoff_max_ms): (&'static str, u64),
) -> Option<Warning> {
    (backoff_ms > backoff_max_ms).then(|| Warning::Adjusted {
        scope,
        key,
        value: number(backoff_max_ms as i64),
        reason: format!(
            "{backoff_ms} is above `{max_key}` ({backoff_max_ms}), which then is every pause"
        ),
    })
}

/// Why a client's sockets, names and metrics are not modelled; the consumer has the same keys.
pub(super) const ADDRESSES: &str = "clients find the simulated brokers without addresses";
pub(super) const SOCKETS: &str = "socket buffers belong to the simulated network";
pub(super) const NAMES: &str = "clients are named by the trial";
pub(super) const METRICS: &str = "a trial's figures come from its trace, not from client metrics";
pub(super) const PAYLOADS: &str = "payload bytes are not simulated";
pub(super) const REBOOTSTRAP: &str = "clients keep the broker addresses they know";
/// Why nothing of encryption, authentication and authorization is modelled, for brokers neither.
pub(super) const SECURITY: &str = "the simulated network needs no encryption and no authentication";
const COMPRESSION: &str = "batches have their uncompressed size";
const TRANSACTIONS: &str = "there are no transactions yet";

/// Keys of Kafka's producer that have no field.
pub(super) const UNMODELLED: &[Unmodelled] = &[
    differs(
        "enable.idempotence",
        boolean(true),
        boolean(false),
        "batches carry no producer id and sequence yet, so a retry may duplicate and reorder",
    ),
    keeps(
        "partitioner.availability.timeout.ms",
        number(0),
        "partitions are not skipped for slow leaders",
    ),
    unset("partitioner.class", "only the built-in partitioner is modelled"),
    unset("transactional.id", TRANSACTIONS),
    keeps("transaction.timeout.ms", number(60_000), TRANSACTIONS),
    keeps("transaction.two.phase.commit.enable", boolean(false), TRANSACTIONS),
    keeps("compression.type", text("none"), COMPRESSION),
    alike("compression.gzip.level", COMPRESSION),
    alike("compression.lz4.level", COMPRESSION),
    alike("compression.zstd.level", COMPRESSION),
    keeps("metadata.max.idle.ms", number(300_000), "topics are not forgotten for idleness"),
    keeps("metadata.recovery.strategy", text("rebootstrap"), REBOOTSTRAP),
    keeps("metadata.recovery.rebootstrap.trigger.ms", number(300_000), REBOOTSTRAP),
    keeps("client.dns.lookup", text("use_all_dns_ips"), ADDRESSES),
    alike("bootstrap.servers", ADDRESSES),
    alike("client.id", NAMES),
    alike("key.serializer", PAYLOADS),
    alike("value.serializer", PAYLOADS),
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
