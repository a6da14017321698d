//! W2 LeaderCompleteness and W3 LeaderCandidateCompleteness: who leads, and who may be elected cleanly, has every
//! committed record. As in the KIP-966 and KRaft specifications; what an unclean election loses is no violation.

use super::ghost::{PartitionGhost, Registration};
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

/// W2: nobody out of ISR and ELR is elected where unclean elections are disabled, but for the last known leader once
/// both are empty.
pub(super) fn election_is_clean(
    partition: &PartitionGhost,
    before: &Registration,
    leader: usize,
) -> Verdict {
    let nobody_else = before.candidates().is_empty() && before.last_known.contains(leader);
    ensure(before.candidates().contains(leader) || nobody_else, || {
        let text = format!(
            "elected leader of {} though unclean elections are disabled and only {} may be elected",
            partition.name,
            partition.brokers_of(before.candidates()),
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
