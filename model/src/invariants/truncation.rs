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

#[cfg(test)]
mod tests {
    use crate::invariants::Invariant;
    use crate::invariants::stage::{Change, Stage};

    #[test]
    fn w15_a_follower_that_truncates_to_its_own_high_watermark_loses_committed_records() {
        let mut stage = Stage::new();
        stage.commit(2);
        stage.produce(1, 1);
        stage.copy(2, 1);
        stage.copy(3, 1);
        stage.high_watermark(1, 3, true);
        stage.cut(2, 2);
        assert_eq!(stage.broken(), [Invariant::W15]);
        assert_eq!(
            stage.sentence(),
            "W15 TruncationSafety broken: broker 2: cut its log at 2, and with it committed record orders-0@2 \
             (committed is all below 3)"
        );
    }

    #[test]
    fn a_tail_that_was_never_committed_may_go_even_below_the_true_high_watermark() {
        let mut stage = Stage::new();
        stage.commit(2);
        stage.produce(1, 3);
        stage.change(Change { leader: Some(2), isr: &[2, 3], elr: &[] });
        stage.apply(2);
        stage.apply(3);
        stage.note_maximal_isr(2, &[2, 3]);
        stage.commit(6);
        stage.apply(1);
        stage.cut(1, 2);
        assert_eq!(stage.broken(), []);
    }

    #[test]
    fn who_lost_records_may_start_over() {
        let mut stage = Stage::new();
        stage.commit(2);
        stage.lose_power(3);
        stage.boot(3);
        stage.load(3, false, 1, 0);
        stage.cut(3, 0);
        assert_eq!(stage.broken(), []);
    }
}
