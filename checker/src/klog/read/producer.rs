//! Lines of producers: sends, transactions, identities.

use super::super::doubt::Doubt;
use super::super::line::{Kind, Line, boolean, natural, optional};
use super::calls::{Open, Ops};
use super::values::{offset, parts};
use super::{Reader, Who, not_invoked};
use crate::history::{Key, MessageKey, Offset, OpId, Producer, Time, Value, What};
use crate::notation::{Cursor, Problem};

/// A send as a completion tells it.
struct Sent {
    /// Whether its value comes with an offset, be it `null`.
    is_acked: bool,
    offset: Option<Offset>,
    value: Value,
    detail: Detail,
}

/// The optional last part of a send.
#[derive(Default)]
struct Detail {
    message_key: Option<MessageKey>,
    sequence: Option<i32>,
    is_tombstone: bool,
    /// What the record was made from.
    inputs: Vec<(Key, Offset)>,
}

impl Reader {
    pub(super) fn send_invoked(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
    ) -> Result<(), Problem> {
        let mut cursor = line.value()?;
        let mut ops = Ops { first: self.next_op(), len: 0 };
        parts(&mut cursor, |cursor, name| {
            name.only("send")?;
            ops.len += 1;
            self.send(who, line.time, cursor)
        })?;
        self.processes[who].calls.begin(line.more.call, Open::Sends(ops));
        Ok(())
    }

    fn next_op(&self) -> OpId {
        OpId(u32::try_from(self.imported.history.len()).expect("events have 32-bit ids"))
    }

    /// `, key, value` and perhaps `, details`
    fn send(&mut self, who: Who, time: Time, cursor: &mut impl Cursor) -> Result<(), Problem> {
        let (key, sent) = self.sent(cursor)?;
        let process = self.processes[who].id;
        self.imported.history.send_invoked(process, time, key, sent.value);
        self.tell_detail(&sent.detail);
        Ok(())
    }

    /// `, key, value` or `, key, [offset, value]`, and perhaps `, details`
    fn sent(&mut self, cursor: &mut impl Cursor) -> Result<(Key, Sent), Problem> {
        cursor.go_on("a partition")?;
        let key = self.key_name(cursor)?;
        cursor.go_on("a value")?;
        let is_acked = cursor.is_list();
        let (mut acked, mut detail) = (None, Detail::default());
        if is_acked {
            cursor.enter("[offset, value]")?;
            acked = optional(cursor, offset)?;
            cursor.go_on("a value")?;
        }
        let value = self.value(cursor)?;
        if is_acked {
            cursor.leave()?;
        }
        if cursor.another() {
            detail = self.detail(cursor)?;
        }
        Ok((key, Sent { is_acked, offset: acked, value, detail }))
    }

    fn detail(&mut self, cursor: &mut impl Cursor) -> Result<Detail, Problem> {
        let mut detail = Detail::default();
        cursor.object("details of a send", |cursor, name| {
            match name {
                "key" => {
                    let key = optional(cursor, |cursor| self.scalar(cursor, "a record's key"))?;
                    detail.message_key = key.map(MessageKey);
                }
                "seq" => detail.sequence = optional(cursor, sequence)?,
                "tombstone" => detail.is_tombstone = boolean(cursor)?,
                "in" => cursor.array("a list of records as [partition, offset]", |cursor| {
                    detail.inputs.push(self.place(cursor)?);
                    Ok(())
                })?,
                _ => cursor.skip()?,
            }
            Ok(())
        })?;
        Ok(detail)
    }

    /// `[key, offset]`
    fn place(&mut self, cursor: &mut impl Cursor) -> Result<(Key, Offset), Problem> {
        cursor.enter("a record as [partition, offset]")?;
        let key = self.key_name(cursor)?;
        cursor.go_on("an offset")?;
        let offset = offset(cursor)?;
        cursor.leave()?;
        Ok((key, offset))
    }

    fn tell_detail(&mut self, detail: &Detail) {
        if detail.message_key.is_some() || detail.sequence.is_some() {
            self.imported.history.send_told(detail.message_key, detail.sequence);
        }
        if detail.is_tombstone {
            self.imported.history.send_is_tombstone();
        }
        if !detail.inputs.is_empty() {
            self.imported.history.send_made_from(detail.inputs.iter().copied());
        }
    }

    pub(super) fn send_completed(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
    ) -> Result<OpId, Problem> {
        let Some(Open::Sends(ops)) = self.processes[who].calls.complete(line.more.call) else {
            return Err(not_invoked(line));
        };
        let history = &mut self.imported.history;
        match line.kind {
            Kind::Ok => self.sends_acked(ops, line)?,
            Kind::Fail => ops.iter().for_each(|op| history.send_failed(op, line.time)),
            Kind::Info | Kind::Invoke => {
                ops.iter().for_each(|op| history.send_unknown(op, line.time))
            }
        }
        Ok(OpId(ops.first.0 + ops.len.saturating_sub(1)))
    }

    fn sends_acked(&mut self, ops: Ops, line: &Line<impl Cursor>) -> Result<(), Problem> {
        let mut waiting = ops.iter();
        parts(&mut line.value()?, |cursor, name| {
            name.only("send")?;
            let (_, sent) = self.sent(cursor)?;
            self.acked(&mut waiting, line, &sent)
        })?;
        self.all_completed(waiting)
    }

    /// The next of the sends that wait is acknowledged.
    fn acked(
        &mut self,
        waiting: &mut impl Iterator<Item = OpId>,
        line: &Line<impl Cursor>,
        sent: &Sent,
    ) -> Result<(), Problem> {
        let Some(op) = waiting.next() else {
            return Err(Problem::new("expected as many sends as were invoked, found more"));
        };
        let history = &mut self.imported.history;
        let is_same = matches!(history.event(op).what, What::SendInvoked { value, .. } if value == sent.value);
        if !is_same {
            *self.imported.doubts.entry(Doubt::OtherValue).or_default() += 1;
        }
        if sent.is_acked || line.kind == Kind::Ok {
            self.imported.history.send_ok(op, line.time, sent.offset);
            self.tell_detail(&sent.detail);
        }
        Ok(())
    }

    fn all_completed(&self, mut waiting: impl Iterator<Item = OpId>) -> Result<(), Problem> {
        match waiting.next() {
            None => Ok(()),
            Some(_) => Err(Problem::new("expected as many sends as were invoked, found fewer")),
        }
    }

    pub(super) fn txn_begun(&mut self, who: Who, line: &Line<impl Cursor>) -> Result<(), Problem> {
        let process = self.processes[who].id;
        let txn = self.imported.history.txn_begun(process, line.time);
        let mut sends = Ops { first: self.next_op(), len: 0 };
        if let Some(mut cursor) = line.more.value {
            parts(&mut cursor, |cursor, name| match name.text {
                "send" => {
                    sends.len += 1;
                    self.send(who, line.time, cursor)
                }
                // What else it will do is known when it has done it.
                _ => rest_of_part(cursor),
            })?;
        }
        let known = &mut self.processes[who];
        known.txn = Some(txn);
        known.calls.begin(line.more.call, Open::Txn(txn, sends));
        Ok(())
    }

    pub(super) fn txn_decided(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
    ) -> Result<OpId, Problem> {
        let known = &mut self.processes[who];
        let Some(Open::Txn(txn, sends)) = known.calls.complete_txn(line.more.call) else {
            return Err(not_invoked(line));
        };
        known.txn.take_if(|open| *open == txn);
        match line.more.value {
            Some(value) => self.txn_parts(who, line, txn, sends, value)?,
            None => self.rebalanced(who, line, None)?,
        }
        let commit_invoked_at = commit_invoked_at(line)?;
        let history = &mut self.imported.history;
        match line.kind {
            Kind::Ok => history.txn_committed(txn, line.time, commit_invoked_at),
            Kind::Fail => history.txn_aborted(txn, line.time),
            Kind::Info | Kind::Invoke => history.txn_unknown(txn, line.time, commit_invoked_at),
        }
        Ok(txn)
    }

    fn txn_parts(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
        txn: OpId,
        sends: Ops,
        mut value: impl Cursor,
    ) -> Result<(), Problem> {
        let (mut waiting, mut part) = (sends.iter(), 0);
        let began = self.imported.history.event(txn).time;
        parts(&mut value, |cursor, name| {
            self.rebalanced(who, line, Some(part))?;
            part += 1;
            match name.text {
                "send" => {
                    let (_, sent) = self.sent(cursor)?;
                    self.acked(&mut waiting, line, &sent)
                }
                "poll" => self.poll_part(who, began, line, cursor),
                "send_offsets" => self.offsets_part(txn, line, cursor),
                _ => Err(name.unknown(&["send", "poll", "send_offsets"])),
            }
        })
    }

    fn poll_part(
        &mut self,
        who: Who,
        invoked_at: Time,
        line: &Line<impl Cursor>,
        cursor: &mut impl Cursor,
    ) -> Result<(), Problem> {
        self.scratch.records.clear();
        if cursor.another() {
            self.records(cursor)?;
            let process = self.processes[who].id;
            let records = self.scratch.records.iter().copied();
            self.imported.history.polled(process, invoked_at, line.time, records);
        }
        Ok(())
    }

    /// `, group, {key: offset}`
    fn offsets_part(
        &mut self,
        txn: OpId,
        line: &Line<impl Cursor>,
        cursor: &mut impl Cursor,
    ) -> Result<(), Problem> {
        cursor.go_on("a group")?;
        let group = cursor.string("a group's name")?;
        let group = self.imported.history.group(&group);
        cursor.go_on("offsets")?;
        let offsets = self.known_offsets(cursor, self.to_next)?;
        self.imported.history.txn_offsets(txn, line.time, group, offsets.iter().copied());
        self.scratch.offsets = offsets;
        Ok(())
    }

    pub(super) fn offsets_sent(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
    ) -> Result<(), Problem> {
        let group = self.group(who, line)?;
        let Some(txn) = self.processes[who].txn else {
            return Err(Problem::new("expected an open `txn` of this process, found none"));
        };
        let offsets = self.known_offsets(&mut line.value()?, self.to_next)?;
        self.imported.history.txn_offsets(txn, line.time, group, offsets.iter().copied());
        self.scratch.offsets = offsets;
        Ok(())
    }

    pub(super) fn init_invoked(&mut self, who: Who, line: &Line<impl Cursor>) {
        self.processes[who].calls.begin(line.more.call, Open::Init(line.time));
    }

    pub(super) fn initialized(
        &mut self,
        who: Who,
        line: &Line<impl Cursor>,
    ) -> Result<(), Problem> {
        let Some(mut cursor) = line.more.producer else {
            return Err(Problem::new("expected a field `producer`, found none"));
        };
        let mut producer = self.producer(&mut cursor)?;
        if let Some(Open::Init(invoked_at)) = self.processes[who].calls.complete(line.more.call) {
            producer.invoked_at = invoked_at;
        }
        self.is_producer(who, line, producer);
        Ok(())
    }

    /// `{"pid": 1, "epoch": 0, "txid": "app"}`
    pub(super) fn producer(&mut self, cursor: &mut impl Cursor) -> Result<Producer, Problem> {
        let mut producer =
            Producer { invoked_at: Time::NONE, id: -1, transactional_id: None, epoch: -1 };
        cursor.object("a producer", |cursor, name| {
            match name {
                "pid" => producer.id = cursor.integer("a producer's id")?,
                "epoch" => producer.epoch = epoch(cursor)?,
                "txid" => {
                    let name = optional(cursor, |cursor| cursor.string("a transactional id"))?;
                    let history = &mut self.imported.history;
                    producer.transactional_id = name.map(|name| history.transactional_id(&name));
                }
                _ => cursor.skip()?,
            }
            Ok(())
        })?;
        Ok(producer)
    }
}

/// A producer's epoch, or -1.
pub(super) fn epoch(cursor: &mut impl Cursor) -> Result<i16, Problem> {
    let mut before = *cursor;
    let what = "a producer's epoch, from -1 to 2^15 - 1";
    let epoch = i16::try_from(cursor.integer(what)?).ok().filter(|&epoch| epoch >= -1);
    epoch.ok_or_else(|| before.expected(what))
}

fn sequence(cursor: &mut impl Cursor) -> Result<i32, Problem> {
    let mut before = *cursor;
    let what = "a sequence number from 0 to 2^31 - 1";
    i32::try_from(natural(cursor, what)?).map_err(|_| before.expected(what))
}

fn rest_of_part(cursor: &mut impl Cursor) -> Result<(), Problem> {
    while cursor.another() {
        cursor.skip()?;
    }
    Ok(())
}

/// When the commit of a transaction was asked for, if the line tells.
fn commit_invoked_at(line: &Line<impl Cursor>) -> Result<Option<Time>, Problem> {
    let mut time = None;
    if let Some(mut times) = line.more.txn_times {
        times.object("times of a transaction", |cursor, name| {
            match name {
                "commit_inv" => {
                    time = optional(cursor, |cursor| natural(cursor, "a time in nanoseconds"))?;
                }
                _ => cursor.skip()?,
            }
            Ok(())
        })?;
    }
    Ok(time.map(Time))
}
