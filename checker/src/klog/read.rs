//! Reading a history line by line.

use super::line::{Entries, Header, Kind, Line, Name, Records, VERSION};
use crate::history::{GroupId, History, Key, Offset, OpId, PositionedBy, ProcessId, Time, Value};
use crate::notation::{Problem, ReadError};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::BufRead;

/// A history that was read.
#[derive(Debug)]
pub struct Imported {
    /// The history.
    pub history: History,
    /// How many lines of which `f` and type say nothing that can be judged, and were left out.
    pub ignored: BTreeMap<String, u64>,
}

/// Reads a `klog/1` file.
///
/// # Errors
/// Those of `input`, and the first line that is not what the format says.
pub fn read(mut input: impl BufRead) -> Result<Imported, ReadError> {
    let mut reader = Reader::default();
    let (mut text, mut number) = (String::new(), 0);
    while input.read_line(&mut text)? > 0 {
        number += 1;
        let is_whole = text.ends_with('\n');
        let line = text.trim_end();
        let result = match number {
            1 => reader.header(line),
            _ if line.is_empty() => Ok(()),
            _ => reader.event(line),
        };
        result.map_err(|problem| problem.at(number, is_whole))?;
        text.clear();
    }
    match number {
        0 => Err(ReadError::Malformed {
            line: 1,
            column: 0,
            problem: "an empty file has no header".to_owned(),
        }),
        _ => Ok(Imported { history: reader.history, ignored: reader.ignored }),
    }
}

/// An invocation that waits for its completion.
enum Open {
    Sends(Vec<OpId>),
    Poll(Time),
    Commit(OpId),
    Committed(OpId),
}

#[derive(Default)]
struct Reader {
    history: History,
    keys: BTreeMap<String, Key>,
    processes: BTreeMap<u32, ProcessId>,
    open: BTreeMap<(ProcessId, Option<u64>), Open>,
    ignored: BTreeMap<String, u64>,
}

/// A line with its value still to be parsed, and the whole line's text to tell columns by.
struct Unparsed<'l> {
    line: Line<'l, &'l RawValue>,
    text: &'l str,
}

impl Reader {
    fn header(&mut self, text: &str) -> Result<(), Problem> {
        let header: Header<'_> = serde_json::from_str(text)?;
        if header.h != VERSION {
            return Err(Problem::new(format!(
                "expected version `{VERSION}`, found `{}`",
                header.h
            )));
        }
        for (name, key) in header.keys.0 {
            self.keys.insert(name.0.into_owned(), self.history.key(&key.topic, key.partition));
        }
        for group in header.groups {
            self.group(&group);
        }
        for (number, process) in (0..).zip(header.processes) {
            let group = process.group.map(|group| self.group(&group));
            let client = self.history.client(&process.client);
            self.processes.insert(number, self.history.open_session(client, group));
        }
        Ok(())
    }

    fn event(&mut self, text: &str) -> Result<(), Problem> {
        let line: Line<'_, &RawValue> = serde_json::from_str(text)?;
        let process = self.process(&line);
        let (time, call, kind) = (Time(line.time), (process, line.call), line.kind);
        let unparsed = Unparsed { line, text };
        match (&*unparsed.line.f, kind) {
            ("send", Kind::Invoke) => self.send_invoked(call, time, &unparsed),
            ("send", _) => self.send_completed(call, time, &unparsed),
            ("poll", Kind::Invoke) => self.begin(call, Open::Poll(time)),
            ("poll", Kind::Ok) => self.poll_returned(call, time, &unparsed),
            ("processed", Kind::Ok) => {
                let records = self.records(unparsed.value()?)?;
                self.history.processed(process, time, records);
                Ok(())
            }
            ("assign", Kind::Ok) => {
                let names: Vec<Name<'_>> = unparsed.value()?;
                let keys: Vec<_> = names.iter().map(|name| self.key(&name.0)).collect();
                self.history.assigned(process, time, keys);
                Ok(())
            }
            ("seek", Kind::Ok) => self.positioned(process, time, &unparsed),
            ("commit", Kind::Invoke) => self.commit_invoked(call, time, &unparsed),
            ("commit", _) => self.commit_completed(call, time, kind),
            ("committed", Kind::Invoke) => {
                let group = self.group_of(&unparsed)?;
                let op = self.history.committed_invoked(process, time, group);
                self.begin(call, Open::Committed(op))
            }
            ("committed", Kind::Ok) => self.committed(call, time, &unparsed),
            ("crash", _) => {
                self.history.crashed(process, time);
                Ok(())
            }
            ("close", Kind::Ok) => {
                self.history.closed(process, time);
                Ok(())
            }
            ("log_dump", Kind::Ok) => self.log_dumped(process, time, &unparsed),
            (f, _) => {
                *self.ignored.entry(format!("{f} {kind:?}").to_lowercase()).or_default() += 1;
                Ok(())
            }
        }
    }

    fn process<V>(&mut self, line: &Line<'_, V>) -> ProcessId {
        if let Some(&known) = self.processes.get(&line.process) {
            return known;
        }
        let client = self.history.client(&format!("process {}", line.process));
        let group = line.group.as_deref().map(|group| self.group(group));
        let process = self.history.open_session(client, group);
        self.processes.insert(line.process, process);
        process
    }

    fn key(&mut self, name: &str) -> Key {
        if let Some(&known) = self.keys.get(name) {
            return known;
        }
        let parts =
            name.rsplit_once('-').and_then(|(topic, number)| Some((topic, number.parse().ok()?)));
        let (topic, partition) = parts.unwrap_or((name, 0));
        let key = self.history.key(topic, partition);
        self.keys.insert(name.to_owned(), key);
        key
    }

    fn group(&mut self, name: &str) -> GroupId {
        self.history.group(name)
    }

    fn group_of(&mut self, unparsed: &Unparsed<'_>) -> Result<GroupId, Problem> {
        let group = unparsed.line.group.as_deref();
        group.map(|group| self.group(group)).ok_or_else(|| Problem::new("expected a `group`"))
    }

    fn begin(&mut self, call: (ProcessId, Option<u64>), operation: Open) -> Result<(), Problem> {
        self.open.insert(call, operation);
        Ok(())
    }

    fn send_invoked(
        &mut self,
        call: (ProcessId, Option<u64>),
        time: Time,
        unparsed: &Unparsed<'_>,
    ) -> Result<(), Problem> {
        let sends: Vec<(Name<'_>, Name<'_>, u64)> = unparsed.value()?;
        let mut ops = Vec::with_capacity(sends.len());
        for (_, key, value) in sends {
            let key = self.key(&key.0);
            ops.push(self.history.send_invoked(call.0, time, key, Value(value)));
        }
        self.begin(call, Open::Sends(ops))
    }

    fn send_completed(
        &mut self,
        call: (ProcessId, Option<u64>),
        time: Time,
        unparsed: &Unparsed<'_>,
    ) -> Result<(), Problem> {
        let Some(Open::Sends(ops)) = self.open.remove(&call) else {
            return Err(not_invoked("send"));
        };
        match unparsed.line.kind {
            Kind::Ok => {
                let sends: Vec<(Name<'_>, Name<'_>, (Option<i64>, u64))> = unparsed.value()?;
                for (op, (_, _, (acked, _))) in ops.into_iter().zip(sends) {
                    self.history.send_ok(op, time, acked.map(offset).transpose()?);
                }
            }
            Kind::Fail => ops.into_iter().for_each(|op| self.history.send_failed(op, time)),
            Kind::Info | Kind::Invoke => {
                ops.into_iter().for_each(|op| self.history.send_unknown(op, time))
            }
        }
        Ok(())
    }

    fn poll_returned(
        &mut self,
        call: (ProcessId, Option<u64>),
        time: Time,
        unparsed: &Unparsed<'_>,
    ) -> Result<(), Problem> {
        if unparsed.line.value.is_some() {
            let invoked_at = match self.open.remove(&call) {
                Some(Open::Poll(invoked_at)) => invoked_at,
                _ => time,
            };
            let polls: Vec<(Name<'_>, Entries<'_, Records>)> = unparsed.value()?;
            let records = self
                .records(Entries(polls.into_iter().flat_map(|(_, records)| records.0).collect()))?;
            if !records.is_empty() {
                self.history.polled(call.0, invoked_at, time, records);
            }
        }
        for (name, end) in unparsed.line.drained.iter().flat_map(|drained| &drained.0) {
            let key = self.key(&name.0);
            self.history.drained(call.0, time, key, offset(*end)?);
        }
        Ok(())
    }

    fn positioned(
        &mut self,
        process: ProcessId,
        time: Time,
        unparsed: &Unparsed<'_>,
    ) -> Result<(), Problem> {
        let by = match unparsed.line.by.as_deref() {
            None | Some("seek") => PositionedBy::Seek,
            Some("committed") => PositionedBy::Committed,
            Some("reset-earliest") => PositionedBy::ResetEarliest,
            Some("reset-latest") => PositionedBy::ResetLatest,
            Some("truncation") => PositionedBy::Truncation,
            Some(other) => {
                return Err(Problem::new(format!("`{other}` is no way to be positioned")));
            }
        };
        let positions: Entries<'_, i64> = unparsed.value()?;
        for (name, position) in positions.0 {
            let key = self.key(&name.0);
            self.history.positioned(process, time, key, offset(position)?, by);
        }
        Ok(())
    }

    fn commit_invoked(
        &mut self,
        call: (ProcessId, Option<u64>),
        time: Time,
        unparsed: &Unparsed<'_>,
    ) -> Result<(), Problem> {
        let group = self.group_of(unparsed)?;
        let offsets: Entries<'_, i64> = unparsed.value()?;
        let offsets = self.offsets(offsets)?;
        let op = self.history.commit_invoked(call.0, time, group, offsets);
        self.begin(call, Open::Commit(op))
    }

    fn commit_completed(
        &mut self,
        call: (ProcessId, Option<u64>),
        time: Time,
        kind: Kind,
    ) -> Result<(), Problem> {
        let Some(Open::Commit(op)) = self.open.remove(&call) else {
            return Err(not_invoked("commit"));
        };
        match kind {
            Kind::Ok => self.history.commit_ok(op, time),
            Kind::Fail => self.history.commit_failed(op, time),
            Kind::Info | Kind::Invoke => self.history.commit_unknown(op, time),
        }
        Ok(())
    }

    fn committed(
        &mut self,
        call: (ProcessId, Option<u64>),
        time: Time,
        unparsed: &Unparsed<'_>,
    ) -> Result<(), Problem> {
        let Some(Open::Committed(op)) = self.open.remove(&call) else {
            return Err(not_invoked("committed"));
        };
        let answer: Entries<'_, Option<i64>> = unparsed.value()?;
        let mut offsets = Vec::with_capacity(answer.0.len());
        for (name, committed) in answer.0 {
            offsets.push((self.key(&name.0), committed.map(offset).transpose()?));
        }
        self.history.committed_ok(op, time, offsets);
        Ok(())
    }

    fn log_dumped(
        &mut self,
        process: ProcessId,
        time: Time,
        unparsed: &Unparsed<'_>,
    ) -> Result<(), Problem> {
        let logs: Entries<'_, Records> = unparsed.value()?;
        for (name, records) in logs.0 {
            let key = self.key(&name.0);
            let records = self.records(Entries(vec![(name, records)]))?;
            let records = records.into_iter().map(|(_, offset, value)| (offset, value));
            self.history.log_dumped(process, time, key, records);
        }
        Ok(())
    }

    fn records(
        &mut self,
        by_key: Entries<'_, Records>,
    ) -> Result<Vec<(Key, Offset, Value)>, Problem> {
        let mut all = Vec::new();
        for (name, records) in by_key.0 {
            let key = self.key(&name.0);
            for (place, value) in records {
                all.push((key, offset(place)?, Value(value)));
            }
        }
        Ok(all)
    }

    fn offsets(&mut self, by_key: Entries<'_, i64>) -> Result<Vec<(Key, Offset)>, Problem> {
        by_key.0.into_iter().map(|(name, place)| Ok((self.key(&name.0), offset(place)?))).collect()
    }
}

impl<'l> Unparsed<'l> {
    fn value<V: Deserialize<'l>>(&self) -> Result<V, Problem> {
        let Some(raw) = self.line.value else { return Err(Problem::new("expected a `value`")) };
        let before = raw.get().as_ptr().addr() - self.text.as_ptr().addr();
        serde_json::from_str(raw.get()).map_err(|error| {
            let problem = Problem::from(error);
            Problem { column: problem.column + before, is_cut: false, ..problem }
        })
    }
}

/// Offsets beyond what JSON numbers carry exactly are nobody's.
const OFFSET_MAX: i64 = 1 << 53;

fn offset(offset: i64) -> Result<Offset, Problem> {
    match offset {
        0..=OFFSET_MAX => Ok(Offset(offset)),
        _ => Err(Problem::new(format!("expected an offset from 0 to 2^53, found {offset}"))),
    }
}

fn not_invoked(f: &str) -> Problem {
    Problem::new(format!("no `{f}` of this process and call is open"))
}
