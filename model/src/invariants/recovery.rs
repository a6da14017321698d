//! W16 Recovery and W17 Checkpoint: what a boot finds. As `LogLoader` and `ReplicaManager.checkpointHighWatermarks`
//! (KAFKA-1647). Does not bind a disk that rots or lies about flushes.

use super::ghost::{Aftermath, BrokerGhost, PartitionGhost, ReplicaGhost};
use super::violation::{Broken, Invariant, Verdict, ensure};
use crate::ids::Offset;

/// W16: a process finds the log as the process before it left it; a power loss takes at most what was not durable.
pub(super) fn log_is_recovered(
    partition: &PartitionGhost,
    slot: usize,
    broker: &BrokerGhost,
    found: Offset,
) -> Verdict {
    let replica = &partition.replicas[slot];
    let end = replica.log.end();
    let (least, most) = match replica.aftermath {
        None | Some(Aftermath::Kept) => (end, end),
        Some(Aftermath::PowerLost) if replica.undoable_cut.is_some() => {
            (replica.recovery_point, Offset(u64::MAX))
        }
        Some(Aftermath::PowerLost) => (replica.recovery_point, end),
        Some(Aftermath::DiskLost) => (Offset::ZERO, Offset::ZERO),
    };
    let is_recovered = (least..=most).contains(&found) || broker.is_disk_damaged;
    ensure(is_recovered, || {
        let text = format!(
            "log of {} was left with end {end}, durable below {}, and is found with end {found} {}",
            partition.name,
            replica.recovery_point,
            circumstances(replica.aftermath, broker.stopped_cleanly),
        );
        Broken::by(Invariant::W16, replica.broker, text).at(found.min(end))
    })
}

/// W16: the log is trusted if and only if the broker stopped in good order.
pub(super) fn shutdown_is_remembered(
    partition: &PartitionGhost,
    replica: &ReplicaGhost,
    broker: &BrokerGhost,
    clean: bool,
) -> Verdict {
    let Some(Aftermath::Kept) = replica.aftermath else { return Ok(()) };
    ensure(clean == broker.stopped_cleanly, || {
        let text = format!(
            "opened {} as after {} shutdown {}",
            partition.name,
            if clean { "a clean" } else { "an unclean" },
            circumstances(replica.aftermath, broker.stopped_cleanly),
        );
        Broken::by(Invariant::W16, replica.broker, text)
    })
}

fn circumstances(aftermath: Option<Aftermath>, stopped_cleanly: bool) -> &'static str {
    match aftermath {
        None => "at first sight",
        Some(Aftermath::Kept) if stopped_cleanly => "after it stopped in good order",
        Some(Aftermath::Kept) => "after its process died",
        Some(Aftermath::PowerLost) => "after a power loss",
        Some(Aftermath::DiskLost) => "after the loss of its disk",
    }
}

/// W17: every open log is in the checkpoint.
pub(super) fn checkpoint_is_complete(
    partition: &PartitionGhost,
    replica: &ReplicaGhost,
    is_listed: bool,
) -> Verdict {
    ensure(!replica.is_open || is_listed, || {
        let text = format!("{} is missing in the high-watermark checkpoint", partition.name);
        Broken::by(Invariant::W17, replica.broker, text)
    })
}

/// W17: after a process's death the high watermark is the checkpointed one, or the log's end; only a power loss may bring
/// an older one back.
pub(super) fn high_watermark_is_restored(
    partition: &PartitionGhost,
    replica: &ReplicaGhost,
    end: Offset,
    found: Offset,
) -> Verdict {
    let expected = replica.checkpointed.unwrap_or_default().min(end);
    let is_certain = replica.aftermath == Some(Aftermath::Kept);
    ensure(found == expected || !is_certain, || {
        let text = format!(
            "high watermark of {} was checkpointed as {} and is {found} after the restart",
            partition.name,
            replica.checkpointed.unwrap_or_default()
        );
        Broken::by(Invariant::W17, replica.broker, text).at(found)
    })
}
