//! Claim: the records of an idempotent producer lie in each partition with one sequence number after the other.
//!
//! O(sends * log sends). A broker takes a batch of a producer and epoch only if its first sequence number follows the last
//! one it has (KIP-98), so in the log at rest a number that occurs twice (`sequence-duplicate`) or is left out
//! (`sequence-gap`) shows that it did not. A number left out tells something only if a send is known to have had it and to
//! be nowhere: not one whose transaction may be aborted, nor an acknowledged one, which is a loss
//! ([`durability`](super::durability)).

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::log::Log;
use crate::evidence::producers::Producers;
use crate::evidence::sends::{Outcome, Send, SendId};
use crate::findings::{Findings, Proof};
use crate::history::Key;
use crate::verdict::Coverage;
use std::collections::BTreeMap;

/// Follows every producer through every log read at rest.
pub(crate) fn judge(
    evidence: &Evidence<'_>,
    producers: &Producers<'_>,
    findings: &mut Findings<'_>,
    coverage: &mut Coverage,
) {
    if !evidence.history.knows_details() {
        return;
    }
    let sequences = Sequences::of(evidence, producers);
    for (key, log) in evidence.keyed_logs().filter(|(_, log)| log.at_rest.is_some()) {
        sequences.follow(evidence, key, log, findings, coverage);
    }
}

/// A producer id and epoch.
type Life = (i64, i16);

/// The sequence numbers of all sends.
struct Sequences {
    /// By send.
    of: Vec<Option<(Life, i32)>>,
    /// Sorted.
    sends: Vec<((Life, Key, i32), SendId)>,
}

impl Sequences {
    fn of(evidence: &Evidence<'_>, producers: &Producers<'_>) -> Self {
        let history = evidence.history;
        let number = |(id, send): (SendId, &Send)| {
            let producer = history.producer(producers.of(id)?);
            let told =
                [send.op, send.done].into_iter().find_map(|op| history.send_detail(op)?.sequence);
            Some(((producer.id, producer.epoch), told?))
        };
        let of: Vec<_> = evidence.sends.iter().map(number).collect();
        let numbered = evidence.sends.iter().zip(&of).filter_map(|((id, send), &number)| {
            let (life, sequence) = number?;
            Some(((life, send.key, sequence), id))
        });
        let mut sends: Vec<_> = numbered.collect();
        sends.sort_unstable();
        Sequences { of, sends }
    }

    fn follow(
        &self,
        evidence: &Evidence<'_>,
        key: Key,
        log: &Log,
        findings: &mut Findings<'_>,
        coverage: &mut Coverage,
    ) {
        let mut last: BTreeMap<Life, (i32, SendId)> = BTreeMap::new();
        for (_, writer) in evidence.in_place(key) {
            let Some((life, sequence)) = self.of[writer.0 as usize] else { continue };
            let Some((before, earlier)) = last.insert(life, (sequence, writer)) else { continue };
            coverage.sequence_pairs += 1;
            if before == sequence {
                findings.report(AnomalyKind::SequenceDuplicate, 0, || {
                    duplicate(evidence, key, log, [earlier, writer])
                });
            } else if let Some(missing) = self.missing(evidence, (life, key), before, sequence) {
                findings.report(AnomalyKind::SequenceGap, 0, || {
                    gap(evidence, key, log, [earlier, missing, writer])
                });
            }
        }
    }

    /// The first send with a number between these that should be in the log and is not.
    fn missing(
        &self,
        evidence: &Evidence<'_>,
        (life, key): (Life, Key),
        before: i32,
        sequence: i32,
    ) -> Option<SendId> {
        let from = self.sends.partition_point(|&(number, _)| number <= (life, key, before));
        let between =
            self.sends[from..].iter().take_while(|&&(number, _)| number < (life, key, sequence));
        let sends = between.map(|&(_, send)| send);
        sends.into_iter().find(|&send| is_refused(evidence.sends.get(send)))
    }
}

/// Whether the log holds nothing of a send, and neither an abort nor a loss explains it.
fn is_refused(send: &Send) -> bool {
    let is_open = match send.outcome {
        Outcome::Unknown => send.txn().is_none(),
        Outcome::Failed => true,
        Outcome::Ok | Outcome::Proven | Outcome::Aborted => false,
    };
    send.place.is_none() && is_open
}

fn duplicate(evidence: &Evidence<'_>, key: Key, log: &Log, sends: [SendId; 2]) -> Proof {
    let mut proof = proof(evidence, key, log, &sends);
    proof.explain.push("Both have the same sequence number.".to_owned());
    proof
}

fn gap(evidence: &Evidence<'_>, key: Key, log: &Log, sends: [SendId; 3]) -> Proof {
    let mut proof = proof(evidence, key, log, &sends);
    let name = evidence.value_name(evidence.sends.get(sends[1]).value(evidence.history));
    proof.explain.push(format!(
        "By its sequence number {name} belongs between the others; the log has them and not it."
    ));
    proof
}

fn proof(evidence: &Evidence<'_>, key: Key, log: &Log, sends: &[SendId]) -> Proof {
    let sends: Vec<_> = sends.iter().map(|&send| evidence.sends.get(send)).collect();
    Proof {
        key,
        offsets: sends.iter().filter_map(|send| Some(log.places.offset(send.place?))).collect(),
        ops: sends.iter().map(|send| (send.op, Role::Writer)).collect(),
        missing: vec![],
        explain: sends.iter().map(|send| evidence.tell_send(send)).collect(),
    }
}
