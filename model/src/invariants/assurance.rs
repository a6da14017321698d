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
