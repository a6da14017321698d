//! Deliberate defects, to prove that the invariants and the checker catch them. They exist only in builds with the
//! feature `mutants`; in any other build a [`Mutation`] is empty and every question of it is `false` at compile time.

/// One broken rule. Its name says what the mutant does instead.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Mutant {
    /// Answers acks=all without waiting for the high watermark (breaks W6 of the produce rules).
    AckBeforeHighWatermark,
    /// A follower keeps the tail in which its log differs from the leader's.
    SkipTruncation,
    /// A leader serves fetches whatever leader epoch the fetcher believes in.
    IgnoreLeaderEpochs,
    /// A leader lets a fenced, stopping or restarted follower into the in-sync set.
    CountFencedFollower,
    /// `flush.messages` and `flush.ms` flush nothing.
    ForgetTheFlush,
    /// The high-watermark checkpoint lacks its last partition (KAFKA-1647).
    LoseACheckpointEntry,
    /// The leader's high watermark is its log end offset.
    HighWatermarkFromLogEnd,
    /// A follower joins the in-sync set before it has reached the high watermark.
    ExpandIsrBeforeHighWatermark,
    /// The leader counts a smaller in-sync set before the controller has agreed to it.
    ShrinkIsrUnpersisted,
    /// After an unclean shutdown the log is trusted as it is found.
    SkipRecoveryScan,
    /// Truncation leaves the leader epoch cache as it is.
    KeepEpochCacheOnTruncate,
    /// A producer reports a batch as failed although its fate is not known (breaks V17).
    ClassifyTimeoutAsFailed,
    /// The group coordinator acknowledges a commit before the high watermark has passed it.
    CommitOffsetBeforeHighWatermark,
    /// A new group coordinator serves without replaying the log.
    SkipOffsetReplay,
    /// The controller grants an in-sync set with a fenced, stopping or restarted member.
    AcceptFencedIsrMember,
    /// The controller elects whoever lives, in sync or not, and says it was clean.
    ElectOutOfIsr,
    /// The controller grants a wish that is based on an outdated partition state.
    ForgetPartitionEpochCheck,
    /// A broker that restarts after an unclean shutdown stays in sync and eligible (breaks W13).
    KeepUncleanBrokerInIsr,
    /// The controller acts upon metadata records that are not durable.
    SkipMetadataFlush,
}

impl Mutant {
    /// Every mutant.
    pub const ALL: &'static [Mutant] = &[
        Mutant::AckBeforeHighWatermark,
        Mutant::SkipTruncation,
        Mutant::IgnoreLeaderEpochs,
        Mutant::CountFencedFollower,
        Mutant::ForgetTheFlush,
        Mutant::LoseACheckpointEntry,
        Mutant::HighWatermarkFromLogEnd,
        Mutant::ExpandIsrBeforeHighWatermark,
        Mutant::ShrinkIsrUnpersisted,
        Mutant::SkipRecoveryScan,
        Mutant::KeepEpochCacheOnTruncate,
        Mutant::ClassifyTimeoutAsFailed,
        Mutant::CommitOffsetBeforeHighWatermark,
        Mutant::SkipOffsetReplay,
        Mutant::AcceptFencedIsrMember,
        Mutant::ElectOutOfIsr,
        Mutant::ForgetPartitionEpochCheck,
        Mutant::KeepUncleanBrokerInIsr,
        Mutant::SkipMetadataFlush,
    ];
}

/// Which mutant a cluster runs, if any. The default is none.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub struct Mutation {
    #[cfg(feature = "mutants")]
    active: Option<Mutant>,
}

impl Mutation {
    /// The cluster runs this mutant.
    #[cfg(feature = "mutants")]
    pub const fn of(mutant: Mutant) -> Self {
        Mutation { active: Some(mutant) }
    }

    /// Whether the cluster runs `mutant`.
    #[cfg(feature = "mutants")]
    pub fn is(self, mutant: Mutant) -> bool {
        self.active == Some(mutant)
    }

    /// Whether the cluster runs `mutant`: never, in a build without the feature `mutants`.
    #[cfg(not(feature = "mutants"))]
    #[inline(always)]
    pub const fn is(self, _mutant: Mutant) -> bool {
        false
    }
}
