//! Claim: each append and each read of a log's end takes effect at one instant between its invocation and its completion.
//!
//! That is linearizability of the log. Checking it is a search in general, but here every operation tells its place: an
//! append at offset o has the key 2o+1, a read that found the log to end at e the key 2e. Then a history is linearizable
//! exactly if no operation was invoked after the completion of another one with a higher key (Gibbons and Korach's case of
//! a known write order): put each operation at the latest invocation of all whose key is not higher.
//!
//! ```text
//!   offset 8   |--append--|                       acknowledged
//!   offset 7                  |--append--|        invoked later, below: backdated-append
//!   end    8                  |--list offsets--|  invoked later, does not count offset 8: stale-end
//!
//!   end    8   |--list offsets--|                 told
//!   offset 7                      |--append--|    invoked later, below that end: backdated-append
//! ```
//! A poll tells only that the log reached at least to what it returned, so it proves that an append or an end came too late
//! and is never stale itself. Appends that nobody acknowledged with an offset prove nothing (with `acks=0` the
//! acknowledgement is the producer's own). Records that the log lost are judged by [`durability`](super::durability), and
//! here still prove an end to be stale. Two appends of one session are its [order](super::producer_order).
//!
//! O(slots + end reads · log), one sweep from each log's end to its beginning. Clocks that disagree by at most ε make two
//! operations concurrent that lie within ε; where the processes' clocks cannot be compared at all, nothing is judged.

use crate::anomaly::{AnomalyKind, Role};
use crate::completed::{Completed, Done};
use crate::evidence::Evidence;
use crate::evidence::log::Log;
use crate::evidence::sends::{Outcome, Send, SlotIndex};
use crate::evidence::told::BoundRead;
use crate::findings::{Findings, Proof};
use crate::history::{Clock, Key, Offset, OpId, Time};
use crate::verdict::Coverage;

/// Sweeps every log.
pub(crate) fn judge(evidence: &Evidence<'_>, findings: &mut Findings<'_>, coverage: &mut Coverage) {
    if evidence.history.meta().clock == Clock::PerProcess {
        return;
    }
    let mut reads = evidence.told.ends.clone();
    reads.sort_by_key(|read| (read.key, read.offset));
    for (key, log) in evidence.keyed_logs() {
        let first = reads.partition_point(|read| read.key < key);
        let after = reads.partition_point(|read| read.key <= key);
        let sweep = Sweep { evidence, key, log, highest: Completed::default(), seen: None };
        sweep.run(&reads[first..after], findings, coverage);
    }
}

struct Sweep<'e, 'h> {
    evidence: &'e Evidence<'h>,
    key: Key,
    log: &'e Log,
    /// The earliest completions above the sweep of what is in the log, and of reads of its end.
    highest: Completed,
    /// The earliest completion above the sweep, of what is in the log or was once.
    seen: Option<Done>,
}

impl Sweep<'_, '_> {
    fn run(
        mut self,
        mut reads: &[BoundRead],
        findings: &mut Findings<'_>,
        coverage: &mut Coverage,
    ) {
        let mut gone = self.gone();
        for index in (0..self.log.len()).rev() {
            let slot = SlotIndex::new(index);
            let offset = self.log.places.offset(slot);
            reads = self.end_reads(reads, offset.next(), findings, coverage);
            while let Some(done) = gone.pop_if(|done| done.end > offset) {
                self.see(done);
            }
            self.slot(slot, offset, findings, coverage);
        }
        self.end_reads(reads, Offset(0), findings, coverage);
    }

    /// What was acknowledged or read where the log holds something else, by rising offsets.
    fn gone(&self) -> Vec<Done> {
        let sends = self.log.misplaced.iter().map(|&id| self.evidence.sends.get(id));
        let acked = sends.filter_map(|send| self.acked(send, send.offset(self.evidence.history)));
        let reads = self.log.conflicts.iter();
        let read = reads.map(|read| self.read(read.reader, self.log.places.offset(read.slot)));
        let mut gone: Vec<Done> = acked.chain(read).collect();
        gone.sort_by_key(|done| done.end);
        gone
    }

    /// Judges the reads that found the log to end at `from` or above, and returns the others. Those of one end commute.
    fn end_reads<'r>(
        &mut self,
        mut reads: &'r [BoundRead],
        from: Offset,
        findings: &mut Findings<'_>,
        coverage: &mut Coverage,
    ) -> &'r [BoundRead] {
        while let Some(last) = reads.last().filter(|read| read.offset >= from) {
            let (below, here) =
                reads.split_at(reads.partition_point(|read| read.offset < last.offset));
            for read in here {
                coverage.real_time_checks += u64::from(self.seen.is_some());
                if let Some(done) = self.seen.filter(|done| self.is_after(read.asked, done)) {
                    findings.report(AnomalyKind::StaleEnd, 0, || self.stale_end(read, &done));
                }
            }
            for read in here {
                let (time, op, end) = (self.moment(read.told), read.told, read.offset);
                self.see_in_log(Done { time, op, appender: None, end });
            }
            reads = below;
        }
        reads
    }

    fn slot(
        &mut self,
        index: SlotIndex,
        offset: Offset,
        findings: &mut Findings<'_>,
        coverage: &mut Coverage,
    ) {
        let slot = self.log.slot(index);
        let writer = slot.writer().map(|writer| self.evidence.sends.get(writer));
        let is_visible = self.log.is_visible(index.get());
        let is_its_place = |send: &&Send| send.key == self.key && send.place == Some(index);
        let placed = writer.filter(|send| is_visible && is_its_place(send));
        if let Some(send) = placed {
            coverage.real_time_checks += u64::from(self.highest.first.is_some());
            let done = self.highest.apart_from(send.process);
            if let Some(done) = done.filter(|done| self.is_after(send.op, done)) {
                findings.report(AnomalyKind::BackdatedAppend, 0, || {
                    self.backdated(send, offset, &done)
                });
            }
        }
        let acked = writer.filter(|_| self.log.is_acked(index));
        let acked = acked.and_then(|send| self.acked(send, offset));
        let read = slot.reader().map(|op| self.read(op, offset));
        for done in acked.into_iter().chain(read) {
            if is_visible { self.see_in_log(done) } else { self.see(done) }
        }
    }

    /// The acknowledgement that names `offset`, unless its transaction was not committed.
    fn acked(&self, send: &Send, offset: Offset) -> Option<Done> {
        let (time, op, appender) = (self.moment(send.done), send.op, Some(send.process));
        let end = offset.next();
        (send.outcome == Outcome::Ok).then_some(Done { time, op, appender, end })
    }

    fn read(&self, op: OpId, offset: Offset) -> Done {
        Done { time: self.moment(op), op, appender: None, end: offset.next() }
    }

    fn see_in_log(&mut self, done: Done) {
        self.see(done);
        self.highest.add(done, |one, other| one.time < other.time);
    }

    fn see(&mut self, done: Done) {
        if self.seen.is_none_or(|seen| done.time < seen.time) {
            self.seen = Some(done);
        }
    }

    fn moment(&self, event: OpId) -> Time {
        self.evidence.moment(event)
    }

    fn is_after(&self, op: OpId, done: &Done) -> bool {
        done.time < self.moment(op) && self.evidence.is_before(self.completion(done), op)
    }

    /// The event that completed an operation.
    fn completion(&self, done: &Done) -> OpId {
        self.evidence.sends.of_op(done.op).map_or(done.op, |send| send.done)
    }

    fn backdated(&self, send: &Send, offset: Offset, done: &Done) -> Proof {
        let value = self.evidence.value_name(send.value(self.evidence.history));
        let mut explain = self.tell_done(done);
        explain.push(self.evidence.tell_send(send));
        explain.push(format!(
            "{value} was sent after offset {} existed, and lies before it, at {offset}.",
            done.end.0 - 1
        ));
        let ops = vec![(done.op, role(done)), (send.op, Role::Overtaker)];
        let offsets = vec![Offset(done.end.0 - 1), offset];
        Proof { key: self.key, offsets, ops, missing: vec![], explain }
    }

    fn stale_end(&self, read: &BoundRead, done: &Done) -> Proof {
        let mut explain = self.tell_done(done);
        explain.push(format!(
            "{} asked where {} ends and was told {}.",
            self.evidence.who_when(read.asked),
            self.evidence.key_name(self.key),
            read.offset
        ));
        explain.push(format!("It had reached {} before that.", done.end));
        let ops = vec![(done.op, role(done)), (read.asked, Role::Reader)];
        let offsets = vec![Offset(done.end.0 - 1), read.offset];
        Proof { key: self.key, offsets, ops, missing: vec![], explain }
    }

    /// How it is known that the log had reached so far.
    fn tell_done(&self, done: &Done) -> Vec<String> {
        let read = || {
            let who = self.evidence.who_when(done.op);
            format!(
                "{} reached offset {}, as {who} saw.",
                self.evidence.key_name(self.key),
                done.end
            )
        };
        let send = self.evidence.sends.of_op(done.op).map(|send| self.evidence.tell_send(send));
        vec![send.unwrap_or_else(read)]
    }
}

fn role(done: &Done) -> Role {
    match done.appender {
        Some(_) => Role::Writer,
        None => Role::Reader,
    }
}
