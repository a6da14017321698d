//! Claim: a consumer reads each of its partitions forward and leaves out no record, in one poll and from poll to poll, as long
//! as it keeps the partition.
//!
//! O(spans + records left out). An assignment drops the position of every partition it does not list, and a new position
//! replaces the old one: a rebalance, a reset or a seek is no skip. A first read at an unknown position is accepted. So is
//! whatever follows a transaction that was not committed, for its reader begins again somewhere. Of a subscriber that does
//! not report its rebalances nobody knows where it stands after a poll, so that each of its polls is judged by itself.

use crate::anomaly::{AnomalyKind, EXAMPLES_MAX, Role};
use crate::counted::counted;
use crate::evidence::Evidence;
use crate::evidence::sends::SlotIndex;
use crate::evidence::table::Table;
use crate::findings::{Findings, Proof};
use crate::history::{Event, Key, Offset, Offsets, OpId, ProcessId, Span, What};
use crate::verdict::Coverage;

/// Follows every consumer through its polls.
pub(crate) struct Positions<'e, 'h> {
    evidence: &'e Evidence<'h>,
    positions: Table<Option<Position>>,
    /// By process.
    is_subscriber: Vec<bool>,
}

/// The offset a consumer reads next, and the operation that brought it there.
#[derive(Clone, Copy)]
struct Position {
    next: Offset,
    since: OpId,
}

/// Records of a partition that a consumer should have read next, and those it read instead.
struct Step<'s> {
    op: OpId,
    from: Position,
    read: &'s Span,
}

impl Step<'_> {
    /// Whether the records before were handed out by the same poll.
    fn is_internal(&self) -> bool {
        self.from.since == self.op
    }

    fn backwards(&self) -> AnomalyKind {
        match self.is_internal() {
            true => AnomalyKind::InternalNonmonotonic,
            false => AnomalyKind::NonmonotonicPoll,
        }
    }

    fn ahead(&self) -> AnomalyKind {
        match self.is_internal() {
            true => AnomalyKind::InternalSkip,
            false => AnomalyKind::PollSkip,
        }
    }
}

impl<'e, 'h> Positions<'e, 'h> {
    /// Begins to follow them.
    pub(crate) fn new(evidence: &'e Evidence<'h>) -> Self {
        let processes = evidence.history.sessions().count();
        let positions = Table::new(processes, evidence.logs.len());
        Positions { evidence, positions, is_subscriber: vec![false; processes] }
    }

    /// Judges the next event.
    pub(crate) fn note(
        &mut self,
        op: OpId,
        event: &Event,
        findings: &mut Findings<'_>,
        coverage: &mut Coverage,
    ) {
        let (history, process) = (self.evidence.history, event.process);
        match event.what {
            What::Assigned { keys } | What::Subscribed { keys } => {
                self.assign(process, keys);
                self.is_subscriber[process.0 as usize] =
                    matches!(event.what, What::Subscribed { .. });
            }
            What::Rebalanced { keys, .. } => self.forget(process, keys),
            What::TxnAborted { .. } | What::TxnUnknown { .. } => {
                self.positions.row(process.0).fill(None)
            }
            What::Positioned { key, offset, .. } => {
                *self.positions.cell(process.0, key.0) = Some(Position { next: offset, since: op });
            }
            What::Polled { poll } => {
                for span in history.spans(history.poll(poll).records) {
                    self.step(op, process, span, findings, coverage);
                }
            }
            _ => {}
        }
    }

    fn is_followed(&self, process: ProcessId) -> bool {
        !self.is_subscriber[process.0 as usize] || self.evidence.reports_rebalances(process)
    }

    fn forget(&mut self, process: ProcessId, keys: Offsets) {
        for (Key(key), _) in self.evidence.history.offsets(keys) {
            *self.positions.cell(process.0, key) = None;
        }
    }

    fn assign(&mut self, process: ProcessId, keys: Offsets) {
        let row = self.positions.row(process.0);
        let kept: Vec<_> = self
            .evidence
            .history
            .offsets(keys)
            .map(|(key, _)| (key, row[key.0 as usize]))
            .collect();
        row.fill(None);
        kept.into_iter().for_each(|(Key(key), position)| row[key as usize] = position);
    }

    fn step(
        &mut self,
        op: OpId,
        process: ProcessId,
        read: &Span,
        findings: &mut Findings<'_>,
        coverage: &mut Coverage,
    ) {
        let is_followed = self.is_followed(process);
        let position = self.positions.cell(process.0, read.key.0);
        let arrived = Position { next: read.end(), since: op };
        let from = position.replace(arrived).filter(|from| is_followed || from.since == op);
        let Some(from) = from else { return };
        coverage.poll_steps += 1;
        let step = Step { op, from, read };
        if read.base < from.next {
            let weight = from.next.0.abs_diff(read.base.0);
            findings.report(step.backwards(), weight, || self.went_back(&step));
        } else if read.base > from.next {
            let left_out = self.left_out(&step, findings);
            if !left_out.is_empty() {
                let weight = left_out.len() as u64;
                findings.report(step.ahead(), weight, || self.skip(&step, &left_out));
            }
        }
    }

    /// The records between that the step had to read; those that had been removed by then are counted as excused.
    fn left_out(&self, step: &Step<'_>, findings: &mut Findings<'_>) -> Vec<SlotIndex> {
        let (evidence, key) = (self.evidence, step.read.key);
        let log = evidence.log(key);
        let (from, to) =
            (log.places.at_or_above(step.from.next), log.places.at_or_above(step.read.base));
        let mut left_out = Vec::new();
        for slot in log.visible(from, to) {
            let offset = log.places.offset(slot);
            match evidence.excuse_of(key, slot, self.passed(step, offset)) {
                Some(known) => evidence.note_excuse(step.ahead(), (key, offset), known, findings),
                None => left_out.push(slot),
            }
        }
        left_out
    }

    /// Who went past `offset`, if the log may have begun above it by then: not if that was within one poll, or if the
    /// response itself told that it began lower.
    fn passed(&self, step: &Step<'_>, offset: Offset) -> Option<OpId> {
        let start = self.evidence.log_start_told_with(step.op, step.read.key);
        let was_there = step.is_internal() || start.is_some_and(|start| start <= offset);
        (!was_there).then_some(step.op)
    }

    fn went_back(&self, step: &Step<'_>) -> Proof {
        let unasked = match step.is_internal() {
            true => "",
            false => " without a seek or a new assignment",
        };
        let end = format!("It went back to offset {}{unasked}.", step.read.base);
        self.proof(step, vec![], end)
    }

    fn skip(&self, step: &Step<'_>, left_out: &[SlotIndex]) -> Proof {
        let log = self.evidence.log(step.read.key);
        let missing = left_out.iter().take(EXAMPLES_MAX).map(|&slot| log.record(slot)).collect();
        let skipped = counted(left_out.len() as u64, "record");
        let end = format!("It read on at offset {} and left out {skipped}.", step.read.base);
        self.proof(step, missing, end)
    }

    fn proof(
        &self,
        step: &Step<'_>,
        missing: Vec<(Offset, crate::history::Value)>,
        end: String,
    ) -> Proof {
        let (key, reader) = (step.read.key, self.evidence.who_when(step.op));
        let (name, next) = (self.evidence.key_name(key), step.from.next);
        let since = self.evidence.who_when(step.from.since);
        let mut explain = match step.is_internal() {
            true => vec![format!(
                "One poll handed records of {name} to {reader}; within it, offset {next} was next."
            )],
            false => vec![
                format!("In {name}, offset {next} was next for {since}."),
                format!("The next records went to {reader}."),
            ],
        };
        explain.push(end);
        let mut ops = vec![(step.from.since, Role::EarlierReader), (step.op, Role::Reader)];
        ops.drain(..usize::from(step.is_internal()));
        Proof { key, offsets: vec![step.from.next, step.read.base], ops, missing, explain }
    }
}
