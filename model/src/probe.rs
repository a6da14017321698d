//! Kafka's rare things: what a campaign should see happen at least once.

use ktrial_sim::actor::ProbeSet;

/// Defines the probes and their names in one place.
macro_rules! probes {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A rare thing that happened in the cluster.
        #[derive(Copy, Clone, PartialEq, Eq, Debug)]
        pub enum Probe {
            $($(#[$doc])* $variant,)*
        }

        impl ProbeSet for Probe {
            const NAMES: &'static [&'static str] = &[$($name,)*];

            fn index(self) -> usize {
                self as usize
            }
        }
    };
}

probes! {
    /// A follower's log parted ways with the leader's, and the follower truncated (KIP-595).
    DivergingEpoch = "diverging-epoch",
    /// A fetch named an older leader epoch than the broker's (KIP-320).
    FencedLeaderEpoch = "fenced-leader-epoch",
    /// A fetch named a newer leader epoch than the broker knows yet.
    UnknownLeaderEpoch = "unknown-leader-epoch",
    /// A produce request with acks=all waited in purgatory until it timed out.
    ProduceTimedOut = "produce-timed-out",
    /// A produce request lost its leader while waiting in purgatory.
    ProduceLostLeader = "produce-lost-leader",
    /// A replica cut its log below its own high watermark.
    TruncatedBelowHighWatermark = "truncated-below-high-watermark",
    /// A follower that was told so had to look for the fork further down.
    DivergedBelowReportedEpoch = "diverged-below-reported-epoch",
    /// A leader asked for a smaller in-sync set.
    IsrShrinkProposed = "isr-shrink-proposed",
    /// A leader asked for a larger in-sync set.
    IsrExpandProposed = "isr-expand-proposed",
    /// The controller refused a leader's wish for its in-sync set.
    IsrChangeRefused = "isr-change-refused",
    /// A caught-up follower was kept out of the in-sync set because it is fenced, stopping or of another incarnation.
    IneligibleFollower = "ineligible-follower",
    /// A fetch of an earlier incarnation of a follower was refused.
    StaleFollowerEpoch = "stale-follower-epoch",
    /// The high watermark stood still because the in-sync set is below `min.insync.replicas`.
    HighWatermarkHeldByMinIsr = "high-watermark-held-by-min-isr",
    /// A leader began with records above its high watermark.
    LeaderBeganWithUncommitted = "leader-began-with-uncommitted-records",
    /// Recovery met a batch that was cut, torn, zeroed or corrupt.
    RecoveredTornTail = "recovered-torn-tail",
    /// Recovery met a gap between two segments.
    RecoveredSegmentGap = "recovered-segment-gap",
    /// Recovery added epochs to the leader epoch cache that its file had lost.
    EpochCacheRebuilt = "epoch-cache-rebuilt",
    /// Loading took epochs out of the cache that the log no longer reaches.
    EpochCacheTrimmed = "epoch-cache-trimmed",
    /// An offset checkpoint was unreadable and counted as empty.
    CheckpointUnreadable = "checkpoint-unreadable",
    /// A log was opened without recovery after a clean shutdown.
    CleanBoot = "clean-boot",
    /// A read met a damaged batch.
    CorruptBatchRead = "corrupt-batch-read",
    /// A segment was rolled.
    SegmentRolled = "segment-rolled",
    /// A flush failed.
    FlushFailed = "flush-failed",
    /// A producer sent a batch again.
    BatchRetried = "batch-retried",
    /// A producer split a batch that a broker had found too large.
    BatchSplit = "batch-split",
    /// The time for delivery of a batch was over before its request was answered.
    BatchExpiredInFlight = "batch-expired-in-flight",
    /// The time for delivery of a batch was over while it waited to be sent.
    BatchExpiredInQueue = "batch-expired-in-queue",
    /// A batch that a producer sent again stands in the log behind one that was filled after it.
    ReorderedByRetry = "reordered-by-retry",
    /// `send()` gave up after `max.block.ms`.
    SendBlockedTooLong = "send-blocked-too-long",
    /// A client gave up a connection because a request was not answered in time.
    RequestTimedOut = "request-timed-out",
    /// A consumer had no usable position and went to an end of the log.
    OffsetReset = "offset-reset",
    /// A consumer found that the log was truncated below its position (KIP-320).
    PositionTruncated = "position-truncated",
    /// A consumer's fetch named an old leader epoch.
    FencedFetch = "fenced-fetch",
    /// A consumer's coordinator was gone or was another broker.
    CoordinatorMoved = "coordinator-moved",
    /// A commit of offsets was not committed in time.
    CommitTimedOut = "commit-timed-out",
    /// A broker was fenced: its session ended, or it stopped.
    BrokerFenced = "broker-fenced",
    /// A broker was refused because another incarnation's session lives.
    DuplicateRegistration = "duplicate-registration",
    /// A broker came back without having shut down cleanly.
    BrokerRestartedUncleanly = "broker-restarted-uncleanly",
    /// A broker was relieved of its leaderships before it stopped.
    ControlledShutdown = "controlled-shutdown",
    /// A leader was elected from the ISR.
    CleanElection = "clean-election",
    /// A leader was elected that may lack committed records, because `unclean.leader.election.enable` permits it.
    UncleanElection = "unclean-election",
    /// Who led last was elected again, when nobody was in sync or eligible: it may have lost committed records (KIP-966).
    LastKnownLeaderElected = "last-known-leader-elected",
    /// A leader was elected from the eligible leader replicas (KIP-966).
    ElectedFromElr = "elected-from-elr",
    /// A partition lost its leader and got no other.
    LeaderlessPartition = "leaderless-partition",
    /// A leader wanted a replica in sync that is fenced, stopping or of another incarnation.
    IneligibleReplicaRefused = "ineligible-replica-refused",
    /// The controller came back with its metadata log.
    ControllerRestarted = "controller-restarted",
    /// A fetch from a leader had no answer in time.
    ReplicaFetchTimedOut = "replica-fetch-timed-out",
    /// A follower's log is not within its leader's (F15).
    FollowerOutOfRange = "follower-out-of-range",
}
