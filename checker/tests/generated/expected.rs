//! What must be found in a history.

use super::step::{Records, Step, groups};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use std::collections::{BTreeMap, BTreeSet};

/// An anomaly that must be found, by the steps that prove it and their parts.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    pub kind: Kind,
    pub key: u32,
    pub offsets: Vec<i64>,
    pub ops: Vec<(usize, Role)>,
    pub missing: Records,
}

/// What happens in valid histories too, for it breaks no promise: a record that its group processed before.
pub fn redeliveries(steps: &[Step]) -> Vec<Expected> {
    let group_of = groups(steps);
    let reports = |step: &Step| match step {
        Step::Processed { process, .. } => group_of[*process as usize],
        _ => None,
    };
    let reporting: BTreeSet<u32> = steps.iter().filter_map(reports).collect();
    let mut first: BTreeMap<(u32, u32, i64), usize> = BTreeMap::new();
    let mut again = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let (Step::Processed { process, key, records } | Step::Poll { process, key, records }) =
            step
        else {
            continue;
        };
        let (Some(group), key) = (group_of[*process as usize], *key) else { continue };
        if reporting.contains(&group) != matches!(step, Step::Processed { .. }) {
            continue;
        }
        for &(offset, _) in records {
            let before = *first.entry((group, key, offset)).or_insert(at);
            again.extend((before != at).then(|| Expected {
                kind: Kind::GroupRedelivery,
                key,
                offsets: vec![offset],
                ops: vec![(before, Role::Processor), (at, Role::Processor)],
                missing: vec![],
            }));
        }
    }
    again
}
