//! Linearizability of a log while its history grows: a violation is reported by the very event that completes it.
//!
//! It is the sweep that [`judge`](crate::judge()) makes, turned round. There each offset asks who was invoked after something
//! above it was complete; here each operation notes at its invocation how far the log had provably reached (`bound`, the
//! highest end among all that was complete before) and must not end below it:
//!
//! ```text
//!   append, acknowledged at offset 8  |-----|
//!   append                                     |-- bound 9 ------ acknowledged at 7 --|   violation, here
//!   end of the log asked for                     |-- bound 9 ---- told 8 --|               violation, here
//! ```
//! No event can tell earlier, as the offset is not known before. What counts as complete: acknowledged appends with an
//! offset, records handed out by polls and dumps, answered questions for the high watermark. What is judged: acknowledged
//! appends with an offset, but not against those of the same session, and answered questions. So it differs from
//! [`judge`](crate::judge()) where only the whole history can tell:
//! - appends that nobody acknowledged, and whose place is known from reads only, are not judged here;
//! - a record that the log lost still counts here, so an append that takes its place is a violation at once, where the
//!   final judgement says that an acknowledged record was lost.
//!
//! O(1) per event (and span of a poll), and nothing is allocated but when more operations are open than ever before. A clone
//! copies what is open and a few words per partition, so a forked trial takes its sweep along.
//!
//! ```
//! use ktrial_checker::history::{History, Offset, Time, Value};
//! use ktrial_checker::online::Sweep;
//!
//! let (mut history, mut sweep) = (History::new(), Sweep::default());
//! let orders = history.key("orders", 0);
//! let [alice, bob] = ["alice", "bob"].map(|name| {
//!     let client = history.client(name);
//!     history.open_session(client, None)
//! });
//! let first = history.send_invoked(alice, Time(1_000), orders, Value(1));
//! history.send_ok(first, Time(2_000), Some(Offset(8)));
//! let second = history.send_invoked(bob, Time(3_000), orders, Value(2));
//! assert_eq!(sweep.follow(&history), None);
//! history.send_ok(second, Time(4_000), Some(Offset(7)));
//! let violation = sweep.follow(&history).expect("bob's record lies below alice's");
//! assert_eq!(
//!     violation.sentence(&history),
//!     "orders-0 had reached 9 by 0.002 ms, as alice learnt, but v2, sent by bob at 0.003 ms, is acknowledged at 7"
//! );
//! ```

mod open;

use crate::anomaly::AnomalyKind;
use crate::completed::{Completed, Done};
use crate::history::{
    Clock, Event, History, Key, LogBound, Offset, Offsets, OpId, Order, Spans, Time, What,
};
use open::OpenOps;

/// Follows one history, event by event.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// The events seen so far.
    seen: u32,
    open: OpenOps,
    /// By partition.
    logs: Vec<Reached>,
}

/// An operation that took effect below the place where the log was before it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// [`BackdatedAppend`](AnomalyKind::BackdatedAppend) or [`StaleEnd`](AnomalyKind::StaleEnd).
    pub kind: AnomalyKind,
    /// The partition.
    pub key: Key,
    /// Where the record was appended, or where the log was said to end.
    pub offset: Offset,
    /// The operation.
    pub op: OpId,
    /// The event that completed it.
    pub completed_by: OpId,
    /// Where the log had reached before the operation was invoked.
    pub reached: Offset,
    /// When that was known.
    pub reached_at: Time,
    /// The append, read or question that proves it.
    pub witness: OpId,
}

/// How far a log provably reached.
#[derive(Clone, Copy, Debug)]
struct Reached {
    /// Before `at`: what ends at the moment when another begins is concurrent with it.
    before: Completed,
    /// When `latest` changed last.
    at: Time,
    latest: Completed,
}

impl Reached {
    fn nothing() -> Self {
        Reached { before: Completed::default(), at: Time(0), latest: Completed::default() }
    }

    fn before(&self, time: Time) -> &Completed {
        if self.at < time { &self.latest } else { &self.before }
    }

    fn add(&mut self, done: Done) {
        if self.at < done.time {
            (self.before, self.at) = (self.latest, done.time);
        }
        self.latest.add(done, |one, other| one.end > other.end);
    }
}

impl Sweep {
    /// Takes in what was recorded since the last call, and returns the first violation in it.
    ///
    /// Once a log has gone back, many of the appends after it are violations too.
    ///
    /// # Panics
    ///
    /// If this is not the history of the earlier calls (a fork of it will do) or does not have one exact clock and one
    /// order, as that of a simulated trial has.
    pub fn follow(&mut self, history: &History) -> Option<Violation> {
        let meta = history.meta();
        let has_one_clock = (meta.clock, meta.clock_error_ns) == (Clock::Global, 0);
        assert!(
            has_one_clock && meta.order == Order::Total,
            "an exact order is known of simulated trials only"
        );
        assert!(self.seen as usize <= history.len(), "a history only grows");
        let mut first = None;
        while (self.seen as usize) < history.len() {
            let op = OpId(self.seen);
            self.seen += 1;
            first = first.or(self.observe(history, op));
        }
        first
    }

    fn observe(&mut self, history: &History, op: OpId) -> Option<Violation> {
        let &Event { time, process, what } = history.event(op);
        match what {
            What::SendInvoked { key, .. } => {
                self.invoked(op, key, |log| log.before(time).apart_from(process));
                None
            }
            What::SendOk { op: send, offset } => self.sent(history, time, send, op, offset),
            What::SendFailed { op: send } | What::SendUnknown { op: send } => {
                self.open.remove(send, key_of(history, send));
                None
            }
            What::ListOffsetsInvoked { of: LogBound::Latest, keys } => {
                for (key, _) in history.offsets(keys) {
                    self.invoked(op, key, |log| log.before(time).first);
                }
                None
            }
            What::ListOffsetsOk { op: asked, offsets } => {
                self.told(history, time, asked, op, offsets)
            }
            What::Polled { poll } => {
                self.read(history, time, op, history.poll(poll).records);
                None
            }
            What::LogDumped { records, .. } => {
                self.read(history, time, op, records);
                None
            }
            _ => None,
        }
    }

    fn invoked(&mut self, op: OpId, key: Key, before: impl Fn(&Reached) -> Option<Done>) {
        if let Some(before) = self.logs.get(key.0 as usize).and_then(before) {
            self.open.insert(op, key, before);
        }
    }

    fn sent(
        &mut self,
        history: &History,
        time: Time,
        op: OpId,
        completed_by: OpId,
        offset: Offset,
    ) -> Option<Violation> {
        let &Event { process, .. } = history.event(op);
        let key = key_of(history, op);
        let before = self.open.remove(op, key);
        let offset = offset.known()?;
        self.log(key).add(Done { time, op, appender: Some(process), end: offset.next() });
        let before = before.filter(|before| offset < before.end)?;
        let kind = AnomalyKind::BackdatedAppend;
        Some(Violation::of(kind, key, offset, op, completed_by, &before))
    }

    fn told(
        &mut self,
        history: &History,
        time: Time,
        asked: OpId,
        completed_by: OpId,
        offsets: Offsets,
    ) -> Option<Violation> {
        if !matches!(
            history.event(asked).what,
            What::ListOffsetsInvoked { of: LogBound::Latest, .. }
        ) {
            return None;
        }
        let mut first = None;
        for (key, end) in history.offsets(offsets) {
            let before = self.open.remove(asked, key);
            let Some(end) = end.known() else { continue };
            self.log(key).add(Done { time, op: completed_by, appender: None, end });
            let before = before.filter(|before| end < before.end);
            let kind = AnomalyKind::StaleEnd;
            first = first
                .or(before
                    .map(|before| Violation::of(kind, key, end, asked, completed_by, &before)));
        }
        first
    }

    fn read(&mut self, history: &History, time: Time, op: OpId, records: Spans) {
        for span in history.spans(records) {
            self.log(span.key).add(Done { time, op, appender: None, end: span.end() });
        }
    }

    fn log(&mut self, key: Key) -> &mut Reached {
        let index = key.0 as usize;
        if self.logs.len() <= index {
            self.logs.resize(index + 1, Reached::nothing());
        }
        &mut self.logs[index]
    }
}

impl Violation {
    fn of(
        kind: AnomalyKind,
        key: Key,
        offset: Offset,
        op: OpId,
        completed_by: OpId,
        before: &Done,
    ) -> Self {
        let &Done { time: reached_at, op: witness, end: reached, .. } = before;
        Violation { kind, key, offset, op, completed_by, reached, reached_at, witness }
    }

    /// The violation in words; `history` is the one it was found in.
    #[must_use]
    pub fn sentence(&self, history: &History) -> String {
        let name = &history.keys()[self.key.0 as usize];
        let client = |op: OpId| history.process_name(history.event(op).process);
        let (later, invoked_at) = (client(self.op), history.event(self.op).time);
        let told = match history.event(self.op).what {
            What::SendInvoked { value, .. } => {
                let value = history.value_name(value);
                format!(
                    "{value}, sent by {later} at {invoked_at}, is acknowledged at {}",
                    self.offset
                )
            }
            _ => format!(
                "{later}, who asked at {invoked_at}, is told that it ends at {}",
                self.offset
            ),
        };
        let witness = client(self.witness);
        format!(
            "{name} had reached {} by {}, as {witness} learnt, but {told}",
            self.reached, self.reached_at
        )
    }
}

/// The partition of a send.
fn key_of(history: &History, send: OpId) -> Key {
    match history.event(send).what {
        What::SendInvoked { key, .. } => key,
        what => unreachable!("the history takes completions of sends only, not of {what:?}"),
    }
}
