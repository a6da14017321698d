//! The brokers' configuration, with the controller's and the topics' defaults. As Kafka's `KafkaConfig`, that is
//! `ReplicationConfigs`, `ServerLogConfigs`, `KRaftConfigs`, `QuorumConfig`, `GroupCoordinatorConfig`.
//!
//! `log.flush.interval.ms` alone flushes nothing: logs are looked at every `log.flush.scheduler.interval.ms`, which
//! Kafka leaves at "never". A given interval without a schedule is warned of.

use super::definition::{Kind, Valid};
use super::error::{ConfigError, Warning};
use super::parse::{Given, config_table};
use super::producer::SECURITY;
use super::scope::Scope;
use super::topic::{
    COMPACTION, COMPRESSION, FILES, INDEXES, RETENTION, ROLLING, THROTTLING, TIERED, TIMESTAMPS,
    TopicConfig,
};
use super::unmodelled::{Unmodelled, alike, keeps, unset};
use super::value::{NEVER, boolean, number, text};

config_table! {
    /// How brokers replicate, flush, fence and elect.
    BrokerConfig in Scope::Broker;

    "min.insync.replicas" => min_insync_replicas: u32, Kind::Int, Some(number(1)), Valid::AtLeast(1),
        "in-sync replicas without which a produce request with `acks=all` is refused", "Since 0.8.2";
    "message.max.bytes" => message_max_bytes: u32, Kind::Int, Some(number(1_048_588)), Valid::AtLeast(0),
        "largest batch that is accepted", "Since 0.8; `1000012` before 2.5";

    "unclean.leader.election.enable" => unclean_leader_election_enable: bool, Kind::Boolean, Some(boolean(false)),
        Valid::Any,
        "whether a replica that is not in sync may lead when no other can", "Since 0.8.2; `true` before 0.11";
    "unclean.leader.election.interval.ms" => unclean_leader_election_interval_ms: u64, Kind::Long,
        Some(number(300_000)), Valid::AtLeast(1),
        "time between the controller's looks for leaderless partitions that may be led uncleanly",
        "Internal to Kafka, KRaft only";
    "auto.leader.rebalance.enable" => auto_leader_rebalance_enable: bool, Kind::Boolean, Some(boolean(true)),
        Valid::Any,
        "whether the controller moves leadership back to preferred replicas", "Since 0.8";
    "leader.imbalance.check.interval.seconds" => leader_imbalance_check_interval_seconds: u64, Kind::Long,
        Some(number(300)), Valid::AtLeast(1),
        "seconds between the checks whether to do so", "Since 0.8";

    "replica.lag.time.max.ms" => replica_lag_time_max_ms: u64, Kind::Long, Some(number(30_000)), Valid::AtLeast(1),
        "how long a follower may be behind before it leaves the in-sync set", "Since 0.8; `10000` before 2.5";
    "replica.fetch.wait.max.ms" => replica_fetch_wait_max_ms: u64, Kind::Int, Some(number(500)), Valid::AtLeast(0),
        "how long a leader gathers `replica.fetch.min.bytes` for a follower", "Since 0.8";
    "replica.fetch.min.bytes" => replica_fetch_min_bytes: u32, Kind::Int, Some(number(1)), Valid::AtLeast(0),
        "bytes a leader gathers before it answers a follower", "Since 0.8";
    "replica.fetch.max.bytes" => replica_fetch_max_bytes: u32, Kind::Int, Some(number(1_048_576)), Valid::AtLeast(0),
        "bytes of one partition in an answer to a follower; the first batch comes whole even if larger", "Since 0.8";
    "replica.fetch.response.max.bytes" => replica_fetch_response_max_bytes: u32, Kind::Int,
        Some(number(10_485_760)), Valid::AtLeast(0),
        "bytes of an answer to a follower", "Since 0.10.1 (KIP-74)";
    "replica.fetch.backoff.ms" => replica_fetch_backoff_ms: u64, Kind::Int, Some(number(1_000)), Valid::AtLeast(0),
        "pause of a follower after a failed fetch", "Since 0.8";
    "replica.socket.timeout.ms" => replica_socket_timeout_ms: u64, Kind::Int, Some(number(30_000)),
        Valid::AtLeast(1),
        "time a follower waits for the answer to a fetch", "Since 0.8";
    "replica.high.watermark.checkpoint.interval.ms" => replica_high_watermark_checkpoint_interval_ms: u64,
        Kind::Long, Some(number(5_000)), Valid::AtLeast(1),
        "time between writes of the high watermarks to disk", "Since 0.8";

    "log.flush.interval.messages" => log_flush_interval_messages: u64, Kind::Long, Some(number(NEVER)),
        Valid::AtLeast(1),
        "records appended to a partition before its log is flushed to disk", "Since 0.8";
    "log.flush.interval.ms" => log_flush_interval_ms: Option<u64>, Kind::Long, None, Valid::AtLeast(0),
        "age of an unflushed record at which its log is flushed; unset is `log.flush.scheduler.interval.ms`",
        "Since 0.8";
    "log.flush.scheduler.interval.ms" => log_flush_scheduler_interval_ms: u64, Kind::Long, Some(number(NEVER)),
        Valid::AtLeast(1),
        "time between looks for logs to flush", "Since 0.8";
    "log.flush.offset.checkpoint.interval.ms" => log_flush_offset_checkpoint_interval_ms: u64, Kind::Int,
        Some(number(60_000)), Valid::AtLeast(1),
        "time between writes of the recovery points to disk", "Since 0.8";
    "log.segment.bytes" => log_segment_bytes: u32, Kind::Int, Some(number(1_073_741_824)), Valid::AtLeast(1_048_576),
        "size at which a new segment is begun", "Since 0.8; from `14` before 4.0 (KIP-1030)";

    "broker.heartbeat.interval.ms" => broker_heartbeat_interval_ms: u64, Kind::Int, Some(number(2_000)),
        Valid::AtLeast(1),
        "time between a broker's heartbeats to the controller", "Since 2.8 (KIP-631)";
    "broker.session.timeout.ms" => broker_session_timeout_ms: u64, Kind::Int, Some(number(9_000)), Valid::AtLeast(1),
        "time without heartbeat after which the controller fences a broker", "Since 2.8 (KIP-631)";
    "controller.quorum.append.linger.ms" => controller_quorum_append_linger_ms: u64, Kind::Int, Some(number(25)),
        Valid::AtLeast(0),
        "how long the controller gathers metadata records before it flushes them", "Since 2.8 (KIP-595)";
    "controller.quorum.request.timeout.ms" => controller_quorum_request_timeout_ms: u64, Kind::Int,
        Some(number(2_000)), Valid::AtLeast(1),
        "time to wait for the controller's answer to one metadata request", "Since 2.8 (KIP-595)";
    "controller.quorum.retry.backoff.ms" => controller_quorum_retry_backoff_ms: u64, Kind::Int, Some(number(20)),
        Valid::AtLeast(0),
        "pause before a failed metadata request is sent again", "Since 2.8 (KIP-595)";

    "offsets.topic.num.partitions" => offsets_topic_num_partitions: u32, Kind::Int, Some(number(50)),
        Valid::AtLeast(1),
        "partitions of `__consumer_offsets`", "Since 0.8";
    "offsets.topic.replication.factor" => offsets_topic_replication_factor: u32, Kind::Short, Some(number(3)),
        Valid::AtLeast(1),
        "replicas of `__consumer_offsets`", "Since 0.8";
    "offsets.topic.segment.bytes" => offsets_topic_segment_bytes: u32, Kind::Int, Some(number(104_857_600)),
        Valid::AtLeast(1),
        "size at which a new segment of `__consumer_offsets` is begun", "Since 0.8";
    "offsets.commit.timeout.ms" => offsets_commit_timeout_ms: u64, Kind::Int, Some(number(5_000)), Valid::AtLeast(1),
        "how long a commit waits for the in-sync replicas", "Since 0.8";

    "fetch.max.bytes" => fetch_max_bytes: u32, Kind::Int, Some(number(57_671_680)), Valid::AtLeast(1_024),
        "bytes of one fetch response, whatever was asked for", "Since 2.5 (KIP-541)";
    "request.timeout.ms" => request_timeout_ms: u64, Kind::Int, Some(number(30_000)), Valid::AtLeast(1),
        "time to wait for the answer to a request between brokers and controller", "Since 0.9";
    "connections.max.idle.ms" => connections_max_idle_ms: i64, Kind::Long, Some(number(600_000)), Valid::AtLeast(-1),
        "idle time after which a connection is closed; `-1` is never", "Since 0.8";
    "socket.connection.setup.timeout.ms" => socket_connection_setup_timeout_ms: u64, Kind::Long,
        Some(number(10_000)), Valid::AtLeast(1),
        "time for a connection to be established; doubles with each failure", "Since 2.7 (KIP-601)";
    "socket.connection.setup.timeout.max.ms" => socket_connection_setup_timeout_max_ms: u64, Kind::Long,
        Some(number(30_000)), Valid::AtLeast(1),
        "longest time for a connection to be established", "Since 2.7 (KIP-601)";
}

impl BrokerConfig {
    /// The configuration of a topic that overrides nothing.
    pub fn topic_defaults(&self) -> TopicConfig {
        TopicConfig {
            min_insync_replicas: self.min_insync_replicas,
            unclean_leader_election_enable: self.unclean_leader_election_enable,
            flush_messages: self.log_flush_interval_messages,
            flush_ms: self.log_flush_interval_ms.unwrap_or(self.log_flush_scheduler_interval_ms),
            segment_bytes: self.log_segment_bytes,
            internal_segment_bytes: None,
            max_message_bytes: self.message_max_bytes,
        }
    }

    /// The configuration of `__consumer_offsets`, which takes the brokers' `min.insync.replicas` like any topic.
    pub fn offsets_topic(&self) -> TopicConfig {
        TopicConfig { segment_bytes: self.offsets_topic_segment_bytes, ..self.topic_defaults() }
    }

    fn apply_rules(&mut self, given: &Given) -> Result<Vec<Warning>, ConfigError> {
        self.fetch_waits_less_than(
            ("replica.socket.timeout.ms", self.replica_socket_timeout_ms),
            "or every quiet fetch times out",
        )?;
        self.fetch_waits_less_than(
            ("replica.lag.time.max.ms", self.replica_lag_time_max_ms),
            "or a quiet follower leaves the in-sync set",
        )?;
        Ok(self.unheeded_flush_interval(given).into_iter().collect())
    }

    fn unheeded_flush_interval(&self, given: &Given) -> Option<Warning> {
        let key = "log.flush.interval.ms";
        let flush_ms = self.log_flush_interval_ms.filter(|_| given.has(key))?;
        (!self.has_flush_schedule()).then(|| flush_without_schedule(Scope::Broker, key, flush_ms))
    }

    /// As `KafkaConfig.validateValues`.
    fn fetch_waits_less_than(
        &self,
        (other, limit_ms): (&'static str, u64),
        consequence: &str,
    ) -> Result<(), ConfigError> {
        if self.replica_fetch_wait_max_ms <= limit_ms {
            return Ok(());
        }
        Err(ConfigError::Conflict {
            scope: Scope::Broker,
            key: "replica.fetch.wait.max.ms",
            value: number(self.replica_fetch_wait_max_ms as i64),
            rule: format!("must be at most `{other}` ({limit_ms}), {consequence}"),
        })
    }

    /// Whether logs are ever looked at for records that have been unflushed too long.
    pub(super) fn has_flush_schedule(&self) -> bool {
        self.log_flush_scheduler_interval_ms != NEVER as u64
    }
}

/// The warning that an age at which to flush is given, but nothing ever looks at it.
pub(super) fn flush_without_schedule(scope: Scope, key: &'static str, flush_ms: u64) -> Warning {
    Warning::NoEffect {
        scope,
        key: key.to_owned(),
        value: number(flush_ms as i64),
        reason: "logs are looked at only if the brokers' `log.flush.scheduler.interval.ms` is set",
    }
}

const NAMES: &str = "nodes are named and placed by the trial";
const ONE_CONTROLLER: &str = "there is one controller and no quorum to elect one";
const METADATA_LOG: &str = "the metadata log is kept whole, without snapshots";
const ADDRESSES: &str = "nodes find each other without addresses";
const THREADS: &str = "a node's speed is the trial's, not its number of threads";
const SOCKETS: &str = "sockets belong to the simulated network";
const LIMITS: &str = "connections and requests are not limited";
const TOPICS: &str = "topics exist before the clients start and stay";
const EXPLICIT_TOPICS: &str = "every topic says how many partitions and replicas it has";
const SESSIONS: &str = "every fetch is a full one";
const OFFSETS: &str = "committed offsets do not expire and carry no metadata";
const REBALANCING: &str = "partitions are assigned by hand, so there is no rebalancing";
const TRANSACTIONS: &str = "there are no transactions yet";
const METRICS: &str = "a trial's figures come from its trace, not from broker metrics";

/// Keys of Kafka's brokers that have no field.
pub(super) const UNMODELLED: &[Unmodelled] = &[
    alike("node.id", NAMES),
    alike("broker.id", NAMES),
    alike("process.roles", NAMES),
    unset("broker.rack", NAMES),
    alike("log.dir", NAMES),
    alike("log.dirs", NAMES),
    alike("metadata.log.dir", NAMES),
    alike("log.dir.failure.timeout.ms", NAMES),
    alike("listeners", ADDRESSES),
    alike("advertised.listeners", ADDRESSES),
    alike("controller.listener.names", ADDRESSES),
    alike("listener.security.protocol.map", ADDRESSES),
    alike("inter.broker.listener.name", ADDRESSES),
    alike("early.start.listeners", ADDRESSES),
    alike("controller.quorum.voters", ADDRESSES),
    alike("controller.quorum.bootstrap.servers", ADDRESSES),
    keeps("controller.quorum.election.timeout.ms", number(1_000), ONE_CONTROLLER),
    keeps("controller.quorum.election.backoff.max.ms", number(1_000), ONE_CONTROLLER),
    keeps("controller.quorum.auto.join.enable", boolean(false), ONE_CONTROLLER),
    keeps("controller.quorum.fetch.timeout.ms", number(2_000), ONE_CONTROLLER),
    alike("leader.imbalance.per.broker.percentage", "every imbalance is corrected"),
    keeps(
        "controlled.shutdown.enable",
        boolean(true),
        "a broker that is asked to stop hands over its leaderships",
    ),
    alike("default.replication.factor", EXPLICIT_TOPICS),
    alike("num.partitions", EXPLICIT_TOPICS),
    keeps("metadata.log.max.record.bytes.between.snapshots", number(20_971_520), METADATA_LOG),
    keeps("metadata.log.max.snapshot.interval.ms", number(3_600_000), METADATA_LOG),
    keeps("metadata.log.segment.bytes", number(1_073_741_824), METADATA_LOG),
    keeps("metadata.log.segment.ms", number(604_800_000), METADATA_LOG),
    keeps("metadata.max.retention.bytes", number(104_857_600), METADATA_LOG),
    keeps("metadata.max.retention.ms", number(604_800_000), METADATA_LOG),
    keeps("metadata.max.idle.interval.ms", number(500), "an idle controller writes no records"),
    keeps(
        "initial.broker.registration.timeout.ms",
        number(60_000),
        "a broker tries to register for ever",
    ),
    alike("server.max.startup.time.ms", "a broker may take any time to start"),
    keeps("num.replica.fetchers", number(1), "a follower has one fetcher per leader"),
    unset("replica.selector.class", "consumers fetch from the leader only"),
    keeps("max.incremental.fetch.session.cache.slots", number(1_000), SESSIONS),
    alike("num.io.threads", THREADS),
    alike("num.network.threads", THREADS),
    alike("background.threads", THREADS),
    alike("num.recovery.threads.per.data.dir", THREADS),
    alike("num.replica.alter.log.dirs.threads", THREADS),
    alike("group.coordinator.threads", THREADS),
    alike("replica.socket.receive.buffer.bytes", SOCKETS),
    alike("socket.send.buffer.bytes", SOCKETS),
    alike("socket.receive.buffer.bytes", SOCKETS),
    alike("socket.listen.backlog.size", SOCKETS),
    keeps("socket.request.max.bytes", number(104_857_600), LIMITS),
    keeps("queued.max.requests", number(500), LIMITS),
    keeps("queued.max.request.bytes", number(-1), LIMITS),
    keeps("max.connections", number(i32::MAX as i64), LIMITS),
    keeps("max.connections.per.ip", number(i32::MAX as i64), LIMITS),
    keeps("max.connections.per.ip.overrides", text(""), LIMITS),
    keeps("max.connection.creation.rate", number(i32::MAX as i64), LIMITS),
    keeps("max.request.partition.size.limit", number(2_000), LIMITS),
    alike(
        "fetch.purgatory.purge.interval.requests",
        "answered requests leave the purgatory at once",
    ),
    alike(
        "producer.purgatory.purge.interval.requests",
        "answered requests leave the purgatory at once",
    ),
    alike("delete.records.purgatory.purge.interval.requests", "records are not deleted on request"),
    alike("auto.create.topics.enable", TOPICS),
    alike("delete.topic.enable", TOPICS),
    unset("create.topic.policy.class.name", TOPICS),
    unset("alter.config.policy.class.name", TOPICS),
    keeps("log.retention.hours", number(168), RETENTION),
    unset("log.retention.minutes", RETENTION),
    unset("log.retention.ms", RETENTION),
    keeps("log.retention.bytes", number(-1), RETENTION),
    alike("log.retention.check.interval.ms", RETENTION),
    alike("log.segment.delete.delay.ms", RETENTION),
    alike("log.flush.start.offset.checkpoint.interval.ms", RETENTION),
    alike("log.initial.task.delay.ms", RETENTION),
    keeps("log.roll.hours", number(168), ROLLING),
    unset("log.roll.ms", ROLLING),
    keeps("log.roll.jitter.hours", number(0), ROLLING),
    unset("log.roll.jitter.ms", ROLLING),
    alike("log.index.interval.bytes", INDEXES),
    alike("log.index.size.max.bytes", INDEXES),
    alike("log.preallocate", FILES),
    keeps("log.cleanup.policy", text("delete"), COMPACTION),
    keeps("log.message.timestamp.type", text("CreateTime"), TIMESTAMPS),
    keeps("log.message.timestamp.before.max.ms", number(NEVER), TIMESTAMPS),
    keeps("log.message.timestamp.after.max.ms", number(3_600_000), TIMESTAMPS),
    keeps("compression.type", text("producer"), COMPRESSION),
    alike("compression.gzip.level", COMPRESSION),
    alike("compression.lz4.level", COMPRESSION),
    alike("compression.zstd.level", COMPRESSION),
    keeps("offset.metadata.max.bytes", number(4_096), OFFSETS),
    keeps("offsets.retention.minutes", number(10_080), OFFSETS),
    alike("offsets.retention.check.interval.ms", OFFSETS),
    alike(
        "offsets.load.buffer.size",
        "a new coordinator reads the offsets log as fast as the disk allows",
    ),
    keeps("offsets.topic.compression.codec", number(0), COMPRESSION),
    alike("client.quota.callback.class", THROTTLING),
    keeps("producer.id.expiration.ms", number(86_400_000), TRANSACTIONS),
    alike("producer.id.expiration.check.interval.ms", TRANSACTIONS),
    alike("metric.reporters", METRICS),
    alike("metrics.num.samples", METRICS),
    alike("metrics.recording.level", METRICS),
    alike("metrics.sample.window.ms", METRICS),
    alike("telemetry.max.bytes", METRICS),
    keeps("security.inter.broker.protocol", text("PLAINTEXT"), SECURITY),
    unset("security.providers", SECURITY),
    keeps("authorizer.class.name", text(""), SECURITY),
    unset("principal.builder.class", SECURITY),
    keeps("connections.max.reauth.ms", number(0), SECURITY),
    keeps("connection.failed.authentication.delay.ms", number(100), SECURITY),
    unset("ssl.*", SECURITY),
    unset("sasl.*", SECURITY),
    unset("super.users*", SECURITY),
    unset("password.encoder.*", SECURITY),
    unset("delegation.token.*", SECURITY),
    unset("listener.name.*", ADDRESSES),
    alike("log.cleaner.*", COMPACTION),
    unset("log.local.retention.*", TIERED),
    unset("remote.*", TIERED),
    unset("quota.*", THROTTLING),
    unset("controller.quota.*", THROTTLING),
    unset("replication.quota.*", THROTTLING),
    unset("alter.log.dirs.*", THROTTLING),
    unset("leader.replication.throttled.*", THROTTLING),
    unset("follower.replication.throttled.*", THROTTLING),
    alike("transaction.*", TRANSACTIONS),
    alike("transactional.id.*", TRANSACTIONS),
    alike("group.*", REBALANCING),
    alike("share.coordinator.*", "there are no share groups"),
    alike("kafka.metrics.*", METRICS),
    unset("zookeeper.*", "the control plane is KRaft's"),
];
