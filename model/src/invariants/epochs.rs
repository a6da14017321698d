//! W8 EpochMonotonicity, W9 OneLeaderPerEpoch, W10 MetadataMonotonicity: what epochs are for (KIP-101, KIP-497, KIP-380).

use super::ghost::{PartitionGhost, Registration, Reign, ReplicaGhost};
use super::violation::{Broken, Invariant, Verdict, ensure};
use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch};
use crate::log::EpochStart;
use crate::record::Batch;

/// W8: a record's epoch is not below that of the record before it.
pub(super) fn epoch_does_not_fall(
    partition: &PartitionGhost,
    replica: &ReplicaGhost,
    batch: &Batch,
) -> Verdict {
    let last = replica.epochs.last().filter(|_| replica.log.is_known());
    ensure(last.is_none_or(|last| last.epoch <= batch.leader_epoch), || {
        let text = format!(
            "appended {} of epoch {} after a record of epoch {}",
            partition.record(batch.base_offset),
            batch.leader_epoch,
            last.map_or(LeaderEpoch(0), |last| last.epoch),
        );
        Broken::by(Invariant::W8, replica.broker, text).at(batch.base_offset)
    })
}

/// W8: the leader epoch cache says where each epoch of the log begins and nothing else, but that a leader's new epoch,
/// `begun`, begins at the log end offset.
pub(super) fn cache_fits_log(
    partition: &PartitionGhost,
    replica: &ReplicaGhost,
    begun: Option<LeaderEpoch>,
    cache: &[EpochStart],
) -> Verdict {
    if !replica.log.is_known() {
        return Ok(());
    }
    let latest = replica.epochs.last().map(|last| last.epoch);
    let empty = begun
        .filter(|_| begun != latest)
        .map(|epoch| EpochStart { epoch, start_offset: replica.log.end() });
    ensure(replica.epochs.iter().chain(&empty).eq(cache), || {
        let text = format!(
            "leader epoch cache of {} says {}, its log (end {}) says {}",
            partition.name,
            Starts(cache),
            replica.log.end(),
            Starts(&replica.epochs),
        );
        Broken::by(Invariant::W8, replica.broker, text)
    })
}

/// Epochs as a sentence lists them: `3 from 40, 5 from 51`.
struct Starts<'a>(&'a [EpochStart]);

impl std::fmt::Display for Starts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return write!(f, "nothing");
        }
        for (index, EpochStart { epoch, start_offset }) in self.0.iter().enumerate() {
            let lead = if index == 0 { "" } else { ", " };
            write!(f, "{lead}{epoch} from {start_offset}")?;
        }
        Ok(())
    }
}

/// W9: who appends as leader has become the leader of that epoch, is the only one to do so, and gives each offset out
/// once.
pub(super) fn epoch_has_one_leader(
    partition: &PartitionGhost,
    slot: usize,
    batch: &Batch,
) -> Verdict {
    let replica = &partition.replicas[slot];
    let (record, epoch) = (batch.base_offset, batch.leader_epoch);
    let broken = |text| Err(Broken::by(Invariant::W9, replica.broker, text).at(record).into());
    let record = || partition.record(record);
    if !replica.is_leader || replica.leader_epoch != Some(epoch) {
        return broken(format!("appended {} without leading in its epoch {epoch}", record()));
    }
    match partition.reigns.iter().rev().find(|reign| reign.epoch == epoch) {
        Some(reign) if reign.slot != slot => {
            let other = partition.replicas[reign.slot].broker;
            broken(format!("appended {} in epoch {epoch}, in which broker {other} led", record()))
        }
        Some(reign) if batch.base_offset < reign.end => {
            broken(format!("gave {} of epoch {epoch} out a second time", record()))
        }
        Some(_) | None => Ok(()),
    }
}

/// Takes an append down.
pub(super) fn extend_reign(partition: &mut PartitionGhost, slot: usize, batch: &Batch) {
    let (epoch, end) = (batch.leader_epoch, batch.next_offset());
    match partition.reigns.iter_mut().rev().find(|reign| reign.epoch == epoch) {
        Some(reign) => reign.end = reign.end.max(end),
        None => partition.reigns.push(Reign { epoch, slot, end }),
    }
}

/// W10: a broker does not apply a leader epoch below one it has applied.
pub(super) fn applied_epoch_rises(
    partition: &PartitionGhost,
    replica: &ReplicaGhost,
    epoch: LeaderEpoch,
) -> Verdict {
    let before = replica.leader_epoch;
    ensure(before.is_none_or(|before| before <= epoch), || {
        let text = format!(
            "applied leader epoch {epoch} of {} after {}",
            partition.name,
            before.unwrap_or_default()
        );
        Broken::by(Invariant::W10, replica.broker, text)
    })
}

/// W10: every change of a partition is made to the state before it: the partition epoch grows by one, and the leader epoch
/// by one if the leader changes.
pub(super) fn state_succeeds(
    partition: &PartitionGhost,
    before: &Registration,
    after: &Registration,
) -> Verdict {
    let leader_changes = before.leader != after.leader;
    let is_next_leader_epoch = after.leader_epoch == before.leader_epoch.next();
    let is_same_leader_epoch = after.leader_epoch == before.leader_epoch && !leader_changes;
    let is_next = after.partition_epoch == before.partition_epoch.next();
    ensure(is_next && (is_next_leader_epoch || is_same_leader_epoch), || {
        let text = format!(
            "{} went from partition epoch {}, leader epoch {} to {}, {} while its leader {}",
            partition.name,
            before.partition_epoch,
            before.leader_epoch,
            after.partition_epoch,
            after.leader_epoch,
            if leader_changes { "changed" } else { "stayed" },
        );
        Broken::by_nobody(Invariant::W10, text)
    })
}

/// W10: what a restarted controller reads back is what it had committed.
pub(super) fn state_is_remembered(partition: &PartitionGhost, told: &Registration) -> Verdict {
    let before = partition.history.iter().find(|it| it.partition_epoch == told.partition_epoch);
    ensure(before == Some(told), || {
        let text = format!(
            "{} has two states of partition epoch {}: the controller forgot what it had committed",
            partition.name, told.partition_epoch
        );
        Broken::by_nobody(Invariant::W10, text)
    })
}

/// W10: a restarted controller reads back the registrations it had committed.
pub(super) fn broker_epoch_is_remembered(
    broker: BrokerId,
    earlier: &[BrokerEpoch],
    told: BrokerEpoch,
) -> Verdict {
    ensure(earlier.contains(&told), || {
        let text = format!(
            "registered with broker epoch {told}, which it never had: the controller forgot what it had committed"
        );
        Broken::by(Invariant::W10, broker, text)
    })
}

/// W10: each incarnation of a broker has a higher epoch than the one before.
pub(super) fn broker_epoch_rises(
    broker: BrokerId,
    before: Option<BrokerEpoch>,
    after: BrokerEpoch,
) -> Verdict {
    ensure(before.is_none_or(|before| before < after), || {
        let text =
            format!("registered with broker epoch {after} after {}", before.unwrap_or_default());
        Broken::by(Invariant::W10, broker, text)
    })
}

#[cfg(test)]
mod tests {
    use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, Offset};
    use crate::invariants::Invariant;
    use crate::invariants::stage::{Change, ORDERS, Stage};
    use crate::log::EpochStart;
    use crate::note::Note;

    /// Broker 2 leads in epoch 1, after broker 1 in epoch 0, and everybody knows.
    fn second_epoch() -> Stage {
        let mut stage = Stage::new();
        stage.commit(2);
        stage.elect(Change { leader: Some(2), isr: &[1, 2, 3], elr: &[] });
        stage
    }

    #[test]
    fn w8_epochs_do_not_fall_along_a_log() {
        let mut stage = second_epoch();
        stage.commit(1);
        assert_eq!(stage.broken(), []);
        let late = stage.new_batch(3, 0);
        stage.append(3, late, false);
        assert_eq!(stage.broken(), [Invariant::W8]);
    }

    fn start(epoch: u32, start_offset: u64) -> EpochStart {
        EpochStart { epoch: LeaderEpoch(epoch), start_offset: Offset(start_offset) }
    }

    /// Broker 2, with records 0 and 1 of epoch 0, becomes the leader of epoch 1 with this cache.
    fn begins_with_cache(epochs: Vec<EpochStart>) -> Vec<Invariant> {
        let mut stage = Stage::new();
        stage.commit(2);
        stage.change(Change { leader: Some(2), isr: &[1, 2, 3], elr: &[] });
        let (partition, leader_epoch) = (ORDERS, LeaderEpoch(1));
        let log_end_offset = Offset(2);
        stage.note(2, Note::BecameLeader { partition, leader_epoch, log_end_offset, epochs });
        stage.broken()
    }

    #[test]
    fn w8_the_epoch_cache_is_what_the_log_says() {
        assert_eq!(begins_with_cache(vec![start(0, 0), start(1, 2)]), []);
        for wrong in [
            vec![start(1, 2)],
            vec![start(0, 0), start(1, 1)],
            vec![start(0, 0), start(1, 3)],
            vec![start(0, 0), start(1, 2), start(2, 2)],
        ] {
            assert_eq!(begins_with_cache(wrong), [Invariant::W8]);
        }
    }

    #[test]
    fn w8_a_cut_takes_its_epochs_along() {
        let mut stage = second_epoch();
        stage.produce(2, 1);
        stage.copy(3, 2);
        let mut forgetful = stage.clone();
        let epochs = stage.epochs(3);
        stage.cut(3, 2);
        let note = Note::Truncated {
            partition: ORDERS,
            log_end_offset: Offset(2),
            high_watermark_before: Offset(2),
            epochs,
        };
        forgetful.note(3, note);
        assert_eq!(stage.broken(), []);
        assert_eq!(forgetful.broken(), [Invariant::W8]);
        assert!(
            forgetful.sentence().contains("says 0 from 0, 1 from 2, its log (end 2) says 0 from 0")
        );
    }

    #[test]
    fn w9_a_zombie_appends_in_its_own_epoch_only() {
        let mut stage = Stage::new();
        stage.commit(2);
        stage.change(Change { leader: Some(2), isr: &[1, 2, 3], elr: &[] });
        stage.apply(2);
        let zombies = stage.new_batch(1, 0);
        stage.append(1, zombies, true);
        assert_eq!(stage.broken(), []);
        let forged = stage.new_batch(1, 1);
        stage.append(1, forged, true);
        assert_eq!(stage.broken(), [Invariant::W9]);
    }

    #[test]
    fn w9_an_epoch_has_one_leader() {
        let mut stage = second_epoch();
        stage.commit(1);
        let (partition, leader_epoch, log_end_offset) = (ORDERS, LeaderEpoch(1), Offset(3));
        let epochs = stage.epochs(3);
        stage.note(3, Note::BecameLeader { partition, leader_epoch, log_end_offset, epochs });
        stage.produce(3, 1);
        assert_eq!(stage.broken(), [Invariant::W9]);
        assert!(stage.sentence().contains("appended orders-0@3 in epoch 1, in which broker 2 led"));
    }

    #[test]
    fn w9_an_offset_of_an_epoch_is_given_out_once() {
        let mut stage = Stage::new();
        stage.produce(1, 2);
        stage.lose_power(1);
        stage.boot(1);
        stage.load(1, false, 1, 0);
        stage.apply(1);
        assert_eq!(stage.broken(), []);
        stage.produce(1, 1);
        assert_eq!(stage.broken(), [Invariant::W9]);
    }

    #[test]
    fn w10_a_partition_goes_from_one_state_to_the_next() {
        let advanced_by = |partition_epochs: u32, leader_epochs: u32| {
            let mut stage = Stage::new();
            stage.state.partition_epoch.0 += partition_epochs;
            stage.state.leader_epoch.0 += leader_epochs;
            stage.change(Change { leader: Some(2), isr: &[1, 2, 3], elr: &[] });
            stage.broken()
        };
        assert_eq!(advanced_by(0, 0), []);
        assert_eq!(advanced_by(1, 0), [Invariant::W10]);
        assert_eq!(advanced_by(0, 1), [Invariant::W10]);
    }

    #[test]
    fn w10_an_update_is_not_made_to_an_older_state() {
        let mut stage = Stage::new();
        let older = stage.state.clone();
        stage.change(Change { leader: Some(1), isr: &[1, 2], elr: &[] });
        stage.state = older;
        stage.change(Change { leader: Some(1), isr: &[1, 3], elr: &[] });
        assert_eq!(stage.broken(), [Invariant::W10]);
    }

    #[test]
    fn w10_a_restarted_controller_repeats_what_it_had_committed() {
        let mut stage = Stage::new();
        stage.change(Change { leader: Some(1), isr: &[1, 2], elr: &[] });
        stage.elect(Change { leader: Some(2), isr: &[1, 2], elr: &[] });
        stage.restart_controller(stage.metadata_records());
        stage.change(Change { leader: Some(2), isr: &[1, 2, 3], elr: &[] });
        assert_eq!(stage.broken(), []);
    }

    #[test]
    fn w10_a_controller_that_forgot_is_told_at_its_next_decision() {
        let mut stage = Stage::new();
        let before = stage.state.clone();
        stage.change(Change { leader: Some(1), isr: &[1, 2], elr: &[] });
        stage.restart_controller(stage.metadata_records() - 1);
        stage.state = before;
        stage.change(Change { leader: Some(1), isr: &[1, 3], elr: &[] });
        assert_eq!(stage.broken(), [Invariant::W10]);
    }

    #[test]
    fn w10_a_broker_does_not_go_back_to_an_older_epoch_while_it_runs() {
        let old_news = |stage: &mut Stage| {
            let (partition, leader_epoch) = (ORDERS, LeaderEpoch(0));
            let leader = Some(BrokerId(1));
            stage.note(3, Note::BecameFollower { partition, leader_epoch, leader });
        };
        let (mut running, mut restarted) = (second_epoch(), second_epoch());
        restarted.crash(3);
        restarted.restart(3);
        old_news(&mut running);
        old_news(&mut restarted);
        assert_eq!((running.broken(), restarted.broken()), (vec![Invariant::W10], vec![]));
    }

    #[test]
    fn w10_a_controller_that_forgot_a_broker_is_told_when_it_registers_it_again() {
        let mut stage = Stage::new();
        stage.register(2, false);
        stage.restart_controller(0);
        let (broker, broker_epoch) = (BrokerId(2), BrokerEpoch(0));
        let registered =
            Note::BrokerRegistered { broker, incarnation: 0, broker_epoch, unclean: false };
        stage.note(0, registered);
        assert_eq!(stage.broken(), [Invariant::W10]);
    }

    #[test]
    fn w10_broker_epochs_rise() {
        let mut stage = Stage::new();
        stage.register(2, false);
        assert_eq!(stage.broken(), []);
        let (broker, broker_epoch) = (BrokerId(2), BrokerEpoch(4));
        let registered =
            Note::BrokerRegistered { broker, incarnation: 0, broker_epoch, unclean: false };
        stage.note(0, registered);
        assert_eq!(stage.broken(), [Invariant::W10]);
    }
}
