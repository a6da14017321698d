//! Collects what judges find: full counts, and the most telling examples of each kind.

use crate::anomaly::{Anomaly, AnomalyKind, EXAMPLES_MAX, OpRole, Role};
use crate::contract::Contract;
use crate::excuse::{Excuse, Excused};
use crate::history::{History, Key, Offset, OpId, Value};
use crate::verdict::{Found, Property};
use std::collections::BTreeMap;

/// One anomaly as its judge describes it.
pub(crate) struct Proof {
    pub(crate) key: Key,
    pub(crate) offsets: Vec<Offset>,
    pub(crate) ops: Vec<(OpId, Role)>,
    pub(crate) missing: Vec<(Offset, Value)>,
    pub(crate) explain: Vec<String>,
}

/// What has been found so far.
pub(crate) struct Findings<'a> {
    history: &'a History,
    contract: &'a Contract,
    by_kind: BTreeMap<AnomalyKind, Collected>,
    excused: BTreeMap<(AnomalyKind, Key, Excuse), Excused>,
}

#[derive(Default)]
struct Collected {
    count: u64,
    /// (weight, example), kept to [`EXAMPLES_MAX`].
    examples: Vec<(u64, Anomaly)>,
}

impl<'a> Findings<'a> {
    pub(crate) fn new(history: &'a History, contract: &'a Contract) -> Self {
        Findings { history, contract, by_kind: BTreeMap::new(), excused: BTreeMap::new() }
    }

    /// Counts an anomaly. It is proved in full only if it is one of the `weight`iest of its kind.
    pub(crate) fn report(&mut self, kind: AnomalyKind, weight: u64, prove: impl FnOnce() -> Proof) {
        let collected = self.by_kind.entry(kind).or_default();
        collected.count += 1;
        if let Some(place) = collected.place_for(weight) {
            let example = (weight, anomaly(self.history, self.contract, kind, prove()));
            match collected.examples.get_mut(place) {
                Some(lighter) => *lighter = example,
                None => collected.examples.push(example),
            }
        }
    }

    /// Counts a record that would be an anomaly of this kind, had it no excuse.
    pub(crate) fn excuse(
        &mut self,
        kind: AnomalyKind,
        (key, offset): (Key, Offset),
        excuse: Excuse,
        because: impl FnOnce() -> String,
    ) {
        let name = || self.history.keys()[key.0 as usize].to_string();
        let excused = self.excused.entry((kind, key, excuse)).or_insert_with(|| Excused {
            kind,
            excuse,
            key: name(),
            count: 0,
            offsets: None,
            because: because(),
        });
        excused.count += 1;
        if let Some(offset) = offset.known() {
            let (lowest, highest) = excused.offsets.unwrap_or((offset, offset));
            excused.offsets = Some((lowest.min(offset), highest.max(offset)));
        }
    }

    /// How many acknowledged records are gone with an excuse.
    pub(crate) fn excused_losses(&self) -> u64 {
        let losses = self.excused.values().filter(|excused| excused.kind.is_loss());
        losses.map(|excused| excused.count).sum()
    }

    /// Whether something was found that breaks `property`.
    pub(crate) fn breaks(&self, property: Property) -> bool {
        self.by_kind.keys().any(|&kind| kind.property() == property && self.contract.breaks(kind))
    }

    pub(crate) fn finish(self) -> (BTreeMap<AnomalyKind, Found>, Vec<Excused>) {
        let contract = self.contract;
        let found = self
            .by_kind
            .into_iter()
            .map(|(kind, collected)| (kind, collected.finish(contract.weigh(kind).0)))
            .collect();
        (found, self.excused.into_values().collect())
    }
}

impl Collected {
    /// Where an example of this weight goes: a new place, that of a lighter example, or nowhere.
    fn place_for(&self, weight: u64) -> Option<usize> {
        if self.examples.len() < EXAMPLES_MAX {
            return Some(self.examples.len());
        }
        let lightest = (0..EXAMPLES_MAX).min_by_key(|&place| self.examples[place].0)?;
        (self.examples[lightest].0 < weight).then_some(lightest)
    }

    fn finish(mut self, severity: crate::anomaly::Severity) -> Found {
        self.examples.sort_by(|(a, one), (b, other)| {
            b.cmp(a).then_with(|| one.first_op().cmp(&other.first_op()))
        });
        let examples = self.examples.into_iter().map(|(_, example)| example).collect();
        Found { count: self.count, severity, examples }
    }
}

fn anomaly(history: &History, contract: &Contract, kind: AnomalyKind, proof: Proof) -> Anomaly {
    let permission = contract.permission(kind);
    let role = |(op, role)| OpRole { op, time: history.event(op).time, role };
    Anomaly {
        kind,
        severity: contract.weigh(kind).0,
        allowed_by: permission.map(|permission| permission.setting.to_owned()),
        prevented_by: permission.map(|permission| permission.prevented_by.to_owned()),
        key: history.keys()[proof.key.0 as usize].to_string(),
        offsets: proof.offsets,
        ops: proof.ops.into_iter().map(role).collect(),
        missing: proof.missing.into_iter().take(EXAMPLES_MAX).collect(),
        explain: proof.explain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{ProcessId, Time};

    #[test]
    fn keeps_all_counts_and_the_weightiest_examples() {
        let mut history = History::new();
        let (key, client) = (history.key("t", 0), history.client("c"));
        let process: ProcessId = history.open_session(client, None);
        history.crashed(process, Time(0));
        let contract = Contract::default();
        let mut findings = Findings::new(&history, &contract);
        for weight in (0..100).rev().chain(100..150) {
            let offsets = vec![Offset(weight as i64)];
            let (ops, missing, explain) = (vec![(OpId(0), Role::Reader)], vec![], vec![]);
            findings.report(AnomalyKind::PollSkip, weight, || Proof {
                key,
                offsets,
                ops,
                missing,
                explain,
            });
        }
        let found = findings.finish().0.remove(&AnomalyKind::PollSkip).unwrap();
        assert_eq!(found.count, 150);
        let kept: Vec<i64> = found.examples.iter().map(|example| example.offsets[0].0).collect();
        assert_eq!(kept, (118..150).rev().collect::<Vec<_>>());
    }
}
