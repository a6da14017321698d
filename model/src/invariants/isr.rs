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
            return Err(unjustified(partition, slot, member, high_watermark).into());
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
    Err(Broken::by_nobody(Invariant::W11, text).into())
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

#[cfg(test)]
mod tests {
    use crate::invariants::Invariant;
    use crate::invariants::stage::{Change, Stage};

    #[test]
    fn w14_a_leader_does_not_commit_ahead_of_those_it_counts_on() {
        let mut stage = Stage::new();
        stage.produce(1, 1);
        stage.copy(2, 1);
        stage.high_watermark(1, 1, true);
        assert_eq!(stage.broken(), [Invariant::W14]);
        assert_eq!(
            stage.sentence(),
            "W14 HighWatermarkJustification broken: broker 3: leader 1 calls all below 1 committed, but orders-0@0 is \
             not in this log, which is in the leader's maximal ISR"
        );
    }

    #[test]
    fn w4_a_leader_that_shrinks_its_isr_on_its_own_forgets_the_controllers() {
        let mut stage = Stage::new();
        stage.note_maximal_isr(1, &[1, 2]);
        stage.produce(1, 1);
        stage.copy(2, 1);
        stage.high_watermark(1, 1, true);
        assert_eq!(stage.broken(), [Invariant::W4]);
    }

    #[test]
    fn w3_a_leader_below_min_isr_does_not_commit_without_the_elr() {
        let mut stage = Stage::new();
        stage.change(Change { leader: Some(1), isr: &[1], elr: &[2] });
        stage.note_maximal_isr(1, &[1]);
        stage.produce(1, 1);
        stage.high_watermark(1, 1, true);
        assert_eq!(stage.broken(), [Invariant::W3]);
    }

    #[test]
    fn a_shrink_that_the_controller_has_agreed_to_breaks_nothing() {
        let mut stage = Stage::new();
        stage.change(Change { leader: Some(1), isr: &[1, 2], elr: &[] });
        stage.note_maximal_isr(1, &[1, 2]);
        stage.produce(1, 1);
        stage.copy(2, 1);
        stage.high_watermark(1, 1, true);
        assert_eq!(stage.broken(), []);
    }

    /// The leader does not know yet that what it was told is gone.
    #[test]
    fn who_lost_its_records_since_does_not_count() {
        let mut stage = Stage::new();
        stage.produce(1, 1);
        stage.copy(2, 1);
        stage.copy(3, 1);
        stage.lose_power(3);
        stage.boot(3);
        stage.load(3, false, 0, 0);
        stage.high_watermark(1, 1, true);
        assert_eq!(stage.broken(), []);
    }

    /// A zombie hears of a fetch that was sent before its successor took over.
    #[test]
    fn a_zombie_may_commit_what_its_successor_has() {
        let mut stage = Stage::new();
        stage.commit(1);
        stage.produce(1, 1);
        stage.copy(2, 1);
        stage.copy(3, 1);
        let mut zombie = stage.clone();
        stage.change(Change { leader: Some(2), isr: &[2, 3], elr: &[] });
        stage.apply(2);
        zombie.monitor = stage.monitor.clone();
        zombie.high_watermark(1, 2, true);
        assert_eq!(zombie.broken(), []);
    }

    #[test]
    fn w11_tells_each_flaw_of_a_state() {
        let flaw_of = |leader: Option<u16>, isr: &[u16], elr: &[u16]| {
            let mut stage = Stage::new();
            stage.change(Change { leader, isr, elr });
            stage.monitor.violations().first().map(|it| (it.invariant, it.text.clone()))
        };
        assert_eq!(flaw_of(Some(1), &[1], &[2]), None);
        assert_eq!(flaw_of(Some(2), &[2, 3], &[]), None);
        assert_eq!(flaw_of(None, &[], &[1, 2]), None);
        let says = |flaw: Option<(Invariant, String)>, what: &str| {
            flaw.is_some_and(|(number, text)| number == Invariant::W11 && text.contains(what))
        };
        assert!(says(flaw_of(Some(1), &[2, 3], &[]), "the leader is not in the ISR"));
        assert!(says(flaw_of(Some(1), &[1], &[1, 2]), "a replica is in both ISR and ELR"));
        assert!(says(flaw_of(Some(1), &[1, 2], &[3]), "there is an ELR though"));
        assert!(says(flaw_of(Some(1), &[1, 9], &[]), "is not a replica"));
    }

    #[test]
    fn w11_a_fenced_broker_does_not_join() {
        let mut stage = Stage::new();
        stage.change(Change { leader: Some(1), isr: &[1, 2], elr: &[] });
        let mut active = stage.clone();
        stage.register(3, false);
        for stage in [&mut stage, &mut active] {
            stage.change(Change { leader: Some(1), isr: &[1, 2, 3], elr: &[] });
        }
        assert_eq!((stage.broken(), active.broken()), (vec![Invariant::W11], vec![]));
    }

    #[test]
    fn w13_an_unclean_broker_takes_part_only_after_it_was_excluded() {
        let mut stage = Stage::new();
        stage.register(3, true);
        let mut excluded = stage.clone();
        excluded.change(Change { leader: Some(1), isr: &[1, 2], elr: &[] });
        for stage in [&mut stage, &mut excluded] {
            stage.activate(3);
        }
        assert_eq!((stage.broken(), excluded.broken()), (vec![Invariant::W13], vec![]));
    }
}
