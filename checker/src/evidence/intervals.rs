//! What each transaction consumed: the records its process polled since the offsets it had committed before.
//!
//! ```text
//!   polled       0  1  2  3  4  5  6          [0, 7) is in the process's hands
//!   offsets               4                   the transaction that adds offset 4 consumed [0, 4)
//!   offsets                        7          the next one consumed [4, 7)
//! ```
//! A new position, a rebalance, and an abort of the transaction that polled them take records out of the process's hands.

use super::Evidence;
use super::sends::TxnId;
use super::table::Table;
use crate::history::{GroupId, Key, Offset, Offsets, OpId, PositionedBy, ProcessId, Span, What};

/// Records of one partition that one transaction consumed for a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval {
    pub(crate) txn: TxnId,
    /// The event that added the offset to the transaction.
    pub(crate) op: OpId,
    pub(crate) start: Offset,
    pub(crate) end: Offset,
    /// The offset the transaction committed.
    pub(crate) committed: Offset,
}

/// What the transactions of one group did in one partition.
#[derive(Clone, Debug, Default)]
pub(crate) struct Consumption {
    pub(crate) intervals: Vec<Interval>,
    /// Committed offsets that members of the group were given, and the operations that gave them.
    pub(crate) given: Vec<(Offset, OpId)>,
    /// Whether offsets were committed outside transactions too.
    pub(crate) is_mixed: bool,
}

/// Records that a process polled and committed no offsets for yet.
#[derive(Clone, Copy, Debug)]
struct InHand {
    start: Offset,
    end: Offset,
    /// The transaction that polled the last of them, and from where on.
    polled_in: Option<(TxnId, Offset)>,
}

/// Follows every process through its polls and transactions. O(events + spans).
pub(crate) fn follow(evidence: &Evidence<'_>) -> Table<Consumption> {
    let (history, keys) = (evidence.history, evidence.logs.len());
    let processes = history.sessions().count();
    let mut follower = Follower {
        evidence,
        consumption: Table::new(history.groups().len(), keys),
        in_hand: Table::new(processes, keys),
        open: vec![None; processes],
    };
    for (op, event) in evidence.events_but_sends() {
        follower.note(op, event.process, event.what);
    }
    follower.consumption
}

struct Follower<'e, 'h> {
    evidence: &'e Evidence<'h>,
    consumption: Table<Consumption>,
    /// By process and partition.
    in_hand: Table<Option<InHand>>,
    /// By process.
    open: Vec<Option<TxnId>>,
}

impl Follower<'_, '_> {
    fn note(&mut self, op: OpId, process: ProcessId, what: What) {
        let history = self.evidence.history;
        match what {
            What::TxnBegun => self.open[process.0 as usize] = self.evidence.transactions.find(op),
            What::TxnCommitted { .. } => self.open[process.0 as usize] = None,
            What::TxnAborted { .. } | What::TxnUnknown { .. } => self.undone(process),
            What::TxnOffsets { group, offsets } => self.consumed(op, process, group, offsets),
            What::CommitInvoked { group, offsets } => {
                for (key, _) in history.offsets(offsets) {
                    self.consumption.cell(group.0, key.0).is_mixed = true;
                }
            }
            What::Polled { poll } => history
                .spans(history.poll(poll).records)
                .for_each(|span| self.polled(process, span)),
            What::Positioned { key, offset, by } => {
                *self.in_hand.cell(process.0, key.0) = None;
                if let (PositionedBy::Committed, Some(group)) = (by, history.session(process).group)
                {
                    self.consumption.cell(group.0, key.0).given.push((offset, op));
                }
            }
            What::Rebalanced { keys, .. } => {
                for (key, _) in history.offsets(keys) {
                    *self.in_hand.cell(process.0, key.0) = None;
                }
            }
            _ => {}
        }
    }

    fn polled(&mut self, process: ProcessId, span: &Span) {
        let polled_in = self.open[process.0 as usize];
        let cell = self.in_hand.cell(process.0, span.key.0);
        let known = cell.filter(|known| known.end <= span.base);
        let start = known.map_or(span.base, |known| known.start);
        let since = polled_in.map(|txn| match known.and_then(|known| known.polled_in) {
            Some((same, since)) if same == txn => (txn, since),
            _ => (txn, span.base),
        });
        *cell = Some(InHand { start, end: span.end(), polled_in: since });
    }

    fn consumed(&mut self, op: OpId, process: ProcessId, group: GroupId, offsets: Offsets) {
        let Some(txn) = self.open[process.0 as usize] else { return };
        for (key, committed) in self.evidence.history.offsets(offsets) {
            let cell = self.in_hand.cell(process.0, key.0);
            let (start, end) = cell.map_or((committed, committed), |held| {
                (held.start.min(committed), held.end.min(committed))
            });
            *cell = cell
                .filter(|held| committed < held.end)
                .map(|held| InHand { start: held.start.max(committed), ..held });
            let interval = Interval { txn, op, start, end, committed };
            self.consumption.cell(group.0, key.0).intervals.push(interval);
        }
    }

    /// The process's transaction is not committed: what it polled inside is to be polled again.
    fn undone(&mut self, process: ProcessId) {
        let Some(undone) = self.open[process.0 as usize].take() else { return };
        for cell in self.in_hand.row(process.0) {
            let Some(InHand { start, polled_in: Some((txn, since)), .. }) = *cell else { continue };
            if txn == undone {
                let before = InHand { start, end: since, polled_in: None };
                *cell = Some(before).filter(|before| before.start < before.end);
            }
        }
    }
}

/// The partitions in which a group's transactions consumed something.
pub(crate) fn consumed(
    consumption: &Table<Consumption>,
) -> impl Iterator<Item = (GroupId, Key, &Consumption)> {
    let cells = consumption.iter().map(|(group, key, cell)| (GroupId(group), Key(key), cell));
    cells.filter(|(_, _, cell)| !cell.intervals.is_empty())
}
