//! When a partition's durability is promised, and from when on it no longer is.
//!
//! Kafka promises that committed records survive as long as one replica that certainly has them all stays a candidate: a
//! member of the controller's ISR or ELR that has lost nothing since it joined (with neither: the last known leader).
//! The promise is void from the moment at which the last such replica is harmed, and when an operator who enabled unclean
//! elections gets one. It starts afresh with the next leader, whose log is the truth then, whatever it lacks.
//!
//! ```text
//! in force ──last sound candidate harmed, or unclean election──> void ──a leader begins its epoch──> in force
//! ```

use crate::ids::LeaderEpoch;

use super::ghost::{PartitionGhost, Registration};
use super::replica_set::ReplicaSet;

/// Whether committed records must survive.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct Assurance {
    pub(super) is_in_force: bool,
    /// What leaders of earlier epochs called committed is no longer protected.
    founding_epoch: LeaderEpoch,
    /// It was void at least once: replicas may differ in what they once had in common.
    pub(super) was_void: bool,
}

impl Default for Assurance {
    fn default() -> Self {
        Assurance { is_in_force: true, founding_epoch: LeaderEpoch(0), was_void: false }
    }
}

impl PartitionGhost {
    /// Whether what a leader of `epoch` calls committed is protected.
    pub(super) fn protects(&self, epoch: LeaderEpoch) -> bool {
        self.assurance.is_in_force && epoch >= self.assurance.founding_epoch
    }

    /// Candidates that have certainly lost nothing.
    pub(super) fn sound(&self, registration: &Registration) -> ReplicaSet {
        let candidates = registration.candidates();
        let electable = if candidates.is_empty() { registration.last_known } else { candidates };
        electable.without(self.harmed())
    }

    /// Who is left to keep the promise, after a change or a loss.
    pub(super) fn reassess(&mut self) {
        if self.registration.is_some_and(|registration| self.sound(&registration).is_empty()) {
            self.void();
        }
    }

    /// Committed records may be lost from now on.
    pub(super) fn void(&mut self) {
        self.assurance.is_in_force = false;
        self.assurance.was_void = true;
    }

    /// The controller's leader begins `epoch` while nothing is promised: from now on its log is the truth.
    pub(super) fn found_anew(&mut self, slot: usize, epoch: LeaderEpoch) {
        let leader = &mut self.replicas[slot];
        leader.is_harmed = false;
        let shared = self.committed.fork(&leader.log);
        self.committed.truncate(shared);
        self.committed.extend_from(&leader.log, leader.high_watermark.max(shared));
        self.assurance.is_in_force = true;
        self.assurance.founding_epoch = epoch;
    }
}

#[cfg(test)]
mod tests {
    use crate::invariants::Invariant;
    use crate::invariants::stage::{Change, ORDERS, Stage, cluster};

    #[test]
    fn the_promise_ends_with_the_last_sound_candidate_and_begins_with_the_next_leader() {
        let mut stage = Stage::new();
        stage.commit(3);
        for broker in [1, 2, 3] {
            assert!(stage.monitor.is_durability_promised(ORDERS));
            stage.lose_power(broker);
        }
        assert!(!stage.monitor.is_durability_promised(ORDERS));
        for broker in [1, 2, 3] {
            stage.boot(broker);
            stage.load(broker, false, 3 - u64::from(broker), 0);
            stage.register(broker, true);
        }
        stage.change(Change { leader: None, isr: &[], elr: &[] });
        stage.elect(Change { leader: Some(1), isr: &[1], elr: &[] });
        assert!(stage.monitor.is_durability_promised(ORDERS));
        assert_eq!(stage.broken(), []);
    }

    #[test]
    fn what_the_new_leader_has_is_protected_from_then_on() {
        let mut stage = Stage::new();
        stage.commit(3);
        for broker in [1, 2, 3] {
            stage.lose_power(broker);
            stage.boot(broker);
            stage.load(broker, false, 2, 0);
        }
        stage.elect(Change { leader: Some(2), isr: &[2, 3], elr: &[] });
        stage.note_maximal_isr(2, &[2, 3]);
        stage.commit(1);
        assert_eq!(stage.broken(), []);
        stage.cut(2, 1);
        assert_eq!(stage.broken(), [Invariant::W15]);
    }

    #[test]
    fn a_leader_alone_in_its_isr_is_all_there_is_to_lose() {
        let mut cluster = cluster();
        cluster.topics[1].config.min_insync_replicas = 1;
        let mut stage = Stage::of(cluster);
        stage.change(Change { leader: Some(1), isr: &[1], elr: &[] });
        stage.note_maximal_isr(1, &[1]);
        stage.commit(2);
        stage.lose_power(1);
        stage.boot(1);
        stage.load(1, false, 0, 0);
        stage.register(1, true);
        stage.change(Change { leader: None, isr: &[], elr: &[] });
        stage.elect(Change { leader: Some(1), isr: &[1], elr: &[] });
        assert_eq!(stage.broken(), []);
    }

    /// The old leader of a partition that was led uncleanly since knows nothing of it and goes on.
    #[test]
    fn what_a_zombie_from_before_an_unclean_election_commits_is_not_protected() {
        let mut cluster = cluster();
        cluster.topics[1].config.unclean_leader_election_enable = true;
        cluster.topics[1].config.min_insync_replicas = 1;
        let mut stage = Stage::of(cluster);
        stage.change(Change { leader: Some(1), isr: &[1], elr: &[] });
        stage.note_maximal_isr(1, &[1]);
        let mut zombie = stage.clone();
        stage.change(Change { leader: Some(3), isr: &[3], elr: &[] });
        stage.apply(3);
        stage.note_maximal_isr(3, &[3]);
        stage.commit(1);
        zombie.monitor = stage.monitor.clone();
        zombie.commit(1);
        assert_eq!(zombie.broken(), []);
        stage.monitor = zombie.monitor;
        stage.commit(1);
        assert_eq!(stage.broken(), []);
    }
}
