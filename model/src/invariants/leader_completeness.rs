//! W2 LeaderCompleteness and W3 LeaderCandidateCompleteness: who leads, and who may be elected cleanly, has every
//! committed record. As in the KIP-966 and KRaft specifications; what an unclean election loses is no violation.

use super::ghost::PartitionGhost;
use super::replica_set::ReplicaSet;
use super::violation::{Broken, Invariant, Verdict, ensure};
use crate::ids::LeaderEpoch;

/// W2: the controller's leader, which has just applied its epoch, has every committed record.
pub(super) fn leader_is_complete(
    partition: &PartitionGhost,
    slot: usize,
    epoch: LeaderEpoch,
) -> Verdict {
    let replica = &partition.replicas[slot];
    ensure(replica.holds(&partition.committed), || {
        let fork = replica.log.fork(&partition.committed);
        let text = format!(
            "leads in epoch {epoch} without committed record {} (its log ends at {}, committed is all below {})",
            partition.record(fork),
            replica.log.end(),
            partition.committed.end(),
        );
        Broken::by(Invariant::W2, replica.broker, text).at(fork)
    })
}

/// W2: where unclean elections are disabled, who is elected was in ISR or ELR, or is the last known leader of a partition
/// that has no other candidate left: those who are `leaving`, for they came back from an unclean shutdown, do not count. To be asked
/// before the new state is taken.
pub(super) fn election_is_clean(
    partition: &PartitionGhost,
    leader: usize,
    leaving: ReplicaSet,
) -> Verdict {
    let Some(before) = partition.registration else { return Ok(()) };
    let candidates = before.candidates().without(leaving);
    let is_last_standing = candidates.is_empty() && before.last_known.contains(leader);
    ensure(candidates.contains(leader) || is_last_standing, || {
        let text = format!(
            "elected leader of {} though unclean elections are disabled and only {{{}}} may be elected",
            partition.name,
            partition.brokers_of(candidates),
        );
        Broken::by(Invariant::W2, partition.replicas[leader].broker, text)
    })
}

/// W3: a candidate that has lost nothing since it joined the ISR has every committed record.
pub(super) fn candidate_is_complete(partition: &PartitionGhost, slot: usize) -> Verdict {
    let replica = &partition.replicas[slot];
    ensure(replica.is_harmed || replica.holds(&partition.committed), || {
        let fork = replica.log.fork(&partition.committed);
        let text = format!(
            "may be elected but lacks committed record {} (its log ends at {}, committed is all below {})",
            partition.record(fork),
            replica.log.end(),
            partition.committed.end(),
        );
        Broken::by(Invariant::W3, replica.broker, text).at(fork)
    })
}

#[cfg(test)]
mod tests {
    use crate::invariants::Invariant;
    use crate::invariants::stage::{Change, Stage, cluster};

    /// Broker 3 has fallen out of the ISR and lacks two committed records.
    fn with_a_laggard(mut stage: Stage) -> Stage {
        stage.change(Change { leader: Some(1), isr: &[1, 2], elr: &[] });
        stage.note_maximal_isr(1, &[1, 2]);
        stage.commit(2);
        stage
    }

    #[test]
    fn w2_a_leader_from_outside_the_isr_is_told_twice() {
        let mut stage = with_a_laggard(Stage::new());
        stage.change(Change { leader: Some(3), isr: &[3], elr: &[] });
        stage.apply(3);
        assert_eq!(stage.broken(), [Invariant::W2, Invariant::W3]);
        assert!(stage.monitor.violations()[0].text.contains("only {1, 2} may be elected"));
    }

    #[test]
    fn w2_a_leader_has_every_committed_record() {
        let mut stage = Stage::new();
        stage.commit(2);
        stage.lose_power(2);
        stage.boot(2);
        stage.load(2, false, 0, 0);
        stage.change(Change { leader: Some(2), isr: &[1, 2, 3], elr: &[] });
        assert_eq!(stage.broken(), [], "it is not known to lead yet");
        stage.apply(2);
        assert_eq!(stage.broken(), [Invariant::W2]);
        assert_eq!(
            stage.sentence(),
            "W2 LeaderCompleteness broken: broker 2: leads in epoch 1 without committed record orders-0@0 \
             (its log ends at 0, committed is all below 2)"
        );
    }

    #[test]
    fn a_leader_from_the_isr_breaks_nothing() {
        let mut stage = with_a_laggard(Stage::new());
        stage.produce(1, 1);
        stage.elect(Change { leader: Some(2), isr: &[2], elr: &[1] });
        assert_eq!(stage.broken(), []);
    }

    #[test]
    fn where_unclean_elections_are_enabled_they_break_nothing() {
        let mut cluster = cluster();
        cluster.topics[1].config.unclean_leader_election_enable = true;
        let mut stage = with_a_laggard(Stage::of(cluster));
        stage.elect(Change { leader: Some(3), isr: &[3], elr: &[] });
        stage.cut(1, 0);
        stage.cut(2, 0);
        stage.change(Change { leader: Some(3), isr: &[1, 2, 3], elr: &[] });
        stage.note_maximal_isr(3, &[1, 2, 3]);
        stage.commit(1);
        assert_eq!(stage.broken(), []);
        stage.change(Change { leader: Some(3), isr: &[3], elr: &[1, 2] });
        stage.cut(1, 0);
        assert_eq!(stage.broken(), [Invariant::W15], "what the new leader commits is protected");
    }

    #[test]
    fn w3_a_candidate_lacks_a_committed_record() {
        let mut stage = with_a_laggard(Stage::new());
        stage.change(Change { leader: Some(1), isr: &[1, 2, 3], elr: &[] });
        assert_eq!(stage.broken(), [Invariant::W3]);
    }

    #[test]
    fn a_candidate_that_has_caught_up_breaks_nothing() {
        let mut stage = with_a_laggard(Stage::new());
        stage.copy(3, 1);
        stage.change(Change { leader: Some(1), isr: &[1, 2, 3], elr: &[] });
        assert_eq!(stage.broken(), []);
    }

    #[test]
    fn a_candidate_that_lost_records_is_no_violation_until_it_leads() {
        let mut stage = Stage::new();
        stage.commit(2);
        stage.lose_power(3);
        stage.boot(3);
        stage.load(3, false, 1, 0);
        stage.change(Change { leader: Some(1), isr: &[1, 3], elr: &[] });
        assert_eq!(stage.broken(), []);
    }

    #[test]
    fn w2_a_registration_of_a_process_that_has_died_settles_nothing() {
        let mut stage = Stage::new();
        stage.change(Change { leader: Some(1), isr: &[1], elr: &[2] });
        stage.crash(1);
        stage.crash(2);
        stage.restart(2);
        stage.crash(2);
        stage.register(2, false);
        stage.change(Change { leader: None, isr: &[], elr: &[2] });
        stage.restart(2);
        stage.restart(1);
        stage.register(1, true);
        stage.change(Change { leader: Some(1), isr: &[1], elr: &[] });
        stage.register(2, true);
        assert_eq!(
            stage.broken(),
            [],
            "broker 2 leaves the ELR with the decision that registers it"
        );
    }
}
