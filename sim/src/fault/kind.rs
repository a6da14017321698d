//! The faults there are: what each touches, whether it can destroy data.
//!
//! A value names its nodes and its severity; *how much* damage it does (which pages are torn, which connections time out
//! first) is drawn by the kernel from the streams of disk and network, so that a fault stays small enough to read.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::node_id::NodeId;
use crate::time::Duration;

/// Something that breaks. Unless said otherwise it lasts from its begin to its heal and then leaves no trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// The process dies, the page cache survives; healed by a restart.
    Crash {
        /// The host whose process dies.
        node: NodeId,
    },
    /// The operator asks the process to stop in good order; the supervisor starts it again, if the trial has one. Happens
    /// at once.
    Shutdown {
        /// The host whose process is asked.
        node: NodeId,
    },
    /// Hosts lose power at the same instant, and with it what was not flushed; healed by a restart.
    PowerLoss {
        /// The hosts, at least one.
        nodes: Vec<NodeId>,
    },
    /// The process stands still (garbage collection, a frozen virtual machine); its clocks go on, messages and timers pile up.
    Pause {
        /// The host whose process stands still.
        node: NodeId,
    },
    /// Nothing passes between two groups; traffic on the way stalls.
    Partition {
        /// One side, at least one node.
        left: Vec<NodeId>,
        /// The other side, at least one node, none of them on the left.
        right: Vec<NodeId>,
        /// Whether both ways are cut.
        direction: Direction,
    },
    /// Nothing passes between one node and all others.
    Isolate {
        /// The lonely node.
        node: NodeId,
        /// Which of its traffic stops.
        traffic: Traffic,
    },
    /// The link between two nodes is cut and whole by turns, beginning with a cut.
    FlappingLink {
        /// One end.
        a: NodeId,
        /// The other end.
        b: NodeId,
        /// How long it is whole each time, above zero.
        #[serde(rename = "up_ns")]
        #[schemars(with = "u64")]
        up: Duration,
        /// How long it is cut each time, above zero.
        #[serde(rename = "down_ns")]
        #[schemars(with = "u64")]
        down: Duration,
    },
    /// A link is slower than its character says.
    SlowLink {
        /// The sending end.
        from: NodeId,
        /// The receiving end.
        to: NodeId,
        /// Mean of the exponentially distributed extra latency, above zero.
        #[serde(rename = "extra_latency_mean_ns")]
        #[schemars(with = "u64")]
        extra_latency_mean: Duration,
        /// Whether the way back is slow as well.
        both_ways: bool,
    },
    /// All connections between two nodes are reset, seen by both. Happens at once.
    ConnectionReset {
        /// One end.
        a: NodeId,
        /// The other end.
        b: NodeId,
    },
    /// One end drops its connections to a peer, which hears of it only when it next sends. Happens at once.
    OneSidedClose {
        /// The end that forgets.
        node: NodeId,
        /// The end that is not told.
        peer: NodeId,
    },
    /// Disk operations take a multiple of their time.
    SlowDisk {
        /// The host.
        node: NodeId,
        /// How many times as long, above one.
        factor: u32,
    },
    /// Disk operations do not complete until the heal.
    DiskStall {
        /// The host.
        node: NodeId,
    },
    /// Appends and writes fail.
    WriteError {
        /// The host.
        node: NodeId,
    },
    /// Flushes fail.
    FlushError {
        /// The host.
        node: NodeId,
        /// What becomes of the pages that were to be flushed.
        mode: FlushErrorMode,
    },
    /// The disk has room for little more; an append beyond it fails, possibly after a part was written.
    FullDisk {
        /// The host.
        node: NodeId,
        /// Bytes that still fit when the fault begins.
        left_bytes: u64,
    },
    /// The process dies and the disk with everything on it is gone; healed by a restart with an empty disk.
    DiskLoss {
        /// The host.
        node: NodeId,
    },
    /// Sectors of data long since flushed and sealed turn bad, for good. Happens at once.
    BitRot {
        /// The host.
        node: NodeId,
        /// How many sectors, above zero.
        sectors: u32,
    },
    /// The wall clock jumps; the monotonic clock does not. Happens at once.
    ClockJump {
        /// The host.
        node: NodeId,
        /// Milliseconds forward, or back if negative; not zero.
        by_ms: i64,
    },
    /// Both clocks of a node run fast or slow.
    ClockDrift {
        /// The host.
        node: NodeId,
        /// Parts per million too fast, or too slow if negative; not zero, above -1,000,000.
        ppm: i32,
    },
    /// The process takes a multiple of its time to handle an event.
    SlowCpu {
        /// The host.
        node: NodeId,
        /// How many times as long, above one.
        factor: u32,
    },
}

/// Which ways a partition cuts.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Neither side hears the other.
    Both,
    /// The right does not hear the left; the left hears the right.
    LeftToRight,
}

/// Which of an isolated node's traffic stops.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Traffic {
    /// It neither hears nor is heard.
    Both,
    /// It is deaf: what others send does not arrive.
    Inbound,
    /// It is mute: what it sends does not arrive.
    Outbound,
}

/// What a failing flush does to the pages it did not write.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FlushErrorMode {
    /// They stay dirty: a later flush writes them.
    KeepsDirty,
    /// They are marked clean and never written: a later flush succeeds and yet they are lost with the power ("fsyncgate").
    MarksClean,
}

impl Fault {
    /// The kind of this fault in kebab case, as in the plan's JSON.
    pub fn name(&self) -> &'static str {
        match self {
            Fault::Crash { .. } => "crash",
            Fault::Shutdown { .. } => "shutdown",
            Fault::PowerLoss { .. } => "power-loss",
            Fault::Pause { .. } => "pause",
            Fault::Partition { .. } => "partition",
            Fault::Isolate { .. } => "isolate",
            Fault::FlappingLink { .. } => "flapping-link",
            Fault::SlowLink { .. } => "slow-link",
            Fault::ConnectionReset { .. } => "connection-reset",
            Fault::OneSidedClose { .. } => "one-sided-close",
            Fault::SlowDisk { .. } => "slow-disk",
            Fault::DiskStall { .. } => "disk-stall",
            Fault::WriteError { .. } => "write-error",
            Fault::FlushError { .. } => "flush-error",
            Fault::FullDisk { .. } => "full-disk",
            Fault::DiskLoss { .. } => "disk-loss",
            Fault::BitRot { .. } => "bit-rot",
            Fault::ClockJump { .. } => "clock-jump",
            Fault::ClockDrift { .. } => "clock-drift",
            Fault::SlowCpu { .. } => "slow-cpu",
        }
    }

    /// The nodes this fault names, ascending, each once.
    pub fn nodes(&self) -> BTreeSet<NodeId> {
        match self {
            Fault::PowerLoss { nodes } => nodes.iter().copied().collect(),
            Fault::Partition { left, right, .. } => left.iter().chain(right).copied().collect(),
            Fault::FlappingLink { a, b, .. } | Fault::ConnectionReset { a, b } => {
                BTreeSet::from([*a, *b])
            }
            Fault::SlowLink { from, to, .. } => BTreeSet::from([*from, *to]),
            Fault::OneSidedClose { node, peer } => BTreeSet::from([*node, *peer]),
            Fault::Crash { node }
            | Fault::Shutdown { node }
            | Fault::Pause { node }
            | Fault::Isolate { node, .. }
            | Fault::SlowDisk { node, .. }
            | Fault::DiskStall { node }
            | Fault::WriteError { node }
            | Fault::FlushError { node, .. }
            | Fault::FullDisk { node, .. }
            | Fault::DiskLoss { node }
            | Fault::BitRot { node, .. }
            | Fault::ClockJump { node, .. }
            | Fault::ClockDrift { node, .. }
            | Fault::SlowCpu { node, .. } => BTreeSet::from([*node]),
        }
    }

    /// Whether it can destroy data that a node had acknowledged to itself as written. A process crash cannot.
    pub fn harms_copies(&self) -> bool {
        matches!(
            self,
            Fault::PowerLoss { .. }
                | Fault::DiskLoss { .. }
                | Fault::BitRot { .. }
                | Fault::FlushError { mode: FlushErrorMode::MarksClean, .. }
        )
    }

    /// Whether it happens at one instant, with nothing to heal.
    pub fn is_instantaneous(&self) -> bool {
        matches!(
            self,
            Fault::Shutdown { .. }
                | Fault::ConnectionReset { .. }
                | Fault::OneSidedClose { .. }
                | Fault::BitRot { .. }
                | Fault::ClockJump { .. }
        )
    }

    /// What is left of this fault once every node in `core` works and every link between two of them is whole: nothing,
    /// a smaller fault, or (of a partition) two of them.
    pub fn outside(&self, core: &BTreeSet<NodeId>) -> Vec<Fault> {
        match self {
            Fault::PowerLoss { nodes } => {
                let nodes = without(nodes, core);
                if nodes.is_empty() { vec![] } else { vec![Fault::PowerLoss { nodes }] }
            }
            Fault::Partition { left, right, direction } => {
                partition_outside(left, right, *direction, core)
            }
            whole if whole.nodes().is_subset(core) => vec![],
            whole => vec![whole.clone()],
        }
    }
}

/// The cuts of a partition that have at least one end outside the core.
fn partition_outside(
    left: &[NodeId],
    right: &[NodeId],
    direction: Direction,
    core: &BTreeSet<NodeId>,
) -> Vec<Fault> {
    let left_core: Vec<NodeId> = left.iter().copied().filter(|node| core.contains(node)).collect();
    let cuts = [(without(left, core), right.to_vec()), (left_core, without(right, core))];
    cuts.into_iter()
        .filter(|(left, right)| !left.is_empty() && !right.is_empty())
        .map(|(left, right)| Fault::Partition { left, right, direction })
        .collect()
}

fn without(nodes: &[NodeId], core: &BTreeSet<NodeId>) -> Vec<NodeId> {
    nodes.iter().copied().filter(|node| !core.contains(node)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes<const N: usize>(ids: [u16; N]) -> Vec<NodeId> {
        ids.map(NodeId).to_vec()
    }

    #[test]
    fn only_what_reaches_the_platter_harms_copies() {
        let node = NodeId(1);
        assert!(!Fault::Crash { node }.harms_copies());
        assert!(!Fault::Shutdown { node }.harms_copies());
        assert!(!Fault::FlushError { node, mode: FlushErrorMode::KeepsDirty }.harms_copies());
        assert!(Fault::FlushError { node, mode: FlushErrorMode::MarksClean }.harms_copies());
        assert!(Fault::DiskLoss { node }.harms_copies());
    }

    #[test]
    fn healing_a_core_keeps_the_cuts_to_outsiders() {
        let partition = Fault::Partition {
            left: nodes([1, 2]),
            right: nodes([3, 4]),
            direction: Direction::LeftToRight,
        };
        let core = BTreeSet::from([NodeId(1), NodeId(3)]);
        let cut = |left, right| Fault::Partition { left, right, direction: Direction::LeftToRight };
        assert_eq!(
            partition.outside(&core),
            [cut(nodes([2]), nodes([3, 4])), cut(nodes([1]), nodes([4]))]
        );
        assert_eq!(partition.outside(&BTreeSet::from_iter(nodes([1, 2, 3, 4]))), []);
    }

    #[test]
    fn healing_a_core_restarts_only_its_own_nodes() {
        let core = BTreeSet::from([NodeId(1)]);
        let loss = Fault::PowerLoss { nodes: nodes([1, 2]) };
        assert_eq!(loss.outside(&core), [Fault::PowerLoss { nodes: nodes([2]) }]);
        assert_eq!(Fault::Crash { node: NodeId(1) }.outside(&core), []);
        assert_eq!(
            Fault::Pause { node: NodeId(2) }.outside(&core),
            [Fault::Pause { node: NodeId(2) }]
        );
    }
}
