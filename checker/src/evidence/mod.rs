//! What a history proves, before anyone judges it: sends with their outcomes, and a log per partition.
//!
//! Three passes, each linear: *survey* pairs sends with completions and bounds each partition's offsets; *fill* lets
//! readers at rest, readers, and acknowledgements speak in this order ([`log`]); *settle* finds the writers of records no
//! acknowledgement places, which transactions readers and dumps decide ([`proof`]), which records polls read over
//! ([`holes`]), and where each send's record lies.

pub(crate) mod bits;
pub(crate) mod dependencies;
pub(crate) mod excuses;
pub(crate) mod holders;
mod holes;
mod in_hand;
pub(crate) mod intervals;
pub(crate) mod log;
pub(crate) mod markers;
mod places;
pub(crate) mod producers;
pub(crate) mod progress;
mod proof;
pub(crate) mod sends;
pub(crate) mod sightings;
pub(crate) mod table;
pub(crate) mod told;
pub(crate) mod transactions;
mod undone;

use crate::contract::Contract;
use crate::history::{
    Clock, Event, GroupId, History, Isolation, Key, LogEntries, Offset, OpId, Poll, ProcessId,
    RebalanceKind, Source, Span, Spans, SubVia, Time, Value, What,
};
use crate::verdict::Coverage;
use bits::Bits;
use excuses::Excuses;
use log::{FinalRead, Log};
use markers::{Annotation, annotations};
use places::Bounds;
use sends::{Outcome, Send, SendId, Sends, SlotIndex};
use told::Told;
use transactions::Transactions;

/// A history with what it proves.
pub(crate) struct Evidence<'h> {
    pub(crate) history: &'h History,
    pub(crate) sends: Sends,
    pub(crate) transactions: Transactions,
    pub(crate) told: Told,
    /// One log per partition, in the order of their keys.
    pub(crate) logs: Vec<Log>,
    excuses: Excuses,
    /// The groups whose members report what they processed; of all others, delivery counts as processing.
    reports_processing: Bits,
    /// The groups that commit offsets in transactions.
    commits_in_transactions: Bits,
    /// No event has an earlier time than the one before.
    is_in_order: bool,
    /// The events that are no sends and no completions of sends.
    but_sends: Vec<OpId>,
    /// Events that tell what members of groups have.
    pub(crate) membership: Vec<OpId>,
    /// Whether some member says of which generation it is.
    pub(crate) tells_generations: bool,
    /// What dumps tell of transactions.
    pub(crate) annotations: Vec<Annotation>,
    /// At which level the consumers read.
    pub(crate) isolation: Isolation,
    /// Whether consumers commit by themselves, and not all of that need be recorded.
    pub(crate) auto_commits: bool,
    reports_rebalances: Bits,
    is_member: Bits,
}

impl<'h> Evidence<'h> {
    /// Gathers the evidence of `history` and counts what there is of it. The contract tells what the history does not: at
    /// which level consumers read, and whether logs are compacted.
    pub(crate) fn gather(
        history: &'h History,
        contract: &Contract,
        coverage: &mut Coverage,
    ) -> Self {
        let isolation = history.meta().isolation.unwrap_or(contract.isolation);
        let mut survey = Survey::of(history, coverage);
        let mut logs = survey.lay_out(history);
        survey.read_at_rest(history, &mut logs);
        survey.read_polls(history, &mut logs);
        acknowledge_all(history, &survey.sends, &mut logs);
        find_writers(history, &survey.sends, &mut logs);
        let annotations =
            annotations(history, &survey.annotated, &survey.sends, &survey.transactions);
        survey.prove_outcomes(history, isolation, &annotations, &mut logs);
        survey.find_holes(history, &mut logs);
        logs.iter_mut().for_each(Log::settle);
        place(&mut survey.sends, &logs);
        coverage.final_reads = logs.iter().filter(|log| log.at_rest.is_some()).count() as u64;
        coverage.slots = logs.iter().map(|log| log.slots().count() as u64).sum();
        let found = (&survey.told, &survey.sends, &logs[..]);
        Evidence {
            history,
            excuses: Excuses::gather(history, found, contract.cleanup_policy),
            sends: survey.sends,
            transactions: survey.transactions,
            told: survey.told,
            logs,
            reports_processing: survey.reports_processing,
            commits_in_transactions: survey.commits_in_transactions,
            is_in_order: survey.is_in_order,
            but_sends: survey.but_sends,
            membership: survey.membership,
            tells_generations: survey.tells_generations,
            annotations,
            isolation,
            auto_commits: contract.auto_commit,
            reports_rebalances: survey.reports_rebalances,
            is_member: survey.is_member,
        }
    }

    /// Whether the process says when its group's rebalances give it partitions or take them.
    pub(crate) fn reports_rebalances(&self, process: ProcessId) -> bool {
        self.reports_rebalances.contains(process.0 as usize)
    }

    /// Whether members of the group say what they processed; if none does, delivery counts as processing.
    pub(crate) fn reports_processing(&self, group: GroupId) -> bool {
        self.reports_processing.contains(group.0 as usize)
    }

    /// Whether the group's offsets are committed in transactions, at times at least.
    pub(crate) fn commits_in_transactions(&self, group: GroupId) -> bool {
        self.commits_in_transactions.contains(group.0 as usize)
    }

    /// When an event was, to be compared with other moments only: its number, where all events are in the order of their
    /// times, so that nobody has to look at it, and its time elsewhere.
    pub(crate) fn moment(&self, event: OpId) -> Time {
        match self.is_in_order {
            true => Time(event.0.into()),
            false => self.history.event(event).time,
        }
    }

    /// Whether the process assigns itself partitions, past its group's protocol, as `assign()` does: it shows no sign
    /// that it is a member, nor is it said to be one. Of a simulated consumer, an assignment is the group's unless said.
    pub(crate) fn assigns_itself(&self, process: ProcessId) -> bool {
        let meta = self.history.meta();
        let may_assign_itself = match meta.sub_via {
            Some(sub_via) => sub_via == SubVia::Assign,
            None => meta.source != Source::Sim,
        };
        may_assign_itself && !self.is_member.contains(process.0 as usize)
    }

    /// Whether one event is certainly before another: their clocks can be compared, and their error does not matter.
    pub(crate) fn is_before(&self, earlier: OpId, later: OpId) -> bool {
        if self.moment(earlier) > self.moment(later) {
            return false;
        }
        let (earlier, later) = (self.history.event(earlier), self.history.event(later));
        let is_same_clock = self.history.meta().clock != Clock::PerProcess;
        if earlier.process == later.process {
            return earlier.time < later.time;
        }
        is_same_clock && self.history.meta().is_before(earlier.time, later.time)
    }

    /// The events that are no sends: who follows consumers need not look at the bulk of a history.
    pub(crate) fn events_but_sends(&self) -> impl Iterator<Item = (OpId, &'h Event)> {
        let history = self.history;
        self.but_sends.iter().map(move |&op| (op, history.event(op)))
    }

    pub(crate) fn log(&self, key: Key) -> &Log {
        &self.logs[key.0 as usize]
    }

    /// The records of a log that are in their own partition, each where it lies first, with their sends.
    pub(crate) fn in_place(&self, key: Key) -> impl Iterator<Item = (SlotIndex, SendId)> {
        let log = self.log(key);
        log.visible(0, log.len()).filter_map(move |slot| {
            let writer = log.slot(slot).writer()?;
            let send = self.sends.get(writer);
            (send.key == key && send.place == Some(slot)).then_some((slot, writer))
        })
    }

    pub(crate) fn keyed_logs(&self) -> impl Iterator<Item = (Key, &Log)> {
        (0..).map(Key).zip(&self.logs)
    }
}

struct Survey {
    sends: Sends,
    transactions: Transactions,
    told: Told,
    reports_processing: Bits,
    commits_in_transactions: Bits,
    reports_rebalances: Bits,
    is_member: Bits,
    is_in_order: bool,
    but_sends: Vec<OpId>,
    membership: Vec<OpId>,
    tells_generations: bool,
    bounds: Vec<Bounds>,
    final_reads: Vec<Option<FinalRead>>,
    is_final_reader: Vec<bool>,
    polls: Vec<(OpId, ProcessId, Spans)>,
    dumps: Vec<(OpId, Spans)>,
    annotated: Vec<(OpId, Key, LogEntries)>,
    processed: Vec<Spans>,
    positions: Vec<(ProcessId, Key, Offset)>,
}

impl Survey {
    fn of(history: &History, coverage: &mut Coverage) -> Self {
        let (keys, processes) = (history.keys().len(), history.sessions().count());
        let mut survey = Survey {
            sends: Sends::with_capacity(history.len()),
            transactions: Transactions::new(processes),
            told: Told::default(),
            reports_processing: Bits::new(history.groups().len()),
            commits_in_transactions: Bits::new(history.groups().len()),
            reports_rebalances: Bits::new(processes),
            is_member: Bits::new(processes),
            is_in_order: true,
            but_sends: Vec::new(),
            membership: Vec::new(),
            tells_generations: false,
            bounds: vec![Bounds::default(); keys],
            final_reads: vec![None; keys],
            is_final_reader: vec![false; processes],
            polls: Vec::new(),
            dumps: Vec::new(),
            annotated: Vec::new(),
            processed: Vec::new(),
            positions: Vec::new(),
        };
        let mut latest = Time(0);
        for (op, event) in history.events() {
            survey.is_in_order &= latest <= event.time;
            latest = event.time;
            survey.note(history, op, event.process, event.what, coverage);
            if !is_of_send(event.what) {
                survey.but_sends.push(op);
                survey.told.note(history, op, event);
            }
        }
        survey.transactions.iter().for_each(|(id, txn)| txn.join(id, &mut survey.sends));
        survey.start_final_reads(history);
        survey.count_outcomes(coverage);
        survey
    }

    /// What one event says, before anything is known of the others.
    ///
    /// Long: one arm for each kind of event.
    fn note(
        &mut self,
        history: &History,
        op: OpId,
        process: ProcessId,
        what: What,
        coverage: &mut Coverage,
    ) {
        match what {
            What::SendInvoked { key, .. } => {
                coverage.sends += 1;
                let send = self.sends.invoked(op, process, key);
                self.transactions.sent(process, send);
            }
            What::SendOk { op: send, offset } => {
                let key = self.sends.completed(send, op, Outcome::Ok).key;
                if offset.known().is_some() {
                    self.bounds[key.0 as usize].mention(offset, 1);
                }
            }
            What::SendFailed { op: send } => {
                self.sends.completed(send, op, Outcome::Failed);
            }
            What::SendUnknown { op: send } => {
                self.sends.completed(send, op, Outcome::Unknown);
            }
            What::TxnBegun => self.transactions.begun(op, process),
            What::TxnOffsets { group, .. } => {
                self.commits_in_transactions.insert(group.0 as usize);
                self.transactions.added_offsets(process, op);
            }
            What::TxnCommitted { txn, .. } => {
                self.transactions.decided(txn, Outcome::Ok, op, process)
            }
            What::TxnAborted { txn } => {
                self.transactions.decided(txn, Outcome::Aborted, op, process)
            }
            What::TxnUnknown { txn, .. } => {
                self.transactions.decided(txn, Outcome::Unknown, op, process)
            }
            What::Rebalanced { kind, generation, .. } => {
                self.reports_rebalances.insert(process.0 as usize);
                if kind != RebalanceKind::Unknown {
                    self.is_member.insert(process.0 as usize);
                }
                self.tells_generations |= generation.known().is_some();
                self.membership.push(op);
            }
            What::Joined { .. } => {
                self.is_member.insert(process.0 as usize);
                self.tells_generations = true;
            }
            What::Subscribed { .. } => {
                self.is_member.insert(process.0 as usize);
                self.membership.push(op);
            }
            What::Assigned { .. } | What::Crashed | What::Closed => self.membership.push(op),
            What::Polled { poll } => {
                let &Poll { records, .. } = history.poll(poll);
                coverage.records_read += self.mention(history, records);
                self.polls.push((op, process, records));
            }
            What::LogDumped { key, records } => {
                coverage.records_read += self.mention(history, records);
                self.dumps.push((op, records));
                let end = history.spans(records).map(Span::end).max().unwrap_or(Offset(0));
                self.widen(key, FinalRead { start: Offset(0), end, op });
            }
            What::LogAnnotated { key, entries } => {
                self.annotated.push((op, key, entries));
                let ends = history.log_entries(entries).map(|entry| entry.offset.next());
                let end = ends.max().unwrap_or(Offset(0));
                self.widen(key, FinalRead { start: Offset(0), end, op: OpId(op.0 - 1) });
            }
            What::Drained { key, end } => {
                self.is_final_reader[process.0 as usize] = true;
                self.widen(key, FinalRead { start: Offset(0), end, op });
            }
            What::Processed { records } => {
                self.mention(history, records);
                self.processed.push(records);
                if let Some(group) = history.session(process).group {
                    self.reports_processing.insert(group.0 as usize);
                }
            }
            What::CommitInvoked { .. } => coverage.commits += 1,
            What::Positioned { key, offset, .. } => self.positions.push((process, key, offset)),
            What::ProducerInitialized { producer } => {
                self.transactions.initialized(process, producer);
            }
            What::ListOffsetsInvoked { .. }
            | What::ListOffsetsOk { .. }
            | What::BoundsTold { .. }
            | What::PositionsTold { .. }
            | What::Healed
            | What::CommitOk { .. }
            | What::CommitFailed { .. }
            | What::CommitUnknown { .. }
            | What::CommittedInvoked { .. }
            | What::CommittedOk { .. } => {}
        }
    }

    fn count_outcomes(&self, coverage: &mut Coverage) {
        for (_, send) in self.sends.iter() {
            match send.outcome {
                Outcome::Ok => coverage.acked += 1,
                Outcome::Failed | Outcome::Aborted => coverage.failed += 1,
                Outcome::Unknown | Outcome::Proven => coverage.indeterminate += 1,
            }
        }
    }

    fn mention(&mut self, history: &History, records: Spans) -> u64 {
        let spans = history.spans(records);
        spans
            .map(|span| {
                self.bounds[span.key.0 as usize].mention(span.base, span.len);
                u64::from(span.len)
            })
            .sum()
    }

    /// Several final reads of a partition count as one over their union.
    fn widen(&mut self, key: Key, read: FinalRead) {
        let known = &mut self.final_reads[key.0 as usize];
        *known = Some(match *known {
            Some(other) if other.end > read.end => other,
            _ => read,
        });
    }

    /// A drain begins at the lowest position of its reader, or at 0 if nobody told.
    fn start_final_reads(&mut self, history: &History) {
        let mut lowest: Vec<Option<Offset>> = vec![None; self.final_reads.len()];
        for &(process, key, offset) in &self.positions {
            let read = self.final_reads[key.0 as usize];
            if read.is_some_and(|read| history.event(read.op).process == process) {
                let lowest = &mut lowest[key.0 as usize];
                *lowest = Some(lowest.map_or(offset, |lowest| lowest.min(offset)));
            }
        }
        for (read, lowest) in self.final_reads.iter_mut().zip(lowest) {
            if let (Some(read), Some(lowest)) = (read, lowest) {
                read.start = lowest;
            }
        }
    }

    fn lay_out(&self, history: &History) -> Vec<Log> {
        let keys = (0..).map(Key).zip(&self.bounds).zip(&self.final_reads);
        keys.map(|((key, bounds), &at_rest)| {
            Log::new(bounds.places(|| self.offsets(history, key)), at_rest)
        })
        .collect()
    }

    /// Every offset of `key` that the history mentions.
    fn offsets(&self, history: &History, key: Key) -> Vec<i64> {
        let polled = self.polls.iter().map(|&(_, _, records)| records);
        let dumped = self.dumps.iter().map(|&(_, records)| records);
        let spans = polled
            .chain(dumped)
            .chain(self.processed.iter().copied())
            .flat_map(|records| history.spans(records));
        let read = spans.filter(|span| span.key == key).flat_map(|span| span.base.0..span.end().0);
        let acked = self
            .sends
            .iter()
            .filter(|(_, send)| send.key == key)
            .filter_map(|(_, send)| send.offset(history).known());
        read.chain(acked.map(|offset| offset.0)).collect()
    }

    fn read_at_rest(&self, history: &History, logs: &mut [Log]) {
        let drained =
            self.polls.iter().filter(|(_, process, _)| self.is_final_reader[process.0 as usize]);
        let drained = drained.map(|&(op, _, records)| (op, records));
        for (op, records) in self.dumps.iter().copied().chain(drained) {
            for span in history.spans(records) {
                let log = &mut logs[span.key.0 as usize];
                log.read(span.base, history.values(span), op);
                log.read_at_rest(span.base, span.len);
            }
        }
    }

    fn read_polls(&self, history: &History, logs: &mut [Log]) {
        for &(op, process, records) in &self.polls {
            if !self.is_final_reader[process.0 as usize] {
                for span in history.spans(records) {
                    let log = &mut logs[span.key.0 as usize];
                    log.read(span.base, history.values(span), op);
                    log.read_after_rest(span.base, span.len, op);
                }
            }
        }
    }
}

fn acknowledge_all(history: &History, sends: &Sends, logs: &mut [Log]) {
    let acked = sends.iter().filter(|(_, send)| send.outcome == Outcome::Ok);
    acked.for_each(|sent| acknowledge(history, sent, logs));
}

fn acknowledge(history: &History, (id, send): (SendId, &Send), logs: &mut [Log]) {
    if let Some(offset) = send.offset(history).known() {
        logs[send.key.0 as usize].acknowledge(id, offset, send.value(history));
    }
}

fn find_writers(history: &History, sends: &Sends, logs: &mut [Log]) {
    let sought: Vec<Value> = logs.iter().flat_map(Log::of_unknown_writers).collect();
    if !sought.is_empty() {
        let by_record = sends.by_record(history, &sought);
        for (key, log) in (0..).map(Key).zip(logs) {
            log.find_writers(|value: Value| by_record.find(key, value));
        }
    }
}

fn is_of_send(what: What) -> bool {
    use What::{SendFailed, SendInvoked, SendOk, SendUnknown};
    matches!(what, SendInvoked { .. } | SendOk { .. } | SendFailed { .. } | SendUnknown { .. })
}

/// Tells each send the first visible slot of its own partition that holds its record.
fn place(sends: &mut Sends, logs: &[Log]) {
    for (key, log) in (0..).map(Key).zip(logs) {
        for (index, slot) in log.slots() {
            let writer = slot.writer().filter(|_| log.is_visible(index.get()));
            let Some(send) = writer.map(|writer| sends.get_mut(writer)) else { continue };
            if send.key == key {
                send.place.get_or_insert(index);
            }
        }
    }
}
