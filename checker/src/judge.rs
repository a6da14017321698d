//! From a history to a judgement: gather the evidence once, let every judge look at it, draw the verdicts.

use crate::contract::Contract;
use crate::counted::{are, counted};
use crate::evidence::Evidence;
use crate::evidence::dependencies::Dependencies;
use crate::evidence::intervals;
use crate::evidence::producers::Producers;
use crate::evidence::progress::Groups;
use crate::evidence::sightings::first_reads;
use crate::findings::Findings;
use crate::history::{Clock, History};
use crate::judges::availability::Recovery;
use crate::judges::{
    aborted_reads, atomicity, auto_commits, availability, committed_offsets, consumer_order,
    durability, early_reads, fencing, group_commits, group_delivery, interleaving, lag, log_bounds,
    message_keys, outputs, ownership, processing, producer_order, real_time, sequences, slots,
    stable_reads, transaction_cycles, zombies,
};
use crate::verdict::{Coverage, Judgement, Property, Verdict};

/// Judges `history` by every property, in time linear in its length. The contract decides how bad an anomaly is, not
/// whether it is found; only what the history cannot tell, the contract does: at which isolation level consumers read, and
/// whether logs are compacted. It also says whether anti-dependencies of transactions are looked for.
#[must_use]
pub fn judge(history: &History, contract: &Contract) -> Judgement {
    let mut coverage = Coverage::default();
    let evidence = Evidence::gather(history, contract, &mut coverage);
    let mut findings = Findings::new(history, contract);
    slots::judge(&evidence, &mut findings);
    producer_order::judge(&evidence, &mut findings, &mut coverage);
    message_keys::judge(&evidence, &mut findings);
    durability::judge(&evidence, &mut findings, &mut coverage);
    real_time::judge(&evidence, &mut findings, &mut coverage);
    log_bounds::judge(&evidence, &mut findings, &mut coverage);
    let groups = follow_clients(&evidence, &mut findings, &mut coverage);
    group_commits::judge(&evidence, &groups, &mut findings);
    auto_commits::judge(&evidence, &mut findings);
    group_delivery::judge(&evidence, &groups, &mut findings, &mut coverage);
    if let Some(recovery) = Recovery::of(&evidence, contract.recovery_ms) {
        availability::judge(&evidence, &groups, &recovery, &mut findings, &mut coverage);
    }
    transactions(&evidence, contract, &mut findings, &mut coverage);
    if let Some(producers) = Producers::follow(&evidence) {
        zombies::judge(&evidence, &producers, &mut findings);
        interleaving::judge(&evidence, &producers, &mut findings);
        sequences::judge(&evidence, &producers, &mut findings, &mut coverage);
    }
    let unread = |(_, key, _)| evidence.log(key).at_rest.is_none();
    let groups_unread = groups.iter().any(unread);
    let clocks_compare = history.meta().clock != Clock::PerProcess;
    let open = Open { groups_unread, clocks_compare };
    let verdict = |property| (property, verdict(property, &findings, &coverage, &open));
    let properties = Property::ALL.into_iter().map(verdict).collect();
    let (anomalies, excused) = findings.finish();
    Judgement { properties, anomalies, excused, coverage }
}

/// Lets all who follow the clients look at each event in turn: the events of a long history are slow to fetch. Returns where
/// the groups got.
fn follow_clients(
    evidence: &Evidence<'_>,
    findings: &mut Findings<'_>,
    coverage: &mut Coverage,
) -> Groups {
    let mut positions = consumer_order::Positions::new(evidence);
    let mut lag = lag::Lag::new(evidence);
    let mut groups = Groups::new(evidence);
    let mut registers = committed_offsets::Registers::new(evidence);
    let mut holders = ownership::Holders::new(evidence);
    let mut generations = fencing::Generations::new(evidence);
    for (op, event) in evidence.events_but_sends() {
        positions.note(op, event, findings, coverage);
        lag.iter_mut().for_each(|lag| lag.note(event, coverage));
        groups.note(evidence, op, event);
        registers.iter_mut().for_each(|registers| registers.note(op, event, findings));
        holders.note(op, event, findings);
        generations.iter_mut().for_each(|generations| generations.note(op, event, findings));
    }
    groups.end(evidence.history);
    groups
}

fn transactions(
    evidence: &Evidence<'_>,
    contract: &Contract,
    findings: &mut Findings<'_>,
    coverage: &mut Coverage,
) {
    if evidence.transactions.is_empty() {
        return;
    }
    let first_reads = first_reads(evidence);
    early_reads::judge(evidence, &first_reads, findings);
    aborted_reads::judge(evidence, &first_reads, findings);
    stable_reads::judge(evidence, findings, coverage);
    atomicity::judge(evidence, findings, coverage);
    let with_missed = contract.asks_for_anti_dependencies();
    let dependencies = Dependencies::of(evidence, with_missed);
    transaction_cycles::judge(evidence, dependencies, &first_reads, findings);
    let consumption = intervals::follow(evidence);
    processing::judge(evidence, &consumption, findings, coverage);
    outputs::judge(evidence, &consumption, findings, coverage);
}

/// What keeps properties from being decided.
struct Open {
    /// A group read a partition that nobody read to the end.
    groups_unread: bool,
    /// Times of different processes can be compared.
    clocks_compare: bool,
}

fn verdict(
    property: Property,
    findings: &Findings<'_>,
    coverage: &Coverage,
    open: &Open,
) -> Verdict {
    if findings.breaks(property) {
        return Verdict::Invalid;
    }
    match property {
        Property::PartitionOrder => partition_order(coverage),
        Property::AckedDurability => acked_durability(coverage, findings.excused_losses()),
        Property::AtLeastOnce => at_least_once(coverage, open.groups_unread),
        Property::AtMostOnce => at_most_once(coverage),
        Property::Linearizability => linearizability(coverage, open.clocks_compare),
        Property::Availability => availability_of(coverage),
        Property::Isolation => isolation(coverage),
        Property::ExactlyOnce => exactly_once(coverage),
    }
}

fn linearizability(coverage: &Coverage, clocks_compare: bool) -> Verdict {
    match (clocks_compare, coverage.real_time_checks) {
        (false, _) => unknown("the clocks of the processes cannot be compared".to_owned()),
        (true, 0) => vacuous("no two operations on one log came after each other"),
        (true, _) => Verdict::Valid,
    }
}

fn availability_of(coverage: &Coverage) -> Verdict {
    match coverage.recoveries {
        0 => vacuous("nothing was owed for long enough after the end of all faults"),
        _ => Verdict::Valid,
    }
}

fn partition_order(coverage: &Coverage) -> Verdict {
    match coverage.records_read {
        0 => vacuous("nobody read a record"),
        _ => Verdict::Valid,
    }
}

fn acked_durability(coverage: &Coverage, excused: u64) -> Verdict {
    let unjudged = coverage.acked - coverage.acked_judged;
    match (coverage.acked, unjudged) {
        (0, _) => vacuous("no send was acknowledged"),
        (acked, 0) if acked == excused => vacuous("every acknowledged record was removed"),
        (_, 0) => Verdict::Valid,
        _ => unknown(format!(
            "{} {} in partitions that nobody read to the end",
            counted(unjudged, "acknowledged record"),
            are(unjudged)
        )),
    }
}

fn at_least_once(coverage: &Coverage, groups_unread: bool) -> Verdict {
    if coverage.group_partitions == 0 {
        return vacuous("no consumer group read");
    }
    if groups_unread {
        return unknown("a group read partitions that nobody read to the end".to_owned());
    }
    match (coverage.owed, coverage.unreached) {
        (0, 0) => vacuous("there was no record for a group to process"),
        (_, 0) => Verdict::Valid,
        (_, unreached) => {
            let unreached = counted(unreached, "record");
            unknown(format!("groups had not got to {unreached} when the history ended"))
        }
    }
}

fn at_most_once(coverage: &Coverage) -> Verdict {
    match coverage.processed {
        0 => vacuous("no consumer group processed a record"),
        _ => Verdict::Valid,
    }
}

fn isolation(coverage: &Coverage) -> Verdict {
    match (coverage.transactions, coverage.transactions - coverage.transactions_judged) {
        (0, _) => vacuous("no transaction sent a record"),
        (_, 0) => Verdict::Valid,
        (_, unjudged) => unknown(format!(
            "{} wrote to partitions that nobody read to the end",
            counted(unjudged, "transaction")
        )),
    }
}

fn exactly_once(coverage: &Coverage) -> Verdict {
    let unjudged = coverage.intervals - coverage.intervals_judged;
    match (coverage.intervals + coverage.inputs_named + coverage.sequence_pairs, unjudged) {
        (0, _) => vacuous("no transaction committed offsets and no two sequence numbers were seen"),
        (_, 0) => Verdict::Valid,
        _ => unknown(format!(
            "transactions consumed partitions that nobody read to the end: {}",
            counted(unjudged, "time")
        )),
    }
}

fn vacuous(reason: &str) -> Verdict {
    Verdict::Vacuous { reason: reason.to_owned() }
}

fn unknown(reason: String) -> Verdict {
    Verdict::Unknown { reason }
}
