//! Writing a history line by line.

mod parts;
mod text;

use super::header::Header;
use super::line::HEALED;
use super::words;
use crate::contract::Contract;
use crate::history::{CommitSemantics, Event, History, OpId, Time, What};
use std::io::{self, Write};
use text::{Text, quoted};

/// Writes `history` as `klog/1`. Give it a buffered writer.
///
/// # Errors
/// Those of `out`.
pub fn write(history: &History, out: impl Write) -> io::Result<()> {
    Writer::of(history, &Header::of(history), out)?.events()
}

/// Writes `history` as `klog/1` and says in its header what was promised. Give it a buffered writer.
///
/// # Errors
/// Those of `out`.
pub fn write_with_contract(
    history: &History,
    contract: &Contract,
    out: impl Write,
) -> io::Result<()> {
    Writer::of(history, &Header::of(history).promising(contract), out)?.events()
}

struct Writer<'h, W> {
    history: &'h History,
    out: W,
    /// The line being written.
    line: Text,
    /// Names with their quotes, by their ids.
    keys: Vec<String>,
    groups: Vec<String>,
    /// What a committed offset has more than the file says.
    to_next: i64,
    index: u64,
}

impl<'h, W: Write> Writer<'h, W> {
    fn of(history: &'h History, header: &Header, mut out: W) -> io::Result<Self> {
        serde_json::to_writer(&mut out, header)?;
        out.write_all(b"\n")?;
        Ok(Writer {
            history,
            out,
            line: Text::default(),
            keys: history.keys().iter().map(|key| quoted(&key.to_string())).collect(),
            groups: history.groups().iter().map(|group| quoted(group)).collect(),
            to_next: i64::from(history.meta().commit_semantics == CommitSemantics::Last),
            index: 0,
        })
    }

    /// What tells more of an operation, or of a dumped log, is part of the line that it follows.
    fn events(mut self) -> io::Result<()> {
        let mut events = self.history.events().peekable();
        while let Some((op, event)) = events.next() {
            self.event(op, event)?;
            let subject = event.what.completes().unwrap_or(op);
            while let Some((_, more)) =
                events.next_if(|(_, next)| next.what.tells_of() == Some(subject))
            {
                self.more(more.what);
            }
            if let What::LogDumped { key, records } = event.what {
                let notes =
                    events.next_if(|(_, next)| matches!(next.what, What::LogAnnotated { .. }));
                self.log(key, records, notes.map(|(_, notes)| notes.what));
            }
            self.end()?;
        }
        Ok(())
    }

    /// The line of an event, up to its end.
    ///
    /// Long: one arm for each kind of event, in the order of their declaration.
    fn event(&mut self, op: OpId, event: &Event) -> io::Result<()> {
        let history = self.history;
        match event.what {
            What::SendInvoked { key, value } => {
                self.call(event, "invoke", "send", op);
                self.send(op, key, value, None);
            }
            What::SendOk { op: send, offset } => {
                self.call(event, "ok", "send", send);
                let What::SendInvoked { key, value } = history.event(send).what else {
                    unreachable!("recording checks that acknowledgements name sends");
                };
                self.send(op, key, value, Some(offset));
            }
            What::SendFailed { op } => self.call(event, "fail", "send", op),
            What::SendUnknown { op } => self.call(event, "info", "send", op),
            What::ProducerInitialized { producer } => {
                let producer = history.producer(producer);
                if let Some(invoked_at) = producer.invoked_at.known() {
                    self.begin(event, invoked_at, Some(op), ["invoke", "init_producer"]);
                    self.end()?;
                }
                self.call(event, "ok", "init_producer", op);
                self.producer(producer);
            }
            What::TxnBegun => self.call(event, "invoke", "txn", op),
            What::TxnOffsets { group, offsets } => {
                self.now(event, "ok", "send_offsets");
                self.group(group);
                self.offsets("value", history.offsets(offsets), self.to_next);
            }
            What::TxnCommitted { txn, commit_invoked_at } => {
                self.decided(event, "ok", txn, commit_invoked_at);
            }
            What::TxnAborted { txn } => self.call(event, "fail", "txn", txn),
            What::TxnUnknown { txn, commit_invoked_at } => {
                self.decided(event, "info", txn, commit_invoked_at);
            }
            What::Polled { poll } => {
                let poll = history.poll(poll);
                self.begin(event, poll.invoked_at, Some(op), ["invoke", "poll"]);
                self.line.push(",\"value\":[[\"poll\"]]");
                self.end()?;
                self.call(event, "ok", "poll", op);
                self.poll(poll.records);
            }
            What::Assigned { keys } => {
                self.now(event, "ok", "assign");
                self.key_list("value", history.offsets(keys));
            }
            What::Subscribed { keys } => {
                self.now(event, "ok", "subscribe");
                self.key_list("value", history.offsets(keys));
            }
            What::Rebalanced { kind, generation, keys } => {
                self.now(event, "ok", "rebalance");
                self.rebalance(kind, generation, history.offsets(keys));
            }
            What::Joined { generation } => {
                self.now(event, "ok", "rebalance");
                self.line.field("gen", generation.0);
            }
            What::Positioned { key, offset, by } => {
                self.now(event, "ok", "seek");
                self.line.field("by", quoted(words::POSITION.word(by)));
                self.offsets("value", [(key, offset)], 0);
            }
            What::Processed { records } => {
                self.now(event, "ok", "processed");
                self.line.name("value");
                self.records(records);
            }
            What::CommitInvoked { group, offsets } => {
                self.call(event, "invoke", "commit", op);
                self.group(group);
                self.offsets("value", history.offsets(offsets), self.to_next);
            }
            What::CommitOk { op } => self.call(event, "ok", "commit", op),
            What::CommitFailed { op } => self.call(event, "fail", "commit", op),
            What::CommitUnknown { op } => self.call(event, "info", "commit", op),
            What::CommittedInvoked { group } => {
                self.call(event, "invoke", "committed", op);
                self.group(group);
            }
            What::CommittedOk { op, offsets } => {
                self.call(event, "ok", "committed", op);
                self.offsets("value", history.offsets(offsets), self.to_next);
            }
            What::ListOffsetsInvoked { of, keys } => {
                self.call(event, "invoke", "list_offsets", op);
                self.log_bounds(of, history.offsets(keys).map(|(key, _)| (key, None)));
            }
            What::ListOffsetsOk { op, offsets } => {
                let What::ListOffsetsInvoked { of, .. } = history.event(op).what else {
                    unreachable!("recording checks that answers name questions");
                };
                self.call(event, "ok", "list_offsets", op);
                self.log_bounds(of, history.offsets(offsets).map(|(key, at)| (key, Some(at))));
            }
            What::BoundsTold { .. } | What::PositionsTold { .. } | What::LogAnnotated { .. } => {
                unreachable!("recording checks that these follow what they tell of")
            }
            What::Crashed => self.now(event, "info", "crash"),
            What::Closed => self.now(event, "ok", "close"),
            What::Healed => {
                self.now(event, "info", "nemesis");
                self.line.field("value", quoted(HEALED));
            }
            What::Drained { key, end } => {
                self.now(event, "ok", "poll");
                self.line.field("final", true);
                self.offsets("drained", [(key, end)], 0);
            }
            What::LogDumped { .. } => self.now(event, "ok", "log_dump"),
        }
        Ok(())
    }

    /// Begins the line of something that has no completion of its own.
    fn now(&mut self, event: &Event, kind: &str, f: &str) {
        self.begin(event, event.time, None, [kind, f]);
    }

    /// Begins the line of an invocation or completion of `op`.
    fn call(&mut self, event: &Event, kind: &str, f: &str, op: OpId) {
        self.begin(event, event.time, Some(op), [kind, f]);
    }

    fn begin(&mut self, event: &Event, time: Time, call: Option<OpId>, [kind, f]: [&str; 2]) {
        self.line.push("{\"index\":");
        self.line.show(self.index);
        self.line.field("time", time.0);
        self.line.field("process", event.process.0);
        if let Some(OpId(call)) = call {
            self.line.field("call", call);
        }
        for part in [",\"type\":\"", kind, "\",\"f\":\"", f, "\""] {
            self.line.push(part);
        }
    }

    fn end(&mut self) -> io::Result<()> {
        self.index += 1;
        self.line.push("}");
        self.line.take(|line| self.out.write_all(line))
    }
}
