//! Lines of consumers: assignments, positions, polls, commits.

use super::super::line::{Kind, Line};
use super::super::words;
use super::calls::Open;
use super::values::{offset, parts};
use super::{Reader, Who, not_invoked};
use crate::history::{Key, Offset, OpId, PositionedBy, ProcessId, RebalanceKind, Time};
use crate::notation::{Cursor, Problem};

impl Reader {
    pub(super) fn poll_invoked(&mut self, who: Who, line: &Line<impl Cursor>) {
        self.processes[who].calls.begin(line.more.call, Open::Poll(line.time));
    }

    pub(super) fn poll_completed(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
    ) -> Result<Option<OpId>, Problem> {
        self.rebalanced(who, line, None)?;
        let known = &mut self.processes[who];
        let invoked_at = match known.calls.complete(line.more.call) {
            Some(Open::Poll(invoked_at)) => invoked_at,
            _ => line.time,
        };
        match line.more.value {
            Some(value) => self.polled(who, line, invoked_at, value),
            None => Ok(None),
        }
    }

    fn polled(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
        invoked_at: Time,
        mut value: impl Cursor,
    ) -> Result<Option<OpId>, Problem> {
        let (process, mut is_told) = (self.processes[who].id, false);
        self.scratch.records.clear();
        parts(&mut value, |cursor, name| {
            name.only("poll")?;
            if cursor.another() {
                is_told = true;
                self.records(cursor)?;
            }
            Ok(())
        })?;
        if !is_told {
            return Ok(None);
        }
        let records = self.scratch.records.iter().copied();
        let poll = self.imported.history.polled(process, invoked_at, line.time, records);
        if line.kind == Kind::Ok {
            return Ok(Some(poll));
        }
        self.positions_lost(process, line);
        Ok(None)
    }

    /// A poll that failed after it handed out records leaves the consumer nobody knows where.
    fn positions_lost(&mut self, process: ProcessId, line: &Line<impl Cursor>) {
        let mut keys: Vec<Key> = self.scratch.records.iter().map(|&(key, ..)| key).collect();
        keys.dedup();
        if !keys.is_empty() {
            let history = &mut self.imported.history;
            history.rebalanced(process, line.time, RebalanceKind::Unknown, None, keys);
        }
    }

    pub(super) fn drained(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
        mut cursor: impl Cursor,
    ) -> Result<(), Problem> {
        let process = self.processes[who].id;
        cursor.object("ends by partition", |cursor, name| {
            let (key, end) = (self.key(name), offset(cursor)?);
            self.imported.history.drained(process, line.time, key, end);
            Ok(())
        })
    }

    pub(super) fn processed(
        &mut self,
        process: ProcessId,
        line: &Line<impl Cursor>,
    ) -> Result<(), Problem> {
        self.scratch.records.clear();
        self.records(&mut line.value()?)?;
        let records = self.scratch.records.iter().copied();
        self.imported.history.processed(process, line.time, records);
        Ok(())
    }

    pub(super) fn assigned(
        &mut self,
        process: ProcessId,
        line: &Line<impl Cursor>,
    ) -> Result<(), Problem> {
        let mut keys = Vec::new();
        match &*line.f {
            "unsubscribe" => {}
            "subscribe" => self.topic_list(&mut line.value()?, &mut keys)?,
            _ => self.key_list(&mut line.value()?, &mut keys)?,
        }
        let history = &mut self.imported.history;
        match &*line.f {
            "subscribe" => history.subscribed(process, line.time, keys),
            _ => history.assigned(process, line.time, keys),
        }
        match line.more.seek {
            Some(mut seek) => self.sought(process, line, &mut seek, PositionedBy::Seek),
            None => Ok(()),
        }
    }

    /// A list of partitions and of topics, which stand for their partitions.
    fn topic_list(&mut self, cursor: &mut impl Cursor, keys: &mut Vec<Key>) -> Result<(), Problem> {
        cursor.array("a list of topics", |cursor| {
            let name = &*cursor.name("a topic")?;
            let known = (0..).map(Key).zip(self.imported.history.keys());
            let of_topic: Vec<Key> =
                known.filter(|(_, known)| known.topic == name).map(|(key, _)| key).collect();
            match of_topic.is_empty() {
                true => keys.push(self.key(name)),
                false => keys.extend(of_topic),
            }
            Ok(())
        })
    }

    pub(super) fn positioned(
        &mut self,
        process: ProcessId,
        line: &Line<impl Cursor>,
    ) -> Result<(), Problem> {
        let by = match line.more.by {
            Some(mut by) => words::POSITION.read(&mut by)?,
            None => PositionedBy::Seek,
        };
        self.sought(process, line, &mut line.value()?, by)
    }

    fn sought(
        &mut self,
        process: ProcessId,
        line: &Line<impl Cursor>,
        cursor: &mut impl Cursor,
        by: PositionedBy,
    ) -> Result<(), Problem> {
        let offsets = self.known_offsets(cursor, 0)?;
        for &(key, offset) in &offsets {
            self.imported.history.positioned(process, line.time, key, offset, by);
        }
        self.scratch.offsets = offsets;
        Ok(())
    }

    pub(super) fn commit_invoked(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
    ) -> Result<(), Problem> {
        let group = self.group(who, line)?;
        let offsets = self.known_offsets(&mut line.value()?, self.to_next)?;
        let process = &mut self.processes[who];
        let history = &mut self.imported.history;
        let op = history.commit_invoked(process.id, line.time, group, offsets.iter().copied());
        process.calls.begin(line.more.call, Open::Commit(op));
        self.scratch.offsets = offsets;
        Ok(())
    }

    pub(super) fn commit_completed(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
    ) -> Result<(), Problem> {
        let Some(Open::Commit(op)) = self.processes[who].calls.complete(line.more.call) else {
            return Err(not_invoked(line));
        };
        self.commit_ended(op, line, line.kind);
        Ok(())
    }

    fn commit_ended(&mut self, op: OpId, line: &Line<impl Cursor>, kind: Kind) {
        let history = &mut self.imported.history;
        match kind {
            Kind::Ok => history.commit_ok(op, line.time),
            Kind::Fail => history.commit_failed(op, line.time),
            Kind::Info | Kind::Invoke => history.commit_unknown(op, line.time),
        }
    }

    pub(super) fn committed_invoked(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
    ) -> Result<(), Problem> {
        let group = self.group(who, line)?;
        let process = &mut self.processes[who];
        let op = self.imported.history.committed_invoked(process.id, line.time, group);
        process.calls.begin(line.more.call, Open::Committed(op));
        Ok(())
    }

    pub(super) fn committed_completed(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
    ) -> Result<(), Problem> {
        let Some(Open::Committed(op)) = self.processes[who].calls.complete(line.more.call) else {
            return Err(not_invoked(line));
        };
        if line.kind == Kind::Ok {
            let offsets = self.offsets(&mut line.value()?, 0)?;
            let raise = self.to_next;
            let answer = |&(key, offset): &(Key, Offset)| {
                (key, offset.known().map(|offset| Offset(offset.0 + raise)))
            };
            self.imported.history.committed_ok(op, line.time, offsets.iter().map(answer));
            self.scratch.offsets = offsets;
        }
        Ok(())
    }

    /// What the line says beside its operation: bounds of logs, positions, an automatic commit of these.
    pub(super) fn tell_more(
        &mut self,
        who: Who,
        op: OpId,
        line: &Line<impl Cursor>,
    ) -> Result<(), Problem> {
        self.bounds_told(op, line)?;
        let Some(mut positions) = line.more.positions else { return Ok(()) };
        let positions = self.known_offsets(&mut positions, 0)?;
        self.imported.history.positions_told(op, positions.iter().copied());
        if let Some(commit_ok) = line.more.commit_ok {
            let group = self.group(who, line)?;
            let process = self.processes[who].id;
            let history = &mut self.imported.history;
            let offsets = positions.iter().copied();
            let commit = history.commit_invoked(process, line.time, group, offsets);
            self.commit_ended(commit, line, if commit_ok { Kind::Ok } else { Kind::Info });
        }
        self.scratch.offsets = positions;
        Ok(())
    }
}
