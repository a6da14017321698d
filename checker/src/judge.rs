//! From a history to a judgement: gather the evidence once, let every judge look at it, draw the verdicts.

use crate::contract::Contract;
use crate::evidence::Evidence;
use crate::evidence::progress::Groups;
use crate::findings::Findings;
use crate::history::History;
use crate::judges::{
    committed_offsets, consumer_order, durability, group_commits, group_delivery, producer_order,
    slots,
};
use crate::verdict::{Coverage, Judgement, Property, Verdict};

/// Judges `history` by every property, in time linear in its length. The contract decides how bad an anomaly is, not
/// whether it is found.
#[must_use]
pub fn judge(history: &History, contract: &Contract) -> Judgement {
    let mut coverage = Coverage::default();
    let evidence = Evidence::gather(history, &mut coverage);
    let mut findings = Findings::new(history, contract);
    slots::judge(&evidence, &mut findings);
    producer_order::judge(&evidence, &mut findings, &mut coverage);
    consumer_order::judge(&evidence, &mut findings, &mut coverage);
    durability::judge(&evidence, &mut findings, &mut coverage);
    let groups = Groups::follow(&evidence);
    group_commits::judge(&evidence, &groups, &mut findings);
    group_delivery::judge(&evidence, &groups, &mut findings, &mut coverage);
    committed_offsets::judge(&evidence, &mut findings);
    let unread = |(_, key, _)| evidence.log(key).at_rest.is_none();
    let groups_unread = groups.iter().any(unread);
    let verdict = |property| (property, verdict(property, &findings, &coverage, groups_unread));
    let properties = Property::ALL.into_iter().map(verdict).collect();
    Judgement { properties, anomalies: findings.finish(), coverage }
}

fn verdict(
    property: Property,
    findings: &Findings<'_>,
    coverage: &Coverage,
    groups_unread: bool,
) -> Verdict {
    if findings.breaks(property) {
        return Verdict::Invalid;
    }
    match property {
        Property::PartitionOrder => partition_order(coverage),
        Property::AckedDurability => acked_durability(coverage),
        Property::AtLeastOnce => at_least_once(coverage, groups_unread),
    }
}

fn partition_order(coverage: &Coverage) -> Verdict {
    match coverage.records_read {
        0 => vacuous("nobody read a record"),
        _ => Verdict::Valid,
    }
}

fn acked_durability(coverage: &Coverage) -> Verdict {
    let unjudged = coverage.acked - coverage.acked_judged;
    match (coverage.acked, unjudged) {
        (0, _) => vacuous("no send was acknowledged"),
        (_, 0) => Verdict::Valid,
        _ => unknown(format!(
            "{unjudged} acknowledged records are in partitions that nobody read to the end"
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
            unknown(format!("groups had not got to {unreached} records when the history ended"))
        }
    }
}

fn vacuous(reason: &str) -> Verdict {
    Verdict::Vacuous { reason: reason.to_owned() }
}

fn unknown(reason: String) -> Verdict {
    Verdict::Unknown { reason }
}
