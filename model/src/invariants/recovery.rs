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

#[cfg(test)]
mod tests {
    use crate::ids::Offset;
    use crate::invariants::Invariant;
    use crate::invariants::stage::{ORDERS, Stage, disk_loss, lying_flush};
    use crate::note::Note;

    fn checkpoint(stage: &mut Stage, broker: u16, high_watermark: u64) {
        let entries = vec![(ORDERS, Offset(high_watermark))];
        stage.note(broker, Note::HighWatermarkCheckpoint { entries, local_partitions: 1 });
    }

    /// Broker 2 has four records, two of them flushed, when `end` happens to it; then it finds so many.
    fn found_after(end: impl Fn(&mut Stage), found: u64) -> Vec<Invariant> {
        let mut stage = Stage::new();
        stage.commit(2);
        stage.flush(2);
        stage.commit(2);
        end(&mut stage);
        stage.boot(2);
        stage.load(2, false, found, 0);
        stage.broken()
    }

    #[test]
    fn w16_a_process_leaves_its_log_to_the_next() {
        assert_eq!(found_after(|stage| stage.crash(2), 4), []);
        assert_eq!(found_after(|stage| stage.crash(2), 3), [Invariant::W16, Invariant::W3]);
    }

    #[test]
    fn w16_a_power_loss_takes_at_most_what_was_not_durable() {
        for found in [2, 3, 4] {
            assert_eq!(found_after(|stage| stage.lose_power(2), found), []);
        }
        assert_eq!(found_after(|stage| stage.lose_power(2), 1), [Invariant::W16]);
        assert_eq!(found_after(|stage| stage.lose_power(2), 5), [Invariant::W16]);
    }

    #[test]
    fn w16_does_not_bind_a_disk_that_lies() {
        let lie = |stage: &mut Stage| {
            stage.begin(&lying_flush(2));
            stage.lose_power(2);
        };
        assert_eq!(found_after(lie, 1), []);
    }

    #[test]
    fn w16_a_new_disk_is_empty() {
        let lose = |stage: &mut Stage| stage.begin(&disk_loss(2));
        assert_eq!(found_after(lose, 0), []);
        assert_eq!(found_after(lose, 2), [Invariant::W16]);
    }

    /// A power loss that also strikes a host whose process had crashed before.
    #[test]
    fn w16_a_crashed_host_can_lose_power_too() {
        let crash_first = |stage: &mut Stage| {
            stage.crash(2);
            stage.begin(&crate::invariants::stage::power_loss(&[2]));
        };
        assert_eq!(found_after(crash_first, 2), []);
    }

    #[test]
    fn w16_a_cut_that_was_not_durable_may_be_undone() {
        let mut stage = Stage::new();
        stage.produce(1, 4);
        stage.copy(2, 1);
        stage.cut(2, 1);
        let mut durable = stage.clone();
        durable.flush(2);
        for stage in [&mut stage, &mut durable] {
            stage.lose_power(2);
            stage.boot(2);
            stage.load(2, false, 4, 0);
        }
        assert_eq!((stage.broken(), durable.broken()), (vec![], vec![Invariant::W16]));
    }

    #[test]
    fn w16_a_clean_shutdown_is_remembered_and_only_that() {
        for (says, opens_clean, expected) in [
            (true, true, vec![]),
            (true, false, vec![Invariant::W16]),
            (false, true, vec![Invariant::W16]),
        ] {
            let mut stage = Stage::new();
            if says {
                stage.note(2, Note::CleanShutdown);
            }
            stage.crash(2);
            stage.boot(2);
            stage.load(2, opens_clean, 0, 0);
            assert_eq!(stage.broken(), expected);
        }
    }

    #[test]
    fn w17_every_open_log_is_in_the_checkpoint() {
        let mut stage = Stage::new();
        checkpoint(&mut stage, 2, 0);
        assert_eq!(stage.broken(), []);
        stage.note(2, Note::HighWatermarkCheckpoint { entries: vec![], local_partitions: 1 });
        assert_eq!(stage.broken(), [Invariant::W17]);
    }

    #[test]
    fn w17_a_boot_takes_the_checkpointed_high_watermark() {
        for (found, expected) in [(2, vec![]), (0, vec![Invariant::W17])] {
            let mut stage = Stage::new();
            stage.commit(3);
            checkpoint(&mut stage, 2, 2);
            stage.crash(2);
            stage.boot(2);
            stage.load(2, false, 3, found);
            assert_eq!(stage.broken(), expected);
        }
    }

    #[test]
    fn w17_a_power_loss_may_bring_an_older_checkpoint_back() {
        let mut stage = Stage::new();
        stage.commit(3);
        checkpoint(&mut stage, 2, 2);
        stage.lose_power(2);
        stage.boot(2);
        stage.load(2, false, 3, 0);
        assert_eq!(stage.broken(), []);
    }
}
