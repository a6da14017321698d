//! W1 LogMatching: below both their high watermarks two replicas hold the same records.
//!
//! Every high watermark is compared with the one true log, so that no pair of replicas has to be. The stronger form is
//! watched as well: who appends a record of an epoch has everything before it in common with the leader of that epoch,
//! as truncation by leader epoch promises (KIP-101, KIP-279, KIP-595).

use super::ghost::PartitionGhost;
use super::violation::{Broken, Invariant, Verdict, ensure};
use crate::ids::Offset;
use crate::record::Batch;

/// What the replica at `slot` calls committed is the true log, as far as that reaches.
pub(super) fn high_watermark_agrees(
    partition: &PartitionGhost,
    slot: usize,
    high_watermark: Offset,
) -> Verdict {
    let replica = &partition.replicas[slot];
    let end = high_watermark.min(partition.committed.end());
    ensure(replica.log.agrees_below(&partition.committed, end), || {
        let fork = replica.log.fork(&partition.committed);
        let record = partition.record(fork);
        let text = format!(
            "{record} is not the committed record, yet its high watermark there is {high_watermark}"
        );
        Broken::by(Invariant::W1, replica.broker, text).at(fork)
    })
}

/// No follower takes something for committed that no leader has called so.
pub(super) fn follower_knows_no_more_than_leaders(
    partition: &PartitionGhost,
    slot: usize,
    high_watermark: Offset,
) -> Verdict {
    let end = partition.committed.end();
    ensure(high_watermark <= end, || {
        let record = partition.record(end);
        let text = format!(
            "as a follower its high watermark is {high_watermark}, but no leader has called {record} committed"
        );
        Broken::by(Invariant::W1, partition.replicas[slot].broker, text).at(end)
    })
}

/// A follower that has just appended `batch` has all of it, and what is before, in common with the leader that made it.
/// Does not hold for good once an unclean election or a loss has made two truths of one log.
pub(super) fn follower_matches_its_leader(
    partition: &PartitionGhost,
    slot: usize,
    batch: &Batch,
) -> Verdict {
    if partition.assurance.was_void {
        return Ok(());
    }
    let Some(reign) = partition.reigns.iter().rev().find(|it| it.epoch == batch.leader_epoch)
    else {
        return Ok(());
    };
    let (leader, follower) = (&partition.replicas[reign.slot], &partition.replicas[slot]);
    let end = batch.next_offset();
    let leader_has_it_still = leader.epoch_at(batch.last_offset()) == Some(batch.leader_epoch);
    ensure(!leader_has_it_still || follower.log.agrees_below(&leader.log, end), || {
        let fork = follower.log.fork(&leader.log);
        let text = format!(
            "appended {} of epoch {} on top of a log that differs from that of its leader {} from {fork} on",
            partition.record(batch.base_offset),
            batch.leader_epoch,
            leader.broker,
        );
        Broken::by(Invariant::W1, follower.broker, text).at(fork)
    })
}

/// When nothing is on its way any more, an in-sync replica has the leader's log.
pub(super) fn in_sync_replica_is_identical(
    partition: &PartitionGhost,
    leader: usize,
    slot: usize,
) -> Verdict {
    let (leader, replica) = (&partition.replicas[leader], &partition.replicas[slot]);
    let end = leader.log.end().max(replica.log.end());
    ensure(replica.log.agrees_below(&leader.log, end), || {
        let fork = replica.log.fork(&leader.log);
        let text = format!(
            "in sync and at rest, its log (end {}) is not that of leader {} (end {}) from {} on",
            replica.log.end(),
            leader.broker,
            leader.log.end(),
            partition.record(fork),
        );
        Broken::by(Invariant::W1, replica.broker, text).at(fork)
    })
}

#[cfg(test)]
mod tests {
    use crate::invariants::Invariant;
    use crate::invariants::stage::{Change, Stage};

    /// Leader 1 has a record that nobody has copied; 2 leads now and has another one in its place. Both followers of 2
    /// know of it.
    fn diverged() -> Stage {
        let mut stage = Stage::new();
        stage.commit(3);
        stage.produce(1, 1);
        stage.change(Change { leader: Some(2), isr: &[2, 3], elr: &[] });
        stage.apply(2);
        stage.apply(3);
        stage.produce(2, 1);
        stage.copy(3, 2);
        stage
    }

    #[test]
    fn w1_a_tail_that_was_not_cut_is_seen_at_the_next_append() {
        let mut stage = diverged();
        stage.apply(1);
        stage.produce(2, 1);
        stage.copy(1, 2);
        assert_eq!(stage.broken(), [Invariant::W1]);
        assert_eq!(
            stage.sentence(),
            "W1 LogMatching broken: broker 1: appended orders-0@4 of epoch 1 on top of a log that differs from that \
             of its leader 2 from 3 on"
        );
    }

    #[test]
    fn w1_a_tail_that_was_not_cut_is_seen_when_it_is_called_committed() {
        let mut stage = diverged();
        stage.apply(1);
        stage.high_watermark(2, 4, true);
        stage.high_watermark(1, 4, false);
        assert_eq!(stage.broken(), [Invariant::W1]);
        assert_eq!(stage.monitor.violations()[0].offset.map(|offset| offset.0), Some(3));
    }

    #[test]
    fn a_tail_that_was_cut_breaks_nothing() {
        let mut stage = diverged();
        stage.apply(1);
        stage.cut(1, 3);
        stage.produce(2, 1);
        stage.copy(1, 2);
        stage.copy(3, 2);
        stage.high_watermark(2, 5, true);
        stage.high_watermark(1, 5, false);
        assert_eq!(stage.broken(), []);
    }

    #[test]
    fn w1_a_follower_cannot_know_of_commits_before_any_leader() {
        let mut stage = Stage::new();
        stage.produce(1, 1);
        stage.copy(2, 1);
        stage.high_watermark(2, 1, false);
        assert_eq!(stage.broken(), [Invariant::W1]);
    }

    /// Broker 2 took over from 1, which has a record that nobody else has, and is in sync all the same.
    fn at_rest_with_a_tail() -> Stage {
        let mut stage = Stage::new();
        stage.commit(2);
        stage.produce(1, 1);
        stage.elect(Change { leader: Some(2), isr: &[1, 2, 3], elr: &[] });
        stage
    }

    fn final_check(mut stage: Stage) -> Stage {
        let stamp = stage.stamp(0);
        stage.monitor.final_check(stamp);
        stage
    }

    #[test]
    fn w1_logs_that_differ_at_rest_are_told() {
        let stage = final_check(at_rest_with_a_tail());
        assert_eq!(stage.broken(), [Invariant::W1]);
        assert!(stage.sentence().contains("broker 1: in sync and at rest, its log (end 3)"));
    }

    #[test]
    fn at_rest_replicas_that_are_out_of_sync_or_down_do_not_count() {
        let mut down = at_rest_with_a_tail();
        down.crash(1);
        let mut out = at_rest_with_a_tail();
        out.change(Change { leader: Some(2), isr: &[2, 3], elr: &[] });
        assert_eq!((final_check(down).broken(), final_check(out).broken()), (vec![], vec![]));
    }

    #[test]
    fn at_rest_a_replica_that_died_counts_once_it_has_registered() {
        let mut unnoticed = at_rest_with_a_tail();
        unnoticed.crash(1);
        unnoticed.restart(1);
        let mut registered = unnoticed.clone();
        registered.register(1, false);
        let broken = [unnoticed, registered].map(|stage| final_check(stage).broken());
        assert_eq!(broken, [vec![], vec![Invariant::W1]]);
    }

    #[test]
    fn a_leader_with_something_to_commit_is_not_at_rest() {
        let mut stage = at_rest_with_a_tail();
        stage.produce(2, 1);
        assert_eq!(final_check(stage).broken(), []);
    }
}
