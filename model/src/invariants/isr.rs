//! W4 StrongIsr, W11 ValidIsr, W13 UncleanExclusion, W14 HighWatermarkJustification: what being in sync means.
//! As in the AsyncIsr and KafkaReplication specifications, KIP-497 and KIP-966.

use super::ghost::{BrokerGhost, PartitionGhost, Registration};
use super::replica_set::ReplicaSet;
use super::violation::{Broken, Invariant, Verdict, ensure};
use crate::ids::Offset;
use crate::metadata::BrokerState;

/// W14 of those the leader counts on, W4 of the controller's ISR, W3 of the ELR: each has what the leader at `slot` calls
/// committed, unless it lost records.
pub(super) fn high_watermark_is_justified(
    partition: &PartitionGhost,
    slot: usize,
    high_watermark: Offset,
) -> Verdict {
    let leader = &partition.replicas[slot];
    let candidates = partition.registration.map_or(ReplicaSet::default(), |it| it.candidates());
    let counted = (leader.maximal_isr | candidates).without(ReplicaSet::of(slot));
    for member in counted.iter() {
        let replica = &partition.replicas[member];
        if !replica.is_harmed && !replica.log.agrees_below(&leader.log, high_watermark) {
            return Err(unjustified(partition, slot, member, high_watermark));
        }
    }
    Ok(())
}

fn unjustified(
    partition: &PartitionGhost,
    slot: usize,
    member: usize,
    high_watermark: Offset,
) -> Broken {
    let (leader, replica) = (&partition.replicas[slot], &partition.replicas[member]);
    let isr = partition.registration.map_or(ReplicaSet::default(), |it| it.isr);
    let (invariant, set) = match () {
        () if leader.maximal_isr.contains(member) => (Invariant::W14, "the leader's maximal ISR"),
        () if isr.contains(member) => (Invariant::W4, "the controller's ISR"),
        () => (Invariant::W3, "the controller's ELR"),
    };
    let fork = replica.log.fork(&leader.log);
    let text = format!(
        "leader {} calls all below {high_watermark} committed, but {} is not in this log, which is in {set}",
        leader.broker,
        partition.record(fork),
    );
    Broken::by(invariant, replica.broker, text).at(fork)
}

/// W11: ISR and ELR of one state fit together.
pub(super) fn state_is_valid(
    partition: &PartitionGhost,
    state: &Registration,
    eligible_leader_replicas: bool,
) -> Verdict {
    let Registration { isr, elr, .. } = *state;
    let flaw = if state.names_a_stranger {
        "a member of ISR or ELR, or the leader, is not a replica"
    } else if state.leader.is_some_and(|leader| !isr.contains(leader)) {
        "the leader is not in the ISR"
    } else if !(isr & elr).is_empty() {
        "a replica is in both ISR and ELR"
    } else if isr.len() >= partition.min_isr && !elr.is_empty() {
        "there is an ELR though the ISR is large enough"
    } else if isr.is_empty() && !eligible_leader_replicas {
        "the ISR is empty though there is no ELR"
    } else if state.candidates().is_empty() && state.last_known.is_empty() {
        "nobody is in ISR or ELR, and no last leader is known"
    } else {
        return Ok(());
    };
    let text = format!(
        "{} at partition epoch {}: {flaw} (ISR {{{}}}, ELR {{{}}})",
        partition.name,
        state.partition_epoch,
        partition.brokers_of(isr),
        partition.brokers_of(elr),
    );
    Err(Broken::by_nobody(Invariant::W11, text))
}

/// W11: a leader's wish does not bring a fenced broker into the ISR (KIP-841).
pub(super) fn joining_broker_is_active(
    partition: &PartitionGhost,
    broker: &BrokerGhost,
) -> Verdict {
    ensure(broker.state == BrokerState::Active, || {
        let text = format!("joined the ISR of {} while {:?}", partition.name, broker.state);
        Broken::by(Invariant::W11, broker.broker, text)
    })
}

/// W13: a broker that takes part again has left ISR and ELR after its unclean shutdown (KIP-966).
pub(super) fn unclean_broker_was_excluded(partition: &PartitionGhost, slot: usize) -> Verdict {
    let replica = &partition.replicas[slot];
    ensure(!replica.owes_exclusion, || {
        let text = format!(
            "takes part again after an unclean shutdown and never left ISR and ELR of {}",
            partition.name
        );
        Broken::by(Invariant::W13, replica.broker, text)
    })
}
