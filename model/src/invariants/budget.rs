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
            Fault::Shutdown { .. }
            | Fault::Pause { .. }
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

#[cfg(test)]
mod tests {
    use crate::invariants::stage::{
        Change, Stage, disk_loss, lying_flush, power_loss, process_crash, write_error,
    };

    fn in_sync() -> Stage {
        let mut stage = Stage::new();
        stage.commit(2);
        stage
    }

    #[test]
    fn a_loss_has_to_leave_a_sound_candidate() {
        let stage = in_sync();
        assert!(stage.monitor.permits(&power_loss(&[1, 2])));
        assert!(!stage.monitor.permits(&power_loss(&[1, 2, 3])));
        assert!(stage.monitor.permits(&disk_loss(1)));
    }

    #[test]
    fn who_has_lost_records_is_no_guardian_until_it_is_back_in_sync() {
        let mut stage = in_sync();
        stage.lose_power(3);
        stage.boot(3);
        stage.load(3, false, 1, 0);
        assert!(!stage.monitor.permits(&power_loss(&[1, 2])));
        stage.register(3, true);
        stage.change(Change { leader: Some(1), isr: &[1, 2], elr: &[] });
        stage.activate(3);
        stage.copy(3, 1);
        assert!(!stage.monitor.permits(&power_loss(&[1, 2])), "it is not a candidate yet");
        stage.change(Change { leader: Some(1), isr: &[1, 2, 3], elr: &[] });
        assert!(stage.monitor.permits(&power_loss(&[1, 2])));
        assert_eq!(stage.broken(), []);
    }

    #[test]
    fn to_have_flushed_everything_is_as_good_as_not_to_lose_power() {
        let mut stage = in_sync();
        stage.flush(3);
        stage.lose_power(3);
        stage.crash(2);
        assert!(stage.monitor.permits(&process_crash(1)), "nobody lacks anything");
    }

    /// Its old session keeps it a candidate for a while, but it leaves as soon as it can register.
    #[test]
    fn who_came_back_uncleanly_is_no_guardian() {
        let mut stage = in_sync();
        stage.crash(3);
        stage.boot(3);
        stage.load(3, false, 2, 0);
        assert!(!stage.monitor.permits(&power_loss(&[1, 2])));
    }

    #[test]
    fn a_guardian_runs_and_its_disk_is_well() {
        let mut crashed = in_sync();
        crashed.crash(3);
        assert!(!crashed.monitor.permits(&power_loss(&[1, 2])));
        for fault in [write_error(3), lying_flush(3)] {
            let mut ailing = in_sync();
            ailing.begin(&fault);
            assert!(!ailing.monitor.permits(&power_loss(&[1, 2])), "{fault}");
            assert!(ailing.monitor.permits(&power_loss(&[1])), "{fault}");
        }
    }

    #[test]
    fn all_processes_may_crash_while_nothing_is_lost() {
        let mut stage = in_sync();
        for broker in [1, 2, 3] {
            assert!(stage.monitor.permits(&process_crash(broker)));
            stage.crash(broker);
        }
    }

    /// With broker 1 harmed and 2 and 3 down, 1 could end up as the last leader known.
    #[test]
    fn a_crash_is_refused_while_it_could_leave_the_partition_to_who_lost_records() {
        let mut stage = in_sync();
        stage.lose_power(1);
        assert!(stage.monitor.permits(&process_crash(2)), "broker 3 is a guardian");
        stage.crash(2);
        assert!(!stage.monitor.permits(&process_crash(3)));
        assert!(!stage.monitor.permits(&write_error(3)), "it would halt");
        stage.change(Change { leader: Some(3), isr: &[3], elr: &[2] });
        assert!(stage.monitor.permits(&process_crash(3)), "broker 1 is out");
    }

    #[test]
    fn the_controller_may_lose_power_but_not_its_disk() {
        let stage = in_sync();
        assert!(stage.monitor.permits(&power_loss(&[0])));
        assert!(!stage.monitor.permits(&disk_loss(0)));
    }
}
