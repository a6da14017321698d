//! Deliberate defects, to prove that the invariants and the checker catch them. They exist only in builds with the
//! feature `mutants`; in any other build a [`Mutation`] is empty and every question of it is `false` at compile time.

/// Defines the mutants and their names in one place.
macro_rules! mutants {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// One broken rule. Its name says what the mutant does instead.
        #[derive(Copy, Clone, PartialEq, Eq, Debug)]
        pub enum Mutant {
            $($(#[$doc])* $variant,)*
        }

        impl Mutant {
            /// Every mutant.
            pub const ALL: &'static [Mutant] = &[$(Mutant::$variant),*];

            /// Its name, kebab-case.
            pub fn name(self) -> &'static str {
                match self {
                    $(Mutant::$variant => $name,)*
                }
            }
        }
    };
}

mutants! {
    /// Answers acks=all without waiting for the high watermark (breaks W6 of the produce rules).
    AckBeforeHighWatermark = "ack-before-high-watermark",
    /// A follower keeps the tail in which its log differs from the leader's.
    SkipTruncation = "skip-truncation",
    /// A leader serves fetches whatever leader epoch the fetcher believes in, or has read last.
    IgnoreLeaderEpochs = "ignore-leader-epochs",
    /// A leader lets a fenced, stopping or restarted follower into the in-sync set, and the controller grants it.
    CountFencedFollower = "count-fenced-follower",
    /// `flush.messages` and `flush.ms` flush nothing.
    ForgetTheFlush = "forget-the-flush",
    /// The high-watermark checkpoint lacks its last partition (KAFKA-1647).
    LoseACheckpointEntry = "lose-a-checkpoint-entry",
    /// The leader's high watermark is its log end offset.
    HighWatermarkFromLogEnd = "high-watermark-from-log-end",
    /// A follower joins the in-sync set before it has reached the high watermark.
    ExpandIsrBeforeHighWatermark = "expand-isr-before-high-watermark",
    /// The leader counts a smaller in-sync set before the controller has agreed to it.
    ShrinkIsrUnpersisted = "shrink-isr-unpersisted",
    /// After an unclean shutdown the log is trusted as it is found.
    SkipRecoveryScan = "skip-recovery-scan",
    /// Truncation leaves the leader epoch cache as it is.
    KeepEpochCacheOnTruncate = "keep-epoch-cache-on-truncate",
    /// A producer reports a batch as failed although its fate is not known (breaks V17).
    ClassifyTimeoutAsFailed = "classify-timeout-as-failed",
    /// The group coordinator acknowledges a commit before the high watermark has passed it.
    CommitOffsetBeforeHighWatermark = "commit-offset-before-high-watermark",
    /// A new group coordinator serves without replaying the log.
    SkipOffsetReplay = "skip-offset-replay",
    /// The controller grants an in-sync set with a fenced, stopping or restarted member.
    AcceptFencedIsrMember = "accept-fenced-isr-member",
    /// The controller elects whoever lives, in sync or not, and says it was clean.
    ElectOutOfIsr = "elect-out-of-isr",
    /// The controller grants a wish that is based on an outdated partition state.
    ForgetPartitionEpochCheck = "forget-partition-epoch-check",
    /// A broker that restarts after an unclean shutdown stays in sync and eligible (breaks W13).
    KeepUncleanBrokerInIsr = "keep-unclean-broker-in-isr",
    /// The controller acts upon metadata records that are not durable.
    SkipMetadataFlush = "skip-metadata-flush",
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
