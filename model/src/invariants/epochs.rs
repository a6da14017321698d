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

/// W8: the leader epoch cache says where each epoch of the log begins, and no more than that, but for one at the log end
/// offset in which nothing has been appended yet.
pub(super) fn cache_fits_log(
    partition: &PartitionGhost,
    replica: &ReplicaGhost,
    cache: &[EpochStart],
) -> Verdict {
    if !replica.log.is_known() {
        return Ok(());
    }
    let ascends = |pair: &[EpochStart]| {
        pair[0].epoch < pair[1].epoch && pair[0].start_offset < pair[1].start_offset
    };
    let ends_in_log = cache.last().is_none_or(|last| last.start_offset <= replica.log.end());
    let is_derived = cache
        .iter()
        .all(|start| replica.epochs.contains(start) || start.start_offset == replica.log.end());
    let is_complete = replica.epochs.iter().all(|start| cache.contains(start));
    ensure(cache.windows(2).all(ascends) && ends_in_log && is_derived && is_complete, || {
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
    let broken = |text| Err(Broken::by(Invariant::W9, replica.broker, text).at(record));
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
