//! W12 NoGlobalLoss: every committed record is on the disk of at least one replica, elected or not, running or not.

use super::ghost::{Aftermath, PartitionGhost};
use super::violation::{Broken, Invariant, Verdict, ensure};

/// Some replica has the whole true log. Asked after every step that takes records away.
pub(super) fn someone_has_everything(partition: &PartitionGhost) -> Verdict {
    let has_everything = partition.replicas.iter().any(|replica| {
        let is_certain = replica.aftermath <= Some(Aftermath::Kept) || replica.is_durable();
        is_certain && replica.holds(&partition.committed)
    });
    ensure(has_everything, || {
        let forks = partition.replicas.iter().map(|replica| replica.log.fork(&partition.committed));
        let fork = forks.max().unwrap_or_default();
        let text = format!(
            "no replica has committed record {} any more (committed is all below {})",
            partition.record(fork),
            partition.committed.end(),
        );
        Broken::by_nobody(Invariant::W12, text).at(fork)
    })
}

#[cfg(test)]
mod tests {
    use crate::invariants::Invariant;
    use crate::invariants::stage::{Change, Stage};

    #[test]
    fn w12_the_last_copy_of_a_committed_record_is_cut_off() {
        let mut stage = Stage::new();
        stage.commit(1);
        for broker in [1, 2] {
            stage.cut(broker, 0);
        }
        assert!(!stage.broken().contains(&Invariant::W12), "broker 3 has it still");
        stage.cut(3, 0);
        assert_eq!(stage.broken().last(), Some(&Invariant::W12));
    }

    #[test]
    fn w12_a_copy_on_a_replica_that_cannot_be_elected_counts() {
        let mut stage = Stage::new();
        stage.commit(1);
        stage.change(Change { leader: Some(1), isr: &[1, 2], elr: &[] });
        for broker in [1, 2] {
            stage.cut(broker, 0);
        }
        assert!(!stage.broken().contains(&Invariant::W12));
    }
}
