//! Claim: the acknowledged records of one producer session in one partition lie in the order `send()` was called.
//!
//! A record whose producer gave up on it may still arrive, and then lies behind what was sent since. That is counted
//! (`late-append`) and breaks no promise: nobody was told where, or whether, it is (V5 is about acknowledged sends).
//!
//! O(sends). A record that is in the log twice counts where it is first: that it is there again is a duplicate, not a
//! disorder. Failed and lost records have no place and are passed over.

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::sends::{Outcome, Send, SendId};
use crate::evidence::table::Table;
use crate::findings::{Findings, Proof};
use crate::verdict::Coverage;

/// The records of a session that lie farthest in one partition's log: of all it sent, and of those acknowledged.
#[derive(Clone, Copy, Debug, Default)]
struct Farthest {
    any: Option<SendId>,
    acked: Option<SendId>,
}

/// Compares each record with the farthest ones its session sent before.
pub(crate) fn judge(evidence: &Evidence<'_>, findings: &mut Findings<'_>, coverage: &mut Coverage) {
    let sessions = evidence.history.sessions().count();
    let mut farthest: Table<Farthest> = Table::new(sessions, evidence.logs.len());
    for (id, send) in evidence.sends.iter() {
        let Some(place) = send.place else { continue };
        let is_acked = send.outcome == Outcome::Ok;
        let cell = farthest.cell(send.process.0, send.key.0);
        let ahead = |earlier: Option<SendId>| {
            let earlier = evidence.sends.get(earlier?);
            earlier.place.filter(|&earlier| place < earlier).map(|ahead| (earlier, ahead))
        };
        coverage.order_pairs += u64::from(cell.any.is_some());
        let overtaken = ahead(cell.acked).filter(|_| is_acked);
        let disorder = overtaken
            .map(|pair| (AnomalyKind::OutOfOrder, pair))
            .or_else(|| ahead(cell.any).map(|pair| (AnomalyKind::LateAppend, pair)));
        if let Some((kind, (earlier, ahead))) = disorder {
            let weight = (ahead.get() - place.get()) as u64;
            findings.report(kind, weight, || prove(evidence, earlier, send));
        }
        if ahead(cell.any).is_none() {
            cell.any = Some(id);
        }
        if is_acked && ahead(cell.acked).is_none() {
            cell.acked = Some(id);
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
            evidence.value_name(earlier.value(evidence.history)),
            evidence.value_name(later.value(evidence.history))
        ));
    }
    let ops = vec![(earlier.op, Role::Writer), (later.op, Role::Overtaker)];
    Proof { key: later.key, offsets, ops, missing: vec![], explain }
}
