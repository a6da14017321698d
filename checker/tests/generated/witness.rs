//! Whether what was found is what must be: each anomaly with its partition, its offsets, what it misses, and exactly the
//! operations that prove it.

use super::expected::Expected;
use super::step::Records;
use ktrial_checker::anomaly::{Anomaly, AnomalyKind as Kind, EXAMPLES_MAX, Role};
use ktrial_checker::history::OpId;
use ktrial_checker::verdict::Found;
use std::collections::BTreeMap;

/// An anomaly as it is found or must be, in an order that does not depend on who looked first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Witness {
    kind: Kind,
    ops: Vec<(OpId, Role)>,
    key: String,
    offsets: Vec<i64>,
    missing: Records,
}

impl Witness {
    /// What a judge found.
    pub fn found(anomaly: &Anomaly) -> Witness {
        let mut ops: Vec<_> = anomaly.ops.iter().map(|role| (role.op, role.role)).collect();
        ops.sort();
        Witness {
            kind: anomaly.kind,
            ops,
            key: anomaly.key.clone(),
            offsets: anomaly.offsets.iter().map(|offset| offset.0).collect(),
            missing: anomaly.missing.iter().map(|&(offset, value)| (offset.0, value.0)).collect(),
        }
    }

    /// What must be found, where the operations of the steps are `of_steps`.
    pub fn expected(expected: Expected, of_steps: &[OpId]) -> Witness {
        let Expected { kind, key, offsets, ops, mut missing } = expected;
        let mut ops: Vec<_> = ops.into_iter().map(|(step, role)| (of_steps[step], role)).collect();
        ops.sort();
        missing.truncate(EXAMPLES_MAX);
        Witness { kind, ops, key: format!("t-{key}"), offsets, missing }
    }
}

/// The witnesses expected and those found, if they differ: of a kind with more anomalies than examples, each example must
/// be expected, and the count right.
pub fn difference(
    expected: Vec<Expected>,
    of_steps: &[OpId],
    found: &BTreeMap<Kind, Found>,
) -> Option<[Vec<Witness>; 2]> {
    let mut expected: Vec<_> =
        expected.into_iter().map(|expected| Witness::expected(expected, of_steps)).collect();
    let mut seen: Vec<_> =
        found.values().flat_map(|found| &found.examples).map(Witness::found).collect();
    for (&kind, found) in found {
        let of_kind = expected.iter().filter(|witness| witness.kind == kind).count() as u64;
        if of_kind == found.count && found.count > EXAMPLES_MAX as u64 {
            expected.retain(|witness| witness.kind != kind || seen.contains(witness));
        }
    }
    expected.sort();
    seen.sort();
    (expected != seen).then_some([expected, seen])
}
