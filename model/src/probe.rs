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
}
