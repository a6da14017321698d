//! Recipes: what a generator can be told to draw. Most give one fault; swizzle-clogging gives several that belong together.
//!
//! | recipe | victims | severity (unit) | harms copies |
//! |---|---|---|---|
//! | `crash`, `pause`, `shutdown` | one node | | |
//! | `power-loss` | one node | | yes |
//! | `correlated-power-loss` | every target at once | | yes |
//! | `partition`, `one-way-partition` | each target falls on one of two sides | | |
//! | `isolate` | one node, deaf, mute or both | | |
//! | `flapping-link` | a target and any other node | each turn (ms) | |
//! | `slow-link` | a target and any other node, one way from it or both | mean extra latency (ms) | |
//! | `swizzle-clog` | some targets, one after another, healed in another order | between two of them (ms) | |
//! | `connection-reset`, `one-sided-close` | a target and any other node | | |
//! | `slow-disk`, `slow-cpu` | one node | factor | |
//! | `disk-stall`, `write-error`, `flush-error` | one node | | |
//! | `lost-flush` | one node: a failed flush marks its pages clean | | yes |
//! | `full-disk` | one node | room left (KiB) | |
//! | `disk-loss` | one node | | yes |
//! | `bit-rot` | one node | sectors | yes |
//! | `clock-jump` | one node, forward or back | jump (ms) | |
//! | `clock-drift` | one node, fast or slow | ppm | |
//!
//! Swizzle-clogging is FoundationDB's.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::span::Span;

/// What a profile can switch on. The number addresses its random stream: never renumber, only append.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Recipe {
    /// A process dies and restarts.
    Crash = 0,
    /// A host loses power.
    PowerLoss = 1,
    /// All targets lose power at once.
    CorrelatedPowerLoss = 2,
    /// A process stands still.
    Pause = 3,
    /// The targets fall apart into two sides.
    Partition = 4,
    /// The same, but only one side is not heard.
    OneWayPartition = 5,
    /// A node is deaf, mute or both.
    Isolate = 6,
    /// A link is cut and whole by turns.
    FlappingLink = 7,
    /// A link is slow.
    SlowLink = 8,
    /// Nodes are clogged one after another and healed in another order.
    SwizzleClog = 9,
    /// Connections between two nodes are reset.
    ConnectionReset = 10,
    /// One end drops its connections untold.
    OneSidedClose = 11,
    /// A disk is slow.
    SlowDisk = 12,
    /// A disk completes nothing.
    DiskStall = 13,
    /// Writes fail.
    WriteError = 14,
    /// Flushes fail, their pages stay dirty.
    FlushError = 15,
    /// Flushes fail, their pages are marked clean.
    LostFlush = 16,
    /// A disk is full.
    FullDisk = 17,
    /// A disk is lost.
    DiskLoss = 18,
    /// Sealed sectors turn bad.
    BitRot = 19,
    /// A wall clock jumps.
    ClockJump = 20,
    /// Clocks run fast or slow.
    ClockDrift = 21,
    /// A process is slow.
    SlowCpu = 22,
    /// A process is asked to stop in good order.
    Shutdown = 23,
}

impl Recipe {
    /// All recipes, by number.
    pub const ALL: [Recipe; 24] = [
        Recipe::Crash,
        Recipe::PowerLoss,
        Recipe::CorrelatedPowerLoss,
        Recipe::Pause,
        Recipe::Partition,
        Recipe::OneWayPartition,
        Recipe::Isolate,
        Recipe::FlappingLink,
        Recipe::SlowLink,
        Recipe::SwizzleClog,
        Recipe::ConnectionReset,
        Recipe::OneSidedClose,
        Recipe::SlowDisk,
        Recipe::DiskStall,
        Recipe::WriteError,
        Recipe::FlushError,
        Recipe::LostFlush,
        Recipe::FullDisk,
        Recipe::DiskLoss,
        Recipe::BitRot,
        Recipe::ClockJump,
        Recipe::ClockDrift,
        Recipe::SlowCpu,
        Recipe::Shutdown,
    ];

    /// The name in kebab case, as in profiles.
    pub fn name(self) -> &'static str {
        match self {
            Recipe::Crash => "crash",
            Recipe::PowerLoss => "power-loss",
            Recipe::CorrelatedPowerLoss => "correlated-power-loss",
            Recipe::Pause => "pause",
            Recipe::Partition => "partition",
            Recipe::OneWayPartition => "one-way-partition",
            Recipe::Isolate => "isolate",
            Recipe::FlappingLink => "flapping-link",
            Recipe::SlowLink => "slow-link",
            Recipe::SwizzleClog => "swizzle-clog",
            Recipe::ConnectionReset => "connection-reset",
            Recipe::OneSidedClose => "one-sided-close",
            Recipe::SlowDisk => "slow-disk",
            Recipe::DiskStall => "disk-stall",
            Recipe::WriteError => "write-error",
            Recipe::FlushError => "flush-error",
            Recipe::LostFlush => "lost-flush",
            Recipe::FullDisk => "full-disk",
            Recipe::DiskLoss => "disk-loss",
            Recipe::BitRot => "bit-rot",
            Recipe::ClockJump => "clock-jump",
            Recipe::ClockDrift => "clock-drift",
            Recipe::SlowCpu => "slow-cpu",
            Recipe::Shutdown => "shutdown",
        }
    }

    /// Whether its faults can destroy data ([`harms_copies`](super::Fault::harms_copies)).
    pub fn harms_copies(self) -> bool {
        use Recipe::*;
        matches!(self, PowerLoss | CorrelatedPowerLoss | LostFlush | DiskLoss | BitRot)
    }

    /// Whether its faults happen at one instant ([`is_instantaneous`](super::Fault::is_instantaneous)).
    pub fn is_instantaneous(self) -> bool {
        use Recipe::*;
        matches!(self, ConnectionReset | OneSidedClose | BitRot | ClockJump | Shutdown)
    }

    /// Whether its faults name exactly one node.
    pub fn hits_one_node(self) -> bool {
        use Recipe::*;
        !self.hits_a_link()
            && !matches!(self, CorrelatedPowerLoss | Partition | OneWayPartition | SwizzleClog)
    }

    /// Whether its faults name two nodes: a target and any other node of the fleet.
    pub fn hits_a_link(self) -> bool {
        use Recipe::*;
        matches!(self, FlappingLink | SlowLink | ConnectionReset | OneSidedClose)
    }

    /// The severity drawn if the profile says nothing; `None` if the recipe has none. Units: the table in this file's head.
    pub fn usual_severity(self) -> Option<Span> {
        use Recipe::*;
        let (min, max) = match self {
            FlappingLink => (50, 1_000),
            SlowLink => (5, 500),
            SwizzleClog => (10, 1_000),
            SlowDisk => (5, 100),
            FullDisk => (0, 64),
            BitRot => (1, 4),
            ClockJump => (1, 60_000),
            ClockDrift => (50, 20_000),
            SlowCpu => (2, 50),
            Crash | PowerLoss | CorrelatedPowerLoss | Pause | Partition | OneWayPartition
            | Isolate => return None,
            ConnectionReset | OneSidedClose | DiskStall | WriteError | FlushError | LostFlush
            | DiskLoss | Shutdown => return None,
        };
        Some(Span { min, max })
    }

    /// Smallest and largest severity that makes sense.
    pub(super) fn severity_limits(self) -> Span {
        let min = match self {
            Recipe::FullDisk => 0,
            Recipe::SlowDisk | Recipe::SlowCpu => 2,
            _ => 1,
        };
        let max = if self == Recipe::ClockDrift { 999_999 } else { u64::from(u32::MAX) };
        Span { min, max }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_are_listed_by_number_and_named_as_they_are_stored() {
        for (number, recipe) in Recipe::ALL.into_iter().enumerate() {
            assert_eq!(recipe as usize, number);
            assert_eq!(serde_json::to_value(recipe).unwrap(), recipe.name());
        }
    }

    #[test]
    fn the_usual_severity_is_within_the_limits() {
        for recipe in Recipe::ALL {
            let limits = recipe.severity_limits();
            let usual = recipe.usual_severity().unwrap_or(limits);
            assert!(
                limits.min <= usual.min && usual.min <= usual.max && usual.max <= limits.max,
                "{recipe}"
            );
        }
    }
}
