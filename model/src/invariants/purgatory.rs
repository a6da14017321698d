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
