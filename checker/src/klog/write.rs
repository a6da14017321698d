//! Writing a history line by line.

use super::line::{Entries, Header, KeyName, Kind, Line, Name, ProcessName, VERSION};
use crate::history::{
    Event, GroupId, History, Key, Offset, Offsets, OpId, PositionedBy, Spans, Time, Value, What,
};
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, Write};

/// Writes `history` as `klog/1`. Give it a buffered writer.
///
/// # Errors
/// Those of `out`.
pub fn write(history: &History, out: impl Write) -> io::Result<()> {
    let mut writer = Writer { history, out, index: 0 };
    writer.header()?;
    history.events().try_for_each(|(op, event)| writer.event(op, event))
}

struct Writer<'h, W> {
    history: &'h History,
    out: W,
    index: u64,
}

impl<W: Write> Writer<'_, W> {
    fn header(&mut self) -> io::Result<()> {
        let history = self.history;
        let key = |name: &crate::history::TopicPartition| {
            (
                name.to_string().into(),
                KeyName { topic: name.topic.clone(), partition: name.partition },
            )
        };
        let process = |session: &crate::history::Session| ProcessName {
            client: history.client_name(session.client).to_owned(),
            group: session.group.map(|group| history.groups()[group.0 as usize].clone()),
        };
        self.json(&Header {
            h: VERSION.to_owned(),
            keys: Entries(history.keys().iter().map(key).collect()),
            groups: history.groups().to_vec(),
            processes: history.sessions().map(process).collect(),
        })
    }

    fn event(&mut self, op: OpId, event: &Event) -> io::Result<()> {
        let now = |kind, f| self.line_of(event, kind, f);
        let call = |kind, f, op: OpId| Line { call: Some(u64::from(op.0)), ..now(kind, f) };
        match event.what {
            What::SendInvoked { .. } => self.send(call(Kind::Invoke, "send", op), op, None),
            What::SendOk { op, offset } => self.send(call(Kind::Ok, "send", op), op, Some(offset)),
            What::SendFailed { op } => self.send(call(Kind::Fail, "send", op), op, None),
            What::SendUnknown { op } => self.send(call(Kind::Info, "send", op), op, None),
            What::Polled { poll } => {
                let poll = *self.history.poll(poll);
                let invoked = Line { time: poll.invoked_at.0, ..call(Kind::Invoke, "poll", op) };
                let returned = call(Kind::Ok, "poll", op);
                self.line(invoked, [["poll"]])?;
                self.line(returned, [("poll", self.records(poll.records))])
            }
            What::Processed { records } => {
                self.line(now(Kind::Ok, "processed"), self.records(records))
            }
            What::Assigned { keys } => {
                let keys: Vec<_> =
                    self.history.offsets(keys).map(|(key, _)| self.name(key)).collect();
                self.line(now(Kind::Ok, "assign"), keys)
            }
            What::Positioned { key, offset, by } => {
                let line = Line { by: Some(Cow::Borrowed(name_of(by))), ..now(Kind::Ok, "seek") };
                self.line(line, Entries(vec![(self.name(key), offset)]))
            }
            What::CommitInvoked { group, offsets } => {
                let line = self.of_group(call(Kind::Invoke, "commit", op), group);
                self.line(line, self.offsets(offsets))
            }
            What::CommitOk { op } => self.bare(call(Kind::Ok, "commit", op)),
            What::CommitFailed { op } => self.bare(call(Kind::Fail, "commit", op)),
            What::CommitUnknown { op } => self.bare(call(Kind::Info, "commit", op)),
            What::CommittedInvoked { group } => {
                let line = self.of_group(call(Kind::Invoke, "committed", op), group);
                self.bare(line)
            }
            What::CommittedOk { op, offsets } => {
                let line = call(Kind::Ok, "committed", op);
                self.line(line, self.offsets(offsets))
            }
            What::Crashed => self.bare(now(Kind::Info, "crash")),
            What::Closed => self.bare(now(Kind::Ok, "close")),
            What::Drained { key, end } => {
                let drained = Some(Entries(vec![(self.name(key), end.0)]));
                self.bare(Line { drained, ..now(Kind::Ok, "poll") })
            }
            What::ProducerInitialized { .. }
            | What::TxnBegun
            | What::TxnOffsets { .. }
            | What::TxnCommitted { .. }
            | What::TxnAborted { .. }
            | What::TxnUnknown { .. }
            | What::Subscribed { .. }
            | What::Rebalanced { .. }
            | What::Joined { .. }
            | What::ListOffsetsInvoked { .. }
            | What::ListOffsetsOk { .. }
            | What::BoundsTold { .. }
            | What::PositionsTold { .. }
            | What::Healed
            | What::LogAnnotated { .. } => Ok(()),
            What::LogDumped { key, records } => {
                let records = match self.records(records) {
                    empty if empty.0.is_empty() => Entries(vec![(self.name(key), Vec::new())]),
                    records => records,
                };
                self.line(now(Kind::Ok, "log_dump"), records)
            }
        }
    }

    fn line_of(&self, event: &Event, kind: Kind, f: &'static str) -> Line<'static, ()> {
        let (Time(time), process) = (event.time, event.process.0);
        let f = Cow::Borrowed(f);
        Line {
            index: 0,
            time,
            process,
            call: None,
            kind,
            f,
            group: None,
            by: None,
            drained: None,
            value: None,
        }
    }

    fn of_group<'l>(&self, line: Line<'l, ()>, group: GroupId) -> Line<'l, ()> {
        Line { group: Some(Cow::Owned(self.history.groups()[group.0 as usize].clone())), ..line }
    }

    fn send(&mut self, line: Line<'_, ()>, send: OpId, acked: Option<Offset>) -> io::Result<()> {
        let What::SendInvoked { key, value } = self.history.event(send).what else {
            unreachable!("recording checks that completions of sends name sends");
        };
        match acked {
            Some(offset) => self.line(line, [("send", self.name(key), (offset.known(), value))]),
            None => self.line(line, [("send", self.name(key), value)]),
        }
    }

    fn bare(&mut self, line: Line<'_, ()>) -> io::Result<()> {
        self.put(line)
    }

    fn line<V: Serialize>(&mut self, line: Line<'_, ()>, value: V) -> io::Result<()> {
        let Line { time, process, call, kind, f, group, by, drained, .. } = line;
        self.put(Line {
            index: 0,
            time,
            process,
            call,
            kind,
            f,
            group,
            by,
            drained,
            value: Some(value),
        })
    }

    fn put<V: Serialize>(&mut self, line: Line<'_, V>) -> io::Result<()> {
        let line = Line { index: self.index, ..line };
        self.index += 1;
        self.json(&line)
    }

    fn json(&mut self, line: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, line)?;
        self.out.write_all(b"\n")
    }

    fn name(&self, key: Key) -> Name<'static> {
        self.history.keys()[key.0 as usize].to_string().into()
    }

    /// Records by partition, each partition's in their order.
    fn records(&self, spans: Spans) -> Entries<'static, Vec<(Offset, Value)>> {
        let mut by_key: Vec<(Key, Vec<(Offset, Value)>)> = Vec::new();
        for span in self.history.spans(spans) {
            let place = by_key.iter().position(|(key, _)| *key == span.key).unwrap_or_else(|| {
                by_key.push((span.key, Vec::new()));
                by_key.len() - 1
            });
            by_key[place].1.extend(self.history.records(span));
        }
        Entries(by_key.into_iter().map(|(key, records)| (self.name(key), records)).collect())
    }

    fn offsets(&self, offsets: Offsets) -> Entries<'static, Option<Offset>> {
        let pairs = self.history.offsets(offsets);
        Entries(pairs.map(|(key, offset)| (self.name(key), offset.known())).collect())
    }
}

fn name_of(by: PositionedBy) -> &'static str {
    match by {
        PositionedBy::Committed => "committed",
        PositionedBy::ResetEarliest => "reset-earliest",
        PositionedBy::ResetLatest => "reset-latest",
        PositionedBy::Truncation => "truncation",
        PositionedBy::Seek => "seek",
    }
}
