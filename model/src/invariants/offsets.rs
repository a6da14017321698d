//! W7 OffsetOrder: high watermark and recovery point are within the log, a log has no gaps, and while a leader's epoch
//! lasts its high watermark does not fall. As `UnifiedLog` asserts of itself; KIP-207 for what clients see of it.

use super::ghost::{PartitionGhost, ReplicaGhost};
use super::violation::{Broken, Invariant, Verdict, ensure};
use crate::ids::Offset;
use crate::record::Batch;

/// A batch begins where the log ends: nothing here leaves gaps.
pub(super) fn append_is_contiguous(
    partition: &PartitionGhost,
    replica: &ReplicaGhost,
    batch: &Batch,
) -> Verdict {
    let end = replica.log.end();
    ensure(batch.base_offset == end, || {
        let record = partition.record(batch.base_offset);
        let text = format!("appended {record} to a log that ends at {end}");
        Broken::by(Invariant::W7, replica.broker, text).at(batch.base_offset)
    })
}

/// A high watermark is at most the log end offset.
pub(super) fn high_watermark_is_in_log(
    partition: &PartitionGhost,
    replica: &ReplicaGhost,
    high_watermark: Offset,
) -> Verdict {
    let end = replica.log.end();
    ensure(high_watermark <= end, || {
        let name = &partition.name;
        let text =
            format!("high watermark {high_watermark} of {name} is beyond log end offset {end}");
        Broken::by(Invariant::W7, replica.broker, text).at(end)
    })
}

/// A leader's high watermark does not fall.
pub(super) fn leader_high_watermark_rises(
    partition: &PartitionGhost,
    replica: &ReplicaGhost,
    high_watermark: Offset,
) -> Verdict {
    let before = replica.high_watermark;
    ensure(high_watermark >= before, || {
        let name = &partition.name;
        let text = format!(
            "as leader of {name} its high watermark fell from {before} to {high_watermark}"
        );
        Broken::by(Invariant::W7, replica.broker, text).at(high_watermark)
    })
}

/// Only what is in the log is durable.
pub(super) fn recovery_point_is_in_log(
    partition: &PartitionGhost,
    replica: &ReplicaGhost,
    recovery_point: Offset,
) -> Verdict {
    let end = replica.log.end();
    ensure(recovery_point <= end, || {
        let name = &partition.name;
        let text =
            format!("recovery point {recovery_point} of {name} is beyond log end offset {end}");
        Broken::by(Invariant::W7, replica.broker, text).at(end)
    })
}

#[cfg(test)]
mod tests {
    use crate::ids::Offset;
    use crate::invariants::Invariant;
    use crate::invariants::stage::{ORDERS, Stage};
    use crate::note::Note;

    #[test]
    fn w7_a_log_has_no_gap_and_no_overlap() {
        for at in [0, 2] {
            let mut stage = Stage::new();
            stage.produce(1, 1);
            let batch = stage.new_batch(1, 0);
            stage.append(1, batch.stamped(Offset(at), batch.leader_epoch), true);
            assert_eq!(stage.broken(), [Invariant::W7], "at {at}");
        }
    }

    #[test]
    fn w7_a_high_watermark_is_within_the_log() {
        let mut stage = Stage::new();
        stage.commit(2);
        assert_eq!(stage.broken(), []);
        stage.high_watermark(2, 3, false);
        assert_eq!(stage.broken(), [Invariant::W7]);
    }

    #[test]
    fn w7_only_a_followers_high_watermark_may_fall() {
        let mut stage = Stage::new();
        stage.commit(2);
        stage.high_watermark(2, 1, false);
        assert_eq!(stage.broken(), []);
        stage.high_watermark(1, 1, true);
        assert_eq!(stage.broken(), [Invariant::W7]);
    }

    #[test]
    fn w7_nothing_beyond_the_log_is_durable() {
        let mut stage = Stage::new();
        stage.commit(2);
        stage.flush(1);
        assert_eq!(stage.broken(), []);
        stage.note(1, Note::Flushed { partition: ORDERS, recovery_point: Offset(3) });
        assert_eq!(stage.broken(), [Invariant::W7]);
    }
}
