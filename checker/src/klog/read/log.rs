//! Lines about the logs themselves: their bounds and their whole content.

use super::super::line::{Kind, Line, natural, optional};
use super::super::words;
use super::calls::{Open, Ops};
use super::producer::epoch;
use super::values::offset;
use super::{Reader, Who, not_invoked};
use crate::history::{
    Key, KeyBounds, LeaderEpoch, LogBound, LogEntry, LogEntryKind, Offset, OpId, ProcessId, Time,
    Value, What,
};
use crate::notation::{Cursor, Problem};

/// What was asked or answered of a log's bounds.
struct Listed {
    key: Key,
    of: LogBound,
    offset: Option<Offset>,
}

/// What a line told of the logs, by partition.
type Told = Vec<KeyBounds>;

impl Reader {
    pub(super) fn list_offsets_invoked(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
    ) -> Result<(), Problem> {
        let asked = match line.more.value {
            Some(mut value) => self.listed(&mut value)?,
            None => Vec::new(),
        };
        let ops = self.ask(who, line.time, &asked);
        self.processes[who].calls.begin(line.more.call, Open::ListOffsets(line.time, ops));
        Ok(())
    }

    /// One question for each bound that is asked for.
    fn ask(&mut self, who: Who, time: Time, asked: &[Listed]) -> Ops {
        let history = &mut self.imported.history;
        let first = OpId(u32::try_from(history.len()).expect("events have 32-bit ids"));
        let mut len = 0;
        for bound in [LogBound::Earliest, LogBound::Latest, LogBound::LastStable] {
            let keys = asked.iter().filter(|listed| listed.of == bound).map(|listed| listed.key);
            if keys.clone().next().is_some() {
                history.list_offsets_invoked(self.processes[who].id, time, bound, keys);
                len += 1;
            }
        }
        Ops { first, len }
    }

    pub(super) fn list_offsets_completed(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
    ) -> Result<Option<OpId>, Problem> {
        let call = self.processes[who].calls.complete(line.more.call);
        let Some(Open::ListOffsets(time, mut ops)) = call else {
            return Err(not_invoked(line));
        };
        if line.kind != Kind::Ok {
            return Ok(None);
        }
        let listed = self.listed(&mut line.value()?)?;
        if ops.len == 0 {
            ops = self.ask(who, time, &listed);
        }
        let history = &mut self.imported.history;
        for op in ops.iter() {
            let What::ListOffsetsInvoked { of, .. } = history.event(op).what else { continue };
            let answers = listed.iter().filter(|listed| listed.of == of);
            let offsets = answers.filter_map(|listed| Some((listed.key, listed.offset?)));
            history.list_offsets_ok(op, line.time, offsets);
        }
        Ok(ops.iter().last())
    }

    /// `{key: {"o": offset, "which": "latest"}}`, a plain offset, or a list of keys; it is the log's end that is meant,
    /// unless told otherwise.
    fn listed(&mut self, cursor: &mut impl Cursor) -> Result<Vec<Listed>, Problem> {
        let mut listed = Vec::new();
        if cursor.is_list() {
            let mut keys = Vec::new();
            self.key_list(cursor, &mut keys)?;
            let latest = |key| Listed { key, of: LogBound::Latest, offset: None };
            return Ok(keys.into_iter().map(latest).collect());
        }
        cursor.object("bounds by partition", |cursor, name| {
            let mut bound = Listed { key: self.key(name), of: LogBound::Latest, offset: None };
            match cursor.is_map() {
                true => cursor.object("a bound", |cursor, name| {
                    match name {
                        "o" => bound.offset = optional(cursor, offset)?,
                        "which" => bound.of = words::BOUND.read(cursor)?,
                        _ => cursor.skip()?,
                    }
                    Ok(())
                })?,
                false => bound.offset = optional(cursor, offset)?,
            }
            listed.push(bound);
            Ok(())
        })?;
        Ok(listed)
    }

    pub(super) fn bounds_told(
        &mut self,
        op: OpId,
        line: &Line<impl Cursor>,
    ) -> Result<(), Problem> {
        let bounds = &line.more.bounds;
        let mut told = Told::new();
        self.bound(bounds.high_watermark, &mut told, |told, end| told.high_watermark = end)?;
        self.bound(bounds.last_stable_offset, &mut told, |told, end| {
            told.last_stable_offset = end;
        })?;
        self.bound(bounds.log_start_offset, &mut told, |told, start| {
            told.log_start_offset = start;
        })?;
        self.leader_epochs(bounds.leader_epoch, &mut told)?;
        if !told.is_empty() {
            self.imported.history.bounds_told(op, told);
        }
        Ok(())
    }

    fn bound(
        &mut self,
        bounds: Option<impl Cursor>,
        told: &mut Told,
        set: impl Fn(&mut KeyBounds, Offset),
    ) -> Result<(), Problem> {
        let Some(mut bounds) = bounds else { return Ok(()) };
        let offsets = self.offsets(&mut bounds, 0)?;
        offsets.iter().for_each(|&(key, offset)| set(of_key(told, key), offset));
        self.scratch.offsets = offsets;
        Ok(())
    }

    fn leader_epochs(
        &mut self,
        epochs: Option<impl Cursor>,
        told: &mut Told,
    ) -> Result<(), Problem> {
        let Some(mut epochs) = epochs else { return Ok(()) };
        epochs.object("leader epochs by partition", |cursor, name| {
            let key = self.key(name);
            if let Some(epoch) = optional(cursor, leader_epoch)? {
                of_key(told, key).leader_epoch = epoch;
            }
            Ok(())
        })
    }

    pub(super) fn log_dumped(
        &mut self,
        process: ProcessId,
        line: &Line<impl Cursor>,
    ) -> Result<(), Problem> {
        line.value()?.object("logs by partition", |cursor, name| {
            let key = self.key(name);
            let (mut records, mut notes) = (Vec::new(), Vec::new());
            cursor.array("a list of log entries", |cursor| {
                let entry = self.log_entry(cursor)?;
                if entry.kind == LogEntryKind::Data {
                    let value = entry.value.unwrap_or_else(|| self.null());
                    records.push((entry.offset, value));
                }
                if entry.kind != LogEntryKind::Data || entry.producer_id >= 0 {
                    notes.push(entry);
                }
                Ok(())
            })?;
            self.imported.history.log_dumped(process, line.time, key, records);
            if !notes.is_empty() {
                self.imported.history.log_annotated(notes);
            }
            Ok(())
        })
    }

    fn null(&mut self) -> Value {
        Value(self.imported.history.scalar("null"))
    }

    /// `[offset, value or null, kind, producer id, producer epoch]`, of which the last three may be missing.
    fn log_entry(&mut self, cursor: &mut impl Cursor) -> Result<LogEntry, Problem> {
        cursor.enter("a log entry as [offset, value, ...]")?;
        let offset = offset(cursor)?;
        cursor.go_on("a value")?;
        let value = optional(cursor, |cursor| self.value(cursor))?;
        let mut entry = LogEntry {
            offset,
            value,
            producer_id: -1,
            producer_epoch: -1,
            kind: LogEntryKind::Data,
        };
        if cursor.another() {
            entry.kind = words::ENTRY.read(cursor)?;
        }
        if cursor.another() {
            entry.producer_id = cursor.integer("a producer's id")?;
        }
        if cursor.another() {
            entry.producer_epoch = epoch(cursor)?;
        }
        cursor.leave()?;
        Ok(entry)
    }
}

fn of_key(told: &mut Told, key: Key) -> &mut KeyBounds {
    let place = told.iter().position(|bounds| bounds.key == key).unwrap_or_else(|| {
        told.push(KeyBounds::of(key));
        told.len() - 1
    });
    &mut told[place]
}

fn leader_epoch(cursor: &mut impl Cursor) -> Result<LeaderEpoch, Problem> {
    let mut before = *cursor;
    let what = "a leader epoch from 0 to 2^31 - 1";
    let epoch = i32::try_from(natural(cursor, what)?);
    epoch.map(LeaderEpoch).map_err(|_| before.expected(what))
}
