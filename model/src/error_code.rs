//! Kafka's error codes, by the names and numbers of its protocol (`org.apache.kafka.common.protocol.Errors`).

use std::fmt;

/// What a broker or controller answers for a request or for one partition of it.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(i16)]
pub enum ErrorCode {
    /// No error.
    None = 0,
    /// The fetch offset is outside the log.
    OffsetOutOfRange = 1,
    /// A batch failed its checksum.
    CorruptMessage = 2,
    /// This broker hosts no such partition.
    UnknownTopicOrPartition = 3,
    /// The partition has no leader at the moment.
    LeaderNotAvailable = 5,
    /// This broker is not the leader (any more).
    NotLeaderOrFollower = 6,
    /// The broker gave up waiting; the record may still be committed.
    RequestTimedOut = 7,
    /// The batch is larger than `max.message.bytes`.
    MessageTooLarge = 10,
    /// The connection died before an answer came (set by clients).
    NetworkException = 13,
    /// The coordinator is loading the group's offsets.
    CoordinatorLoadInProgress = 14,
    /// The offsets topic has no leader that could coordinate.
    CoordinatorNotAvailable = 15,
    /// This broker does not coordinate the group.
    NotCoordinator = 16,
    /// The batch is larger than a segment may be.
    RecordListTooLarge = 18,
    /// Fewer in-sync replicas than `min.insync.replicas`; nothing was appended.
    NotEnoughReplicas = 19,
    /// Appended, but the in-sync replicas fell below `min.insync.replicas` since.
    NotEnoughReplicasAfterAppend = 20,
    /// `acks` is none of 0, 1, all.
    InvalidRequiredAcks = 21,
    /// Not the active controller, or behind the requester.
    NotController = 41,
    /// The request makes no sense.
    InvalidRequest = 42,
    /// Another request of the same kind is under way (set within a broker).
    OperationNotAttempted = 55,
    /// The disk failed.
    KafkaStorageError = 56,
    /// The requester's leader epoch is older than this broker's.
    FencedLeaderEpoch = 74,
    /// The requester's leader epoch is newer than this broker's.
    UnknownLeaderEpoch = 75,
    /// The request comes from an earlier incarnation of the broker.
    StaleBrokerEpoch = 77,
    /// The new leader's high watermark is still behind the start of its epoch (KIP-207).
    OffsetNotAvailable = 78,
    /// Another broker with this id has a live session.
    DuplicateBrokerRegistration = 101,
    /// The broker is not registered.
    BrokerIdNotRegistered = 102,
    /// The partition epoch is not the current one.
    InvalidUpdateVersion = 95,
    /// The change completed an election, so the ISR in the request was not taken as it was.
    NewLeaderElected = 115,
    /// A replica in the requested ISR is fenced, shutting down, or of another incarnation (KIP-841, KIP-903).
    IneligibleReplica = 107,
    /// Something unforeseen; the outcome is not known.
    UnknownServerError = -1,
}

impl ErrorCode {
    /// Whether a client may try the same request again (`RetriableException`).
    pub fn is_retriable(self) -> bool {
        use ErrorCode::*;
        match self {
            CorruptMessage
            | UnknownTopicOrPartition
            | LeaderNotAvailable
            | NotLeaderOrFollower
            | RequestTimedOut
            | NetworkException
            | CoordinatorLoadInProgress
            | CoordinatorNotAvailable
            | NotCoordinator
            | NotEnoughReplicas
            | NotEnoughReplicasAfterAppend
            | NotController
            | KafkaStorageError
            | FencedLeaderEpoch
            | UnknownLeaderEpoch
            | OffsetNotAvailable => true,
            None
            | OffsetOutOfRange
            | MessageTooLarge
            | RecordListTooLarge
            | InvalidRequiredAcks
            | InvalidRequest
            | StaleBrokerEpoch
            | DuplicateBrokerRegistration
            | BrokerIdNotRegistered
            | InvalidUpdateVersion
            | NewLeaderElected
            | IneligibleReplica
            | OperationNotAttempted
            | UnknownServerError => false,
        }
    }

    /// Whether the client's view of who leads is to be refreshed (`InvalidMetadataException`).
    pub fn invalidates_metadata(self) -> bool {
        use ErrorCode::*;
        matches!(
            self,
            UnknownTopicOrPartition
                | LeaderNotAvailable
                | NotLeaderOrFollower
                | NetworkException
                | KafkaStorageError
                | FencedLeaderEpoch
                | UnknownLeaderEpoch
        )
    }

    /// Whether the record may be in the log although the producer got this error: such a send is never "failed", its
    /// outcome is not known (invariants V17).
    pub fn leaves_produce_outcome_unknown(self) -> bool {
        use ErrorCode::*;
        matches!(
            self,
            NotLeaderOrFollower
                | RequestTimedOut
                | NetworkException
                | NotEnoughReplicasAfterAppend
                | KafkaStorageError
                | UnknownServerError
        )
    }

    /// Kafka's spelling: `NOT_LEADER_OR_FOLLOWER`.
    pub fn name(self) -> &'static str {
        use ErrorCode::*;
        match self {
            None => "NONE",
            OffsetOutOfRange => "OFFSET_OUT_OF_RANGE",
            CorruptMessage => "CORRUPT_MESSAGE",
            UnknownTopicOrPartition => "UNKNOWN_TOPIC_OR_PARTITION",
            LeaderNotAvailable => "LEADER_NOT_AVAILABLE",
            NotLeaderOrFollower => "NOT_LEADER_OR_FOLLOWER",
            RequestTimedOut => "REQUEST_TIMED_OUT",
            MessageTooLarge => "MESSAGE_TOO_LARGE",
            RecordListTooLarge => "RECORD_LIST_TOO_LARGE",
            NetworkException => "NETWORK_EXCEPTION",
            CoordinatorLoadInProgress => "COORDINATOR_LOAD_IN_PROGRESS",
            CoordinatorNotAvailable => "COORDINATOR_NOT_AVAILABLE",
            NotCoordinator => "NOT_COORDINATOR",
            NotEnoughReplicas => "NOT_ENOUGH_REPLICAS",
            NotEnoughReplicasAfterAppend => "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
            InvalidRequiredAcks => "INVALID_REQUIRED_ACKS",
            NotController => "NOT_CONTROLLER",
            InvalidRequest => "INVALID_REQUEST",
            OperationNotAttempted => "OPERATION_NOT_ATTEMPTED",
            KafkaStorageError => "KAFKA_STORAGE_ERROR",
            FencedLeaderEpoch => "FENCED_LEADER_EPOCH",
            UnknownLeaderEpoch => "UNKNOWN_LEADER_EPOCH",
            StaleBrokerEpoch => "STALE_BROKER_EPOCH",
            OffsetNotAvailable => "OFFSET_NOT_AVAILABLE",
            DuplicateBrokerRegistration => "DUPLICATE_BROKER_REGISTRATION",
            BrokerIdNotRegistered => "BROKER_ID_NOT_REGISTERED",
            InvalidUpdateVersion => "INVALID_UPDATE_VERSION",
            NewLeaderElected => "NEW_LEADER_ELECTED",
            IneligibleReplica => "INELIGIBLE_REPLICA",
            UnknownServerError => "UNKNOWN_SERVER_ERROR",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
