//! Claim: what responses tell of a log's bounds fits together, and does not go back where it must not.
//!
//! ```text
//!   one response      log start <= last stable offset <= high watermark, and every record returned below the bound
//!   one session       the high watermark of one leader epoch never falls; a log never begins lower than before
//! ```
//! Across leader epochs the high watermark may fall: a new leader learns it from its followers. Across sessions it may be
//! told late. Where a log begins is asked of the leader, so a later answer is never lower, whoever asks.
//!
//! O(bounds told + records of the polls they were told with).

use crate::anomaly::{AnomalyKind, Role};
use crate::evidence::Evidence;
use crate::evidence::table::Table;
use crate::evidence::told::BoundRead;
use crate::findings::{Findings, Proof};
use crate::history::{Isolation, KeyBounds, LeaderEpoch, Offset, OpId, What};
use crate::verdict::Coverage;

/// The highest bounds that a session was told of a partition.
#[derive(Clone, Copy, Debug)]
struct Highest {
    leader_epoch: LeaderEpoch,
    high_watermark: Option<(Offset, OpId)>,
    log_start: Option<(Offset, OpId)>,
}

impl Default for Highest {
    fn default() -> Self {
        Highest { leader_epoch: LeaderEpoch::NONE, high_watermark: None, log_start: None }
    }
}

/// Judges every response that told bounds, and every question for a log's beginning.
pub(crate) fn judge(evidence: &Evidence<'_>, findings: &mut Findings<'_>, coverage: &mut Coverage) {
    let history = evidence.history;
    let mut sessions: Table<Highest> = Table::new(history.sessions().count(), evidence.logs.len());
    for &aside in &evidence.told.asides {
        let What::BoundsTold { op, bounds } = history.event(aside).what else { continue };
        for told in history.bounds(bounds) {
            let judge = Response { evidence, op, told };
            judge.is_in_order(findings);
            judge.covers_records(findings);
            let highest = sessions.cell(history.event(op).process.0, told.key.0);
            judge.goes_on_from(highest, findings, coverage);
        }
    }
    starts(evidence, findings, coverage);
}

struct Response<'e, 'h> {
    evidence: &'e Evidence<'h>,
    op: OpId,
    told: &'e KeyBounds,
}

impl Response<'_, '_> {
    fn is_in_order(&self, findings: &mut Findings<'_>) {
        let KeyBounds { log_start_offset, last_stable_offset, high_watermark, .. } = *self.told;
        let known = [log_start_offset, last_stable_offset, high_watermark].map(Offset::known);
        if !known.iter().flatten().is_sorted() {
            findings.report(AnomalyKind::BoundsDisorder, 0, || {
                self.proof(
                    vec![(self.op, Role::Reader)],
                    known.into_iter().flatten().collect(),
                    String::new(),
                )
            });
        }
    }

    /// A fetch returns records below the high watermark, and for `read_committed` below the last stable offset.
    fn covers_records(&self, findings: &mut Findings<'_>) {
        let history = self.evidence.history;
        let What::Polled { poll } = history.event(self.op).what else { return };
        let Some(bound) = self.readable_end() else { return };
        let spans = history.spans(history.poll(poll).records);
        let end = spans.filter(|span| span.key == self.told.key).map(|span| span.end()).max();
        if let Some(end) = end.filter(|&end| end > bound) {
            findings.report(AnomalyKind::ReadBeyondBound, (end.0 - bound.0) as u64, || {
                let ops = vec![(self.op, Role::Reader)];
                let last = Offset(end.0 - 1);
                self.proof(ops, vec![bound, last], format!("It returned the record at {last}."))
            });
        }
    }

    fn readable_end(&self) -> Option<Offset> {
        let is_committed = self.evidence.history.meta().isolation == Some(Isolation::ReadCommitted);
        let stable = self.told.last_stable_offset.known().filter(|_| is_committed);
        stable.or(self.told.high_watermark.known())
    }

    fn goes_on_from(
        &self,
        highest: &mut Highest,
        findings: &mut Findings<'_>,
        coverage: &mut Coverage,
    ) {
        if self.told.leader_epoch != highest.leader_epoch {
            (highest.leader_epoch, highest.high_watermark) = (self.told.leader_epoch, None);
        }
        let pairs = [
            (
                AnomalyKind::HighWatermarkRegression,
                self.told.high_watermark,
                &mut highest.high_watermark,
            ),
            (AnomalyKind::LogStartRegression, self.told.log_start_offset, &mut highest.log_start),
        ];
        for (kind, told, before) in pairs {
            let Some(told) = told.known() else { continue };
            coverage.real_time_checks += u64::from(before.is_some());
            match *before {
                Some((offset, op)) if told < offset => findings.report(kind, 0, || {
                    let ops = vec![(op, Role::EarlierReader), (self.op, Role::Reader)];
                    let before = self.evidence.who_when(op);
                    let more = format!("The response to {before} had told {offset}.");
                    self.proof(ops, vec![offset, told], more)
                }),
                _ => *before = Some((told, self.op)),
            }
        }
    }

    fn proof(&self, ops: Vec<(OpId, Role)>, offsets: Vec<Offset>, more: String) -> Proof {
        let mut explain = vec![self.tell()];
        explain.extend(Some(more).filter(|more| !more.is_empty()));
        Proof { key: self.told.key, offsets, ops, missing: vec![], explain }
    }

    fn tell(&self) -> String {
        let named = [
            ("log start", self.told.log_start_offset),
            ("last stable offset", self.told.last_stable_offset),
            ("high watermark", self.told.high_watermark),
        ];
        let known = named.iter().filter_map(|(name, offset)| Some((name, offset.known()?)));
        let told: Vec<String> = known.map(|(name, offset)| format!("{name} {offset}")).collect();
        format!(
            "The response to {} told of {}: {}.",
            self.evidence.who_when(self.op),
            self.evidence.key_name(self.told.key),
            told.join(", ")
        )
    }
}

/// Every question for a log's beginning against the highest answer that was given before it was asked.
fn starts(evidence: &Evidence<'_>, findings: &mut Findings<'_>, coverage: &mut Coverage) {
    let mut highest: Vec<Vec<BoundRead>> = vec![Vec::new(); evidence.logs.len()];
    for read in &evidence.told.starts {
        let before = &mut highest[read.key.0 as usize];
        let complete =
            before.partition_point(|earlier| evidence.is_before(earlier.told, read.asked));
        let known = before[..complete].last().copied();
        coverage.real_time_checks += u64::from(known.is_some());
        if let Some(earlier) = known.filter(|earlier| read.offset < earlier.offset) {
            findings.report(AnomalyKind::LogStartRegression, 0, || {
                start_fell(evidence, &earlier, read)
            });
        }
        if before.last().is_none_or(|last| last.offset < read.offset) {
            before.push(*read);
        }
    }
}

fn start_fell(evidence: &Evidence<'_>, earlier: &BoundRead, read: &BoundRead) -> Proof {
    let tell = |read: &BoundRead| {
        let key = evidence.key_name(read.key);
        format!("{} was told that {key} begins at {}.", evidence.who_when(read.asked), read.offset)
    };
    let ops = vec![(earlier.told, Role::EarlierReader), (read.asked, Role::Reader)];
    let (offsets, explain) = (vec![earlier.offset, read.offset], vec![tell(earlier), tell(read)]);
    Proof { key: read.key, offsets, ops, missing: vec![], explain }
}
