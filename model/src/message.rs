//! What actors say to each other: Kafka's requests and responses, reduced to the fields that carry semantics.
//!
//! Every request bears a correlation id that its response repeats. Requests on one connection are answered in order.
//! Fetch sessions (KIP-227) are not modelled: every fetch names all its partitions.

use std::sync::Arc;

use ktrial_sim::actor;
use ktrial_sim::time::Duration;
use ktrial_sim::trace::TraceHasher;

use crate::error_code::ErrorCode;
use crate::ids::{
    BrokerEpoch, BrokerId, GroupId, LeaderEpoch, MetadataOffset, Offset, PartitionEpoch,
    TopicPartition,
};
use crate::metadata::{MetadataRecord, PartitionState};
use crate::record::Batch;

/// Pairs a response with its request on one connection.
pub type CorrelationId = u32;

/// Anything that travels between two nodes. It is handed on by value many times: what is large is boxed, and the tags of
/// the enums fill whole words, because what is copied in odd pieces and read in whole ones stalls the processor.
#[derive(Clone, Debug)]
#[repr(u32)]
pub enum Message {
    /// Asks.
    Request(CorrelationId, Request),
    /// Answers the request with the same id.
    Response(CorrelationId, Response),
}

/// What can be asked.
#[derive(Clone, Debug)]
#[repr(u64)]
pub enum Request {
    /// Append batches (API key 0).
    Produce(Box<ProduceRequest>),
    /// Read batches, as a consumer or as a follower (1). Shared with whoever remembers what it asked for.
    Fetch(Arc<FetchRequest>),
    /// Earliest or latest offset (2).
    ListOffsets(Box<ListOffsetsRequest>),
    /// Who leads what (3).
    Metadata,
    /// Store a group's offsets (8).
    OffsetCommit(Box<OffsetCommitRequest>),
    /// Read a group's offsets (9).
    OffsetFetch(Box<OffsetFetchRequest>),
    /// Which broker coordinates a group (10).
    FindCoordinator(GroupId),
    /// Where epochs end in a leader's log (23).
    OffsetsForLeaderEpoch(Box<OffsetsForLeaderEpochRequest>),
    /// A leader asks the controller to change the ISR (56).
    AlterPartition(Box<AlterPartitionRequest>),
    /// A broker's process introduces itself to the controller (62).
    BrokerRegistration(Box<BrokerRegistrationRequest>),
    /// A broker keeps its session alive and says what it wants (63).
    BrokerHeartbeat(Box<BrokerHeartbeatRequest>),
    /// A broker reads the metadata log (Fetch of `__cluster_metadata`).
    MetadataFetch(Box<MetadataFetchRequest>),
}

/// What can be answered.
#[derive(Clone, Debug)]
#[repr(u64)]
pub enum Response {
    /// To [`Request::Produce`] with acks other than 0.
    Produce(ProduceResponse),
    /// To [`Request::Fetch`].
    Fetch(FetchResponse),
    /// To [`Request::ListOffsets`].
    ListOffsets(Box<ListOffsetsResponse>),
    /// To [`Request::Metadata`].
    Metadata(Box<MetadataResponse>),
    /// To [`Request::OffsetCommit`].
    OffsetCommit(Box<OffsetCommitResponse>),
    /// To [`Request::OffsetFetch`].
    OffsetFetch(Box<OffsetFetchResponse>),
    /// To [`Request::FindCoordinator`]: the broker, if there is one.
    FindCoordinator(ErrorCode, Option<BrokerId>),
    /// To [`Request::OffsetsForLeaderEpoch`].
    OffsetsForLeaderEpoch(Box<OffsetsForLeaderEpochResponse>),
    /// To [`Request::AlterPartition`].
    AlterPartition(Box<AlterPartitionResponse>),
    /// To [`Request::BrokerRegistration`]: the broker's epoch, or why it was refused.
    BrokerRegistration(Result<BrokerEpoch, ErrorCode>),
    /// To [`Request::BrokerHeartbeat`].
    BrokerHeartbeat(BrokerHeartbeatResponse),
    /// To [`Request::MetadataFetch`].
    MetadataFetch(Box<MetadataFetchResponse>),
}

/// How many replicas must have a record before the producer is told.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum RequiredAcks {
    /// None: there is no response.
    Zero,
    /// The leader's page cache.
    One,
    /// Every in-sync replica.
    All,
}

/// Batches to append, at most one per partition.
#[derive(Clone, Debug)]
pub struct ProduceRequest {
    /// How many replicas must have them.
    pub acks: RequiredAcks,
    /// How long the leader may wait for them (`request.timeout.ms` of the producer).
    pub timeout: Duration,
    /// What to append, in the producer's order.
    pub batches: Vec<(TopicPartition, Batch)>,
}

/// One answer per partition of the request.
#[derive(Clone, Debug)]
pub struct ProduceResponse {
    /// In the request's order.
    pub partitions: Vec<ProducePartitionResponse>,
}

/// What became of one batch.
#[derive(Copy, Clone, Debug)]
pub struct ProducePartitionResponse {
    /// Which partition.
    pub partition: TopicPartition,
    /// [`ErrorCode::None`] if it was appended and acknowledged as asked.
    pub error: ErrorCode,
    /// Offset of the batch's first record, if it was appended by this request.
    pub base_offset: Option<Offset>,
    /// The leader now, if the error is about leadership (KIP-951).
    pub current_leader: Option<(BrokerId, LeaderEpoch)>,
}

/// Who fetches.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Fetcher {
    /// A client: sees records below the high watermark.
    Consumer,
    /// A follower of this incarnation: sees the whole log, and its fetch offset tells what it has.
    Replica(BrokerId, BrokerEpoch),
}

/// Reads from several partitions.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// Who asks.
    pub fetcher: Fetcher,
    /// How long the broker may wait for `min_bytes`.
    pub max_wait: Duration,
    /// Answer as soon as this much is there.
    pub min_bytes: u32,
    /// Answer at most this much, but at least one batch.
    pub max_bytes: u32,
    /// What to read.
    pub partitions: Vec<FetchPartition>,
}

/// Where to read one partition.
#[derive(Copy, Clone, Debug)]
pub struct FetchPartition {
    /// Which partition.
    pub partition: TopicPartition,
    /// The next offset wanted; of a follower its log end offset.
    pub fetch_offset: Offset,
    /// The leader epoch the fetcher believes in (KIP-320); `None` skips the check.
    pub current_leader_epoch: Option<LeaderEpoch>,
    /// Epoch of the follower's last batch (KIP-595); `None` of a consumer or an empty log.
    pub last_fetched_epoch: Option<LeaderEpoch>,
    /// The follower's log start offset; zero of a consumer.
    pub log_start_offset: Offset,
    /// At most this much of this partition, but at least one batch.
    pub max_bytes: u32,
}

/// One answer per partition of the request.
#[derive(Clone, Debug)]
pub struct FetchResponse {
    /// In the request's order.
    pub partitions: Vec<FetchPartitionResponse>,
}

/// What was read of one partition.
#[derive(Clone, Debug)]
pub struct FetchPartitionResponse {
    /// Which partition.
    pub partition: TopicPartition,
    /// What went wrong, if anything.
    pub error: ErrorCode,
    /// The leader's, before this fetch was counted (F6).
    pub high_watermark: Offset,
    /// The leader's log start offset.
    pub log_start_offset: Offset,
    /// Set if the follower's log and the leader's part ways (KIP-595): the follower truncates and asks again.
    pub diverging_epoch: Option<EpochEndOffset>,
    /// Whole batches in offset order; the first may begin before the fetch offset.
    pub batches: Vec<Batch>,
}

/// The end of an epoch in a log.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct EpochEndOffset {
    /// The largest epoch in the log that is not above the one asked for.
    pub epoch: LeaderEpoch,
    /// The offset after its last record.
    pub end_offset: Offset,
}

/// Which end of the log.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ListOffsetsTarget {
    /// The log start offset.
    Earliest,
    /// The high watermark (for a follower the log end offset).
    Latest,
}

/// Asks for one end of each log.
#[derive(Clone, Debug)]
pub struct ListOffsetsRequest {
    /// Who asks.
    pub fetcher: Fetcher,
    /// Which partitions, which end, and the leader epoch the asker believes in.
    pub partitions: Vec<(TopicPartition, ListOffsetsTarget, Option<LeaderEpoch>)>,
}

/// One answer per partition of the request.
#[derive(Clone, Debug)]
pub struct ListOffsetsResponse {
    /// Offset, or why there is none.
    pub partitions: Vec<(TopicPartition, ErrorCode, Option<Offset>)>,
}

/// Asks where epochs end, to find out whether a log was truncated below a consumer's position (KIP-320).
#[derive(Clone, Debug)]
pub struct OffsetsForLeaderEpochRequest {
    /// Which partitions.
    pub partitions: Vec<OffsetForLeaderEpoch>,
}

/// Asks for the end of one epoch in one log.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct OffsetForLeaderEpoch {
    /// Which partition.
    pub partition: TopicPartition,
    /// The leader epoch the asker believes in.
    pub current_leader_epoch: LeaderEpoch,
    /// The epoch asked for: that of the last record the asker has read.
    pub leader_epoch: LeaderEpoch,
}

/// One answer per partition of the request.
#[derive(Clone, Debug)]
pub struct OffsetsForLeaderEpochResponse {
    /// Where the largest epoch ends that is not above the one asked for; `None` if the log knows none.
    pub partitions: Vec<(TopicPartition, ErrorCode, Option<EpochEndOffset>)>,
}

/// What a broker knows of the cluster: possibly out of date.
#[derive(Clone, Debug)]
pub struct MetadataResponse {
    /// Brokers that are registered and not fenced.
    pub brokers: Vec<BrokerId>,
    /// Leader and epoch of every partition.
    pub partitions: Vec<PartitionMetadata>,
}

/// Who leads one partition.
#[derive(Copy, Clone, Debug)]
pub struct PartitionMetadata {
    /// Which partition.
    pub partition: TopicPartition,
    /// [`ErrorCode::LeaderNotAvailable`] if there is no leader.
    pub error: ErrorCode,
    /// Its leader.
    pub leader: Option<BrokerId>,
    /// The leader's epoch.
    pub leader_epoch: LeaderEpoch,
}

/// Offsets to store for a group without members (generation -1, manual assignment).
#[derive(Clone, Debug)]
pub struct OffsetCommitRequest {
    /// Whose.
    pub group: GroupId,
    /// The next offset to read and the epoch of the last record read.
    pub offsets: Vec<(TopicPartition, Offset, Option<LeaderEpoch>)>,
}

/// One answer per partition of the request.
#[derive(Clone, Debug)]
pub struct OffsetCommitResponse {
    /// In the request's order.
    pub partitions: Vec<(TopicPartition, ErrorCode)>,
}

/// Which committed offsets to read.
#[derive(Clone, Debug)]
pub struct OffsetFetchRequest {
    /// Whose.
    pub group: GroupId,
    /// Of which partitions.
    pub partitions: Vec<TopicPartition>,
}

/// A committed offset and the epoch of the last record before it.
pub type CommittedOffset = (Offset, Option<LeaderEpoch>);

/// Committed offsets.
#[derive(Clone, Debug)]
pub struct OffsetFetchResponse {
    /// Not [`ErrorCode::None`] if the broker does not coordinate the group or is still loading.
    pub error: ErrorCode,
    /// `None` where nothing was ever committed.
    pub offsets: Vec<(TopicPartition, Option<CommittedOffset>)>,
}

/// A leader's wish for new in-sync replica sets.
#[derive(Clone, Debug)]
pub struct AlterPartitionRequest {
    /// The leader.
    pub broker: BrokerId,
    /// Its incarnation.
    pub broker_epoch: BrokerEpoch,
    /// One wish per partition.
    pub partitions: Vec<AlterPartitionWish>,
}

/// One partition's wanted ISR.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AlterPartitionWish {
    /// Which partition.
    pub partition: TopicPartition,
    /// The epoch in which the asker leads.
    pub leader_epoch: LeaderEpoch,
    /// The state the wish is based on.
    pub partition_epoch: PartitionEpoch,
    /// The wanted ISR with each replica's incarnation as the leader knows it (KIP-903); `None` skips that check.
    pub new_isr: Vec<(BrokerId, Option<BrokerEpoch>)>,
    /// Whether the leader has recovered from an unclean election (KIP-704).
    pub recovered: bool,
}

/// The controller's answer to all wishes.
#[derive(Clone, Debug)]
pub struct AlterPartitionResponse {
    /// Top-level error: [`ErrorCode::StaleBrokerEpoch`], [`ErrorCode::NotController`].
    pub error: ErrorCode,
    /// The state after the change, or why it was refused.
    pub partitions: Vec<(TopicPartition, Result<PartitionState, ErrorCode>)>,
}

/// A broker's process introduces itself.
#[derive(Copy, Clone, Debug)]
pub struct BrokerRegistrationRequest {
    /// Who.
    pub broker: BrokerId,
    /// Names the process: differs after every restart.
    pub incarnation: u64,
    /// The epoch found in the clean-shutdown file; `None` after an unclean shutdown (KIP-966).
    pub previous_broker_epoch: Option<BrokerEpoch>,
}

/// A broker's sign of life.
#[derive(Copy, Clone, Debug)]
pub struct BrokerHeartbeatRequest {
    /// Who.
    pub broker: BrokerId,
    /// Its incarnation.
    pub broker_epoch: BrokerEpoch,
    /// How far it has applied the metadata log.
    pub metadata_offset: MetadataOffset,
    /// It wants to be (or stay) fenced: it is still recovering its logs.
    pub want_fence: bool,
    /// It wants to stop in good order.
    pub want_shutdown: bool,
}

/// The controller's answer to a sign of life.
#[derive(Copy, Clone, Debug)]
pub struct BrokerHeartbeatResponse {
    /// [`ErrorCode::StaleBrokerEpoch`], [`ErrorCode::BrokerIdNotRegistered`] or none.
    pub error: ErrorCode,
    /// It has applied its own registration.
    pub is_caught_up: bool,
    /// It may not lead nor be in an ISR.
    pub is_fenced: bool,
    /// It leads nothing any more and may stop.
    pub should_shut_down: bool,
}

/// Reads the metadata log.
#[derive(Copy, Clone, Debug)]
pub struct MetadataFetchRequest {
    /// Who.
    pub broker: BrokerId,
    /// The next offset wanted.
    pub fetch_offset: MetadataOffset,
    /// How long the controller may wait for news.
    pub max_wait: Duration,
}

/// Committed metadata records.
#[derive(Clone, Debug)]
pub struct MetadataFetchResponse {
    /// Offset of the first record.
    pub base_offset: MetadataOffset,
    /// In order.
    pub records: Vec<MetadataRecord>,
    /// End of the committed log.
    pub end_offset: MetadataOffset,
}

/// Bytes of headers that every request and response has on the wire, roughly.
const HEADER_BYTES: u64 = 32;
/// Bytes per partition named in a request or response, roughly.
const PER_PARTITION_BYTES: u64 = 24;

impl actor::Message for Message {
    const KINDS: &'static [&'static str] = &[
        "produce-request",
        "consumer-fetch-request",
        "replica-fetch-request",
        "list-offsets-request",
        "metadata-request",
        "offset-commit-request",
        "offset-fetch-request",
        "find-coordinator-request",
        "alter-partition-request",
        "broker-registration-request",
        "broker-heartbeat-request",
        "metadata-fetch-request",
        "produce-response",
        "fetch-response",
        "list-offsets-response",
        "metadata-response",
        "offset-commit-response",
        "offset-fetch-response",
        "find-coordinator-response",
        "alter-partition-response",
        "broker-registration-response",
        "broker-heartbeat-response",
        "metadata-fetch-response",
        "offsets-for-leader-epoch-request",
        "offsets-for-leader-epoch-response",
    ];

    fn kind(&self) -> usize {
        match self {
            Message::Request(_, request) => match request {
                Request::Produce(_) => 0,
                Request::Fetch(fetch) => match fetch.fetcher {
                    Fetcher::Consumer => 1,
                    Fetcher::Replica(..) => 2,
                },
                Request::ListOffsets(_) => 3,
                Request::Metadata => 4,
                Request::OffsetCommit(_) => 5,
                Request::OffsetFetch(_) => 6,
                Request::FindCoordinator(_) => 7,
                Request::AlterPartition(_) => 8,
                Request::BrokerRegistration(_) => 9,
                Request::BrokerHeartbeat(_) => 10,
                Request::MetadataFetch(_) => 11,
                Request::OffsetsForLeaderEpoch(_) => 23,
            },
            Message::Response(_, response) => match response {
                Response::Produce(_) => 12,
                Response::Fetch(_) => 13,
                Response::ListOffsets(_) => 14,
                Response::Metadata(_) => 15,
                Response::OffsetCommit(_) => 16,
                Response::OffsetFetch(_) => 17,
                Response::FindCoordinator(..) => 18,
                Response::AlterPartition(_) => 19,
                Response::BrokerRegistration(_) => 20,
                Response::BrokerHeartbeat(_) => 21,
                Response::MetadataFetch(_) => 22,
                Response::OffsetsForLeaderEpoch(_) => 24,
            },
        }
    }

    fn size_bytes(&self) -> u64 {
        let (partitions, batch_bytes) = match self {
            Message::Request(_, Request::Produce(produce)) => (
                produce.batches.len(),
                produce.batches.iter().map(|(_, batch)| u64::from(batch.size_bytes)).sum(),
            ),
            Message::Request(_, Request::Fetch(fetch)) => (fetch.partitions.len(), 0),
            Message::Response(_, Response::Fetch(fetch)) => (
                fetch.partitions.len(),
                fetch
                    .partitions
                    .iter()
                    .flat_map(|p| &p.batches)
                    .map(|batch| u64::from(batch.size_bytes))
                    .sum(),
            ),
            Message::Response(_, Response::Metadata(metadata)) => (metadata.partitions.len(), 0),
            Message::Response(_, Response::MetadataFetch(fetch)) => (fetch.records.len(), 0),
            Message::Request(..) | Message::Response(..) => (1, 0),
        };
        HEADER_BYTES + PER_PARTITION_BYTES * partitions as u64 + batch_bytes
    }

    fn hash(&self, hasher: &mut TraceHasher) {
        let (direction, correlation) = match self {
            Message::Request(correlation, _) => (0, *correlation),
            Message::Response(correlation, _) => (1, *correlation),
        };
        hasher.word((self.kind() as u64) << 40 | direction << 32 | u64::from(correlation));
        match self {
            Message::Request(_, Request::Produce(produce)) => {
                for (_, batch) in &produce.batches {
                    hasher.word(u64::from(batch.size_bytes) << 32 | batch.count());
                }
            }
            Message::Request(_, Request::Fetch(fetch)) => {
                for partition in &fetch.partitions {
                    hasher.word(partition.fetch_offset.0);
                }
            }
            Message::Response(_, Response::Fetch(fetch)) => {
                for partition in &fetch.partitions {
                    hasher
                        .word((partition.high_watermark.0) << 16 | partition.batches.len() as u64);
                }
            }
            Message::Response(_, Response::Produce(produce)) => {
                for partition in &produce.partitions {
                    hasher.word(
                        (partition.base_offset.map_or(0, |offset| offset.0)) << 16
                            | partition.error as u16 as u64,
                    );
                }
            }
            Message::Request(..) | Message::Response(..) => {}
        }
    }
}
