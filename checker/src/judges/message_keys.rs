//! Claim: the records of one message key go to one partition of their topic.
//!
//! Order is a partition's. The records of a message key have one only as long as all of them go to the same partition, to
//! which then the [order of producers](super::producer_order) applies.
//!
//! ```text
//!   alice   send o1, key 17  -> orders-0
//!   alice   send o2, key 17  -> orders-1     moved: readers may get o2 first
//! ```
//! That is counted and breaks no promise: Kafka's partitioners take a key's hash modulo the number of partitions
//! (`BuiltInPartitioner`), so whoever adds partitions moves most keys, and an application may name partitions as it likes.
//! Each move is one finding, proved by the last send before it and the first one after. What certainly was not sent, or was
//! undone, has no part in any order.
//!
//! O(sends · log), and free in a history that names no message keys.

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::sends::{Outcome, Send};
use crate::findings::{Findings, Proof};
use crate::history::{History, MessageKey};
use std::collections::BTreeMap;

/// Compares each record with the one that was sent before it with its message key.
pub(crate) fn judge(evidence: &Evidence<'_>, findings: &mut Findings<'_>) {
    let history = evidence.history;
    if !history.knows_message_keys() {
        return;
    }
    let topics = topics(history);
    let mut latest: BTreeMap<(usize, MessageKey), &Send> = BTreeMap::new();
    for send in evidence.sends.iter().map(|(_, send)| send).filter(|send| may_be_there(send)) {
        let Some(message_key) = history.message_key(send) else { continue };
        let before = latest.insert((topics[send.key.0 as usize], message_key), send);
        if let Some(before) = before.filter(|before| before.key != send.key) {
            findings.report(AnomalyKind::MessageKeyMoved, 0, || {
                prove(evidence, message_key, before, send)
            });
        }
    }
}

/// By partition, a number of its topic.
fn topics(history: &History) -> Vec<usize> {
    let mut numbers = BTreeMap::new();
    let names = history.keys().iter().map(|partition| &partition.topic[..]);
    names
        .map(|name| {
            let next = numbers.len();
            *numbers.entry(name).or_insert(next)
        })
        .collect()
}

fn may_be_there(send: &Send) -> bool {
    !matches!(send.outcome, Outcome::Failed | Outcome::Aborted)
}

fn prove(evidence: &Evidence<'_>, message_key: MessageKey, before: &Send, send: &Send) -> Proof {
    let [left, entered] = [before, send].map(|send| evidence.key_name(send.key));
    let moved = format!(
        "The message key {} went from {left} to {entered}: its records have no order any more.",
        evidence.history.message_key_name(message_key)
    );
    let lies = send.place.map(|place| evidence.log(send.key).places.offset(place));
    Proof {
        key: send.key,
        offsets: lies.into_iter().collect(),
        ops: vec![(before.op, Role::Writer), (send.op, Role::Writer)],
        missing: vec![],
        explain: vec![evidence.tell_send(before), evidence.tell_send(send), moved],
    }
}
