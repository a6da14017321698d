//! W19 Purgatory: a produce request with acks=all is answered without error once its last record is committed and enough
//! replicas are in sync. As `DelayedProduce` and `Partition.checkEnoughReplicasReachOffset`.

use super::ghost::{PartitionGhost, ReplicaGhost};
use super::violation::{Broken, Invariant, Verdict, ensure};
use crate::ids::Offset;

/// What a broker says it knew when it answered.
pub(super) struct Acknowledgement {
    /// The offset after the last record.
    pub(super) required_offset: Offset,
    pub(super) high_watermark: Offset,
    pub(super) maximal_isr: u32,
}

/// The replica's high watermark, by its own words and as it was seen to move, covers the request.
pub(super) fn acknowledged_is_committed(
    partition: &PartitionGhost,
    replica: &ReplicaGhost,
    answer: &Acknowledgement,
) -> Verdict {
    let high_watermark = answer.high_watermark.min(replica.high_watermark);
    ensure(high_watermark >= answer.required_offset, || {
        let text = format!(
            "acknowledged all of {} below {} at high watermark {high_watermark}",
            partition.name, answer.required_offset
        );
        Broken::by(Invariant::W19, replica.broker, text).at(high_watermark)
    })
}

/// Enough replicas were in sync.
pub(super) fn enough_are_in_sync(
    partition: &PartitionGhost,
    replica: &ReplicaGhost,
    answer: &Acknowledgement,
) -> Verdict {
    ensure(answer.maximal_isr as usize >= partition.min_isr, || {
        let text = format!(
            "acknowledged all of {} below {} with {} in sync, where min.insync.replicas is {}",
            partition.name, answer.required_offset, answer.maximal_isr, partition.min_isr
        );
        Broken::by(Invariant::W19, replica.broker, text).at(answer.required_offset)
    })
}

#[cfg(test)]
mod tests {
    use crate::ids::Offset;
    use crate::invariants::Invariant;
    use crate::invariants::stage::{ORDERS, Stage};
    use crate::note::Note;

    /// Broker 1 answers, with the high watermark at 2.
    fn answered(required_offset: u64, high_watermark: u64, maximal_isr: u32) -> Vec<Invariant> {
        let mut stage = Stage::new();
        stage.commit(2);
        stage.produce(1, 1);
        let note = Note::AcksAllCompleted {
            partition: ORDERS,
            required_offset: Offset(required_offset),
            high_watermark: Offset(high_watermark),
            maximal_isr,
            min_isr: 2,
        };
        stage.note(1, note);
        stage.broken()
    }

    #[test]
    fn w19_what_is_committed_may_be_acknowledged() {
        assert_eq!(answered(2, 2, 2), []);
    }

    #[test]
    fn w19_what_is_not_committed_may_not_be_acknowledged() {
        assert_eq!(answered(3, 2, 3), [Invariant::W19]);
        assert_eq!(
            answered(3, 3, 3),
            [Invariant::W19],
            "it says so, but was not seen to get there"
        );
    }

    #[test]
    fn w19_with_too_few_in_sync_nothing_may_be_acknowledged() {
        assert_eq!(answered(2, 2, 1), [Invariant::W19]);
    }
}
