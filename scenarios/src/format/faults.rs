//! What goes wrong: a profile from which each seed draws its own faults, or faults that are written out.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Duration;

/// The faults of a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Faults {
    /// A named mix of fault kinds, to which `weights` adds.
    pub profile: Profile,
    /// No fault begins before this.
    pub start: Duration,
    /// Faults begin for this long; then all of them are healed and the end of the trial begins.
    pub duration: Duration,
    /// The mean time between the beginnings of two faults.
    pub gap: Duration,
    /// The shortest time a fault lasts.
    pub length_min: Duration,
    /// The longest time a fault lasts.
    pub length_max: Duration,
    /// How much the faults together may destroy.
    pub damage: Damage,
    /// Whose nodes are struck.
    pub targets: Vec<Target>,
    /// Whether each seed draws its own mix and intensity, or all have the one written here.
    pub swarm: bool,
    /// How often each kind is drawn, against the others; 0 takes a kind out of the profile.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub weights: BTreeMap<FaultKind, u32>,
    /// Faults that strike on every seed, as `ktrial schema plan` describes them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub explicit: Vec<serde_json::Value>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            profile: Profile::Calm,
            start: Duration::from_millis(500),
            duration: Duration::from_secs(5),
            gap: Duration::from_millis(500),
            length_min: Duration::from_millis(200),
            length_max: Duration::from_secs(2),
            damage: Damage::WithinReplication,
            targets: vec![Target::Brokers],
            swarm: true,
            weights: BTreeMap::new(),
            explicit: Vec::new(),
        }
    }
}

impl Faults {
    /// How often each kind is drawn: the profile's mix with `weights` laid over it. No entry is zero.
    #[must_use]
    pub fn mix(&self) -> BTreeMap<FaultKind, u32> {
        let profile = self.profile.kinds().iter().map(|kind| (*kind, 1));
        let mut mix: BTreeMap<_, _> = profile.chain(self.weights.clone()).collect();
        mix.retain(|_, weight| *weight > 0);
        mix
    }
}

/// A named mix of fault kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// No faults but those written out.
    Calm,
    /// Processes crash, stop and run slowly; what is on their disks stays.
    Processes,
    /// Links are cut, slow or flapping; connections break.
    Network,
    /// Disks are slow, full, refuse to write or to flush.
    Disks,
    /// Every kind but those that destroy data for good.
    Everything,
}

impl Profile {
    /// The kinds of the mix, each as likely as the others.
    #[must_use]
    pub fn kinds(self) -> &'static [FaultKind] {
        // The kinds are in the order of `FaultKind`: first processes, then network, then disks.
        match self {
            Self::Calm => &[],
            Self::Processes => &FaultKind::ALL[0..3],
            Self::Network => &FaultKind::ALL[3..10],
            Self::Disks => &FaultKind::ALL[11..15],
            Self::Everything => &FaultKind::ALL[0..16],
        }
    }
}

/// What can go wrong with a node, a link or a disk.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// The process dies and starts again; the page cache survives.
    Crash,
    /// The process stops and goes on later: a long garbage collection, a frozen machine.
    Pause,
    /// The processor is slow.
    SlowCpu,
    /// Two sets of nodes cannot reach each other.
    Partition,
    /// One set of nodes cannot reach another, which still reaches it.
    OneWayPartition,
    /// One node is cut off from all others.
    Isolate,
    /// A link goes down and up again and again.
    FlappingLink,
    /// A link is slow.
    SlowLink,
    /// A connection is reset.
    ConnectionReset,
    /// One side of a connection closes it, the other does not notice.
    OneSidedClose,
    /// The wall clock jumps.
    ClockJump,
    /// The disk is slow.
    SlowDisk,
    /// Writes fail.
    WriteError,
    /// Flushes fail.
    FlushError,
    /// The disk is full.
    FullDisk,
    /// The machine loses power: what was not flushed may be gone.
    PowerLoss,
    /// Several machines lose power in the same moment.
    CorrelatedPowerLoss,
    /// The disk is lost with all that was on it.
    DiskLoss,
}

impl FaultKind {
    /// Every kind, in the order of the enum.
    pub const ALL: [Self; 18] = [
        Self::Crash,
        Self::Pause,
        Self::SlowCpu,
        Self::Partition,
        Self::OneWayPartition,
        Self::Isolate,
        Self::FlappingLink,
        Self::SlowLink,
        Self::ConnectionReset,
        Self::OneSidedClose,
        Self::ClockJump,
        Self::SlowDisk,
        Self::WriteError,
        Self::FlushError,
        Self::FullDisk,
        Self::PowerLoss,
        Self::CorrelatedPowerLoss,
        Self::DiskLoss,
    ];
}

/// How much the faults of one trial may destroy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// At most what replication promises to survive: never the last good copy of anything.
    WithinReplication,
    /// Anything the kinds can do.
    Unlimited,
}

/// Whose nodes are struck.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The brokers.
    Brokers,
    /// The controllers.
    Controllers,
    /// The producers.
    Producers,
    /// The consumers.
    Consumers,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_to_the_profile_and_zero_takes_away() {
        let weights = [(FaultKind::Crash, 5), (FaultKind::Pause, 0), (FaultKind::PowerLoss, 2)];
        let faults =
            Faults { profile: Profile::Processes, weights: weights.into(), ..Faults::default() };
        let expected = [(FaultKind::Crash, 5), (FaultKind::SlowCpu, 1), (FaultKind::PowerLoss, 2)];
        assert_eq!(faults.mix(), expected.into());
    }

    #[test]
    fn profiles_divide_the_kinds() {
        use FaultKind::{Crash, FullDisk, OneSidedClose, Partition, SlowCpu, SlowDisk};
        let ends =
            |profile: Profile| (profile.kinds().first().copied(), profile.kinds().last().copied());
        assert_eq!(ends(Profile::Calm), (None, None));
        assert_eq!(ends(Profile::Processes), (Some(Crash), Some(SlowCpu)));
        assert_eq!(ends(Profile::Network), (Some(Partition), Some(OneSidedClose)));
        assert_eq!(ends(Profile::Disks), (Some(SlowDisk), Some(FullDisk)));
        assert!(!Profile::Everything.kinds().contains(&FaultKind::DiskLoss));
        assert!(FaultKind::ALL.is_sorted());
    }
}
