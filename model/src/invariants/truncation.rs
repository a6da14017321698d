//! W15 TruncationSafety: a replica that lost nothing does not cut committed records off its log (KIP-101, KIP-595). To cut
//! what differs from the committed log is its duty, at whatever offset.

use super::ghost::PartitionGhost;
use super::violation::{Broken, Invariant, Verdict, ensure};
use crate::ids::Offset;

/// The first record that goes is not the committed one of its offset. To be asked before the cut.
pub(super) fn cut_spares_committed(
    partition: &PartitionGhost,
    slot: usize,
    end: Offset,
) -> Verdict {
    let replica = &partition.replicas[slot];
    let is_known = replica.log.is_known() && !replica.is_harmed;
    let cuts_committed = is_known && replica.log.agrees_below(&partition.committed, end + 1);
    ensure(!cuts_committed, || {
        let record = partition.record(end);
        let text = format!(
            "cut its log at {end}, and with it committed record {record} (committed is all below {})",
            partition.committed.end()
        );
        Broken::by(Invariant::W15, replica.broker, text).at(end)
    })
}
