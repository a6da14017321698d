//! The damage budget at work: which faults may begin now so that no committed record *has* to be lost.
//!
//! A loss (power, disk, bit rot, a flush that lies) is allowed if every partition of its victims keeps, outside them, a
//! candidate that is sound, runs, and whose disk is well.
//!
//! A crash loses nothing by itself, but to the controller it is an unclean shutdown all the same (KIP-966): the broker
//! leaves ISR and ELR, and when both are empty the last known leader is elected, whatever it has. So while some
//! candidate is harmed, each crash could be the one that hands the partition to it; it is allowed if another sound
//! candidate runs. The same goes for faults on which a broker halts.

use ktrial_sim::fault::{Fault, FlushErrorMode};
use ktrial_sim::node_id::NodeId;

use super::Monitor;
use super::ghost::{PartitionGhost, Registration};
use super::replica_set::ReplicaSet;

/// What a fault can do to its victims' logs.
pub(super) enum Damage<'a> {
    /// Records may be gone.
    Loss(&'a [NodeId]),
    /// The process ends without a clean shutdown, now or later.
    UncleanStop(&'a NodeId),
}

impl<'a> Damage<'a> {
    /// `None` if the fault touches no log.
    pub(super) fn of(fault: &'a Fault) -> Option<Self> {
        match fault {
            Fault::PowerLoss { nodes } => Some(Damage::Loss(nodes)),
            Fault::DiskLoss { node }
            | Fault::BitRot { node, .. }
            | Fault::FlushError { node, mode: FlushErrorMode::MarksClean } => {
                Some(Damage::Loss(std::slice::from_ref(node)))
            }
            Fault::Crash { node }
            | Fault::WriteError { node }
            | Fault::FullDisk { node, .. }
            | Fault::FlushError { node, mode: FlushErrorMode::KeepsDirty } => {
                Some(Damage::UncleanStop(node))
            }
            Fault::Pause { .. }
            | Fault::Partition { .. }
            | Fault::Isolate { .. }
            | Fault::FlappingLink { .. }
            | Fault::SlowLink { .. }
            | Fault::ConnectionReset { .. }
            | Fault::OneSidedClose { .. }
            | Fault::SlowDisk { .. }
            | Fault::DiskStall { .. }
            | Fault::ClockJump { .. }
            | Fault::ClockDrift { .. }
            | Fault::SlowCpu { .. } => None,
        }
    }
}

impl Monitor {
    /// Whether the fault may begin now without endangering a committed record. The controller has one disk and no peer:
    /// it may lose power, but not what it has flushed.
    pub fn permits(&self, fault: &Fault) -> bool {
        match Damage::of(fault) {
            None => true,
            Some(Damage::Loss(nodes)) => {
                let spares_controller = matches!(fault, Fault::PowerLoss { .. })
                    || !nodes.contains(&self.cluster.controller);
                spares_controller && self.partitions.iter().all(|it| self.survives_loss(it, nodes))
            }
            Some(Damage::UncleanStop(node)) => {
                self.partitions.iter().all(|it| self.survives_unclean_stop(it, *node))
            }
        }
    }

    fn survives_loss(&self, partition: &PartitionGhost, nodes: &[NodeId]) -> bool {
        let victims = hosted(partition, nodes);
        let Some(registration) = partition.registration else { return true };
        victims.is_empty() || self.has_guardian(partition, &registration, victims)
    }

    fn survives_unclean_stop(&self, partition: &PartitionGhost, node: NodeId) -> bool {
        let victims = hosted(partition, &[node]);
        let Some(registration) = partition.registration else { return true };
        let endangered = (registration.candidates() | registration.last_known) & partition.harmed();
        victims.is_empty()
            || endangered.is_empty()
            || self.has_guardian(partition, &registration, victims)
    }

    /// Whether a sound candidate outside `victims` runs on a healthy disk, and will stay a candidate: one that has come back
    /// from an unclean shutdown is dropped as soon as it can register, which may take until its old session ends.
    fn has_guardian(
        &self,
        partition: &PartitionGhost,
        registration: &Registration,
        victims: ReplicaSet,
    ) -> bool {
        let guardians = registration.candidates().without(partition.harmed()).without(victims);
        guardians.iter().any(|slot| {
            let broker = self.broker(partition.replicas[slot].broker);
            broker.is_running
                && !broker.is_bound_to_leave
                && broker.ailments == 0
                && !broker.is_disk_damaged
        })
    }
}

/// The replicas on these nodes.
fn hosted(partition: &PartitionGhost, nodes: &[NodeId]) -> ReplicaSet {
    (0..partition.replicas.len())
        .filter(|&slot| nodes.contains(&partition.replicas[slot].broker.node()))
        .collect()
}
