//! Claim: the records of one producer session in one partition lie in the order `send()` was called.
//!
//! O(sends). A record that is in the log twice counts where it is first: that it is there again is a duplicate, not a
//! disorder. Failed and lost records have no place and are passed over.

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::sends::{Send, SendId};
use crate::evidence::table::Table;
use crate::findings::{Findings, Proof};
use crate::verdict::Coverage;

/// Compares each record with the farthest one its session sent before.
pub(crate) fn judge(evidence: &Evidence<'_>, findings: &mut Findings<'_>, coverage: &mut Coverage) {
    let sessions = evidence.history.sessions().count();
    let mut farthest: Table<Option<SendId>> = Table::new(sessions, evidence.logs.len());
    for (id, send) in evidence.sends.iter() {
        let Some(place) = send.place else { continue };
        let last = farthest.cell(send.process.0, send.key.0);
        let Some(earlier) = last.map(|earlier| evidence.sends.get(earlier)) else {
            *last = Some(id);
            continue;
        };
        coverage.order_pairs += 1;
        let behind = earlier.place.filter(|&earlier| place < earlier);
        match behind {
            None => *last = Some(id),
            Some(ahead) => {
                let weight = (ahead.get() - place.get()) as u64;
                findings.report(AnomalyKind::OutOfOrder, weight, || prove(evidence, earlier, send));
            }
        }
    }
}

fn prove(evidence: &Evidence<'_>, earlier: &Send, later: &Send) -> Proof {
    let log = evidence.log(later.key);
    let lies = |send: &Send| send.place.map(|place| log.places.offset(place));
    let offsets: Vec<_> = [earlier, later].into_iter().filter_map(lies).collect();
    let mut explain = vec![evidence.tell_send(earlier), evidence.tell_send(later)];
    if let [first, second] = offsets[..] {
        explain.push(format!(
            "Sent first, {} lies at offset {first}; sent after it, {} at {second}.",
            earlier.value, later.value
        ));
    }
    let ops = vec![(earlier.op, Role::Writer), (later.op, Role::Overtaker)];
    Proof { key: later.key, offsets, ops, missing: vec![], explain }
}
