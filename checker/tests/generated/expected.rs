//! What must be found in a history.

use super::step::{Records, Step, groups};
use ktrial_checker::anomaly::{AnomalyKind as Kind, Role};
use std::collections::BTreeMap;

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
    let is_reported = steps.iter().any(|step| matches!(step, Step::Processed { .. }));
    let mut first: BTreeMap<(u32, u32, i64), usize> = BTreeMap::new();
    let mut again = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let (process, key, records) = match step {
            Step::Processed { process, key, records } if is_reported => (*process, *key, records),
            Step::Poll { process, key, records } if !is_reported => (*process, *key, records),
            _ => continue,
        };
        let Some(group) = group_of[process as usize] else { continue };
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
