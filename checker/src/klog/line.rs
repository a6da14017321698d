//! A line taken apart: small fields are read at once, those whose meaning depends on `f` are kept as places in the text.

use super::words::unknown_word;
use crate::history::{Generation, Time};
use crate::notation::Problem;
use crate::notation::json::Cursor;
use std::borrow::Cow;

/// The `type` of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Invoke,
    Ok,
    Fail,
    Info,
}

/// All that a line may say.
#[derive(Debug)]
pub(super) struct Line<'l> {
    pub(super) time: Time,
    /// A number or a string, as it is written.
    pub(super) process: &'l str,
    pub(super) kind: Kind,
    pub(super) f: Cow<'l, str>,
    pub(super) more: More<'l>,
}

/// What a line need not say.
#[derive(Debug, Default)]
pub(super) struct More<'l> {
    pub(super) call: Option<u64>,
    pub(super) client: Option<Cow<'l, str>>,
    pub(super) group: Option<Cow<'l, str>>,
    pub(super) by: Option<Cow<'l, str>>,
    pub(super) generation: Option<Generation>,
    definite: Option<bool>,
    pub(super) commit_ok: Option<bool>,
    pub(super) value: Option<Cursor<'l>>,
    pub(super) drained: Option<Cursor<'l>>,
    pub(super) seek: Option<Cursor<'l>>,
    pub(super) producer: Option<Cursor<'l>>,
    pub(super) rebalance: Option<Cursor<'l>>,
    pub(super) positions: Option<Cursor<'l>>,
    pub(super) txn_times: Option<Cursor<'l>>,
    pub(super) bounds: Bounds<'l>,
}

/// What the responses behind a line told of the logs.
#[derive(Debug, Default)]
pub(super) struct Bounds<'l> {
    pub(super) high_watermark: Option<Cursor<'l>>,
    pub(super) last_stable_offset: Option<Cursor<'l>>,
    pub(super) log_start_offset: Option<Cursor<'l>>,
    pub(super) leader_epoch: Option<Cursor<'l>>,
}

/// What a `nemesis` says when all faults are over.
pub(super) const HEALED: &str = "healed";

impl<'l> Line<'l> {
    /// The value, which the line must have.
    pub(super) fn value(&self) -> Result<Cursor<'l>, Problem> {
        self.more.value.ok_or_else(|| Problem::new("expected a field `value`, found none"))
    }

    /// Takes a line apart; `unknown` hears the names of fields that the format does not have. At a `position`, a line
    /// without a time has this one, and one without a process is of process 0.
    pub(super) fn parse(
        text: &'l str,
        position: Option<u64>,
        mut unknown: impl FnMut(&str),
    ) -> Result<Self, Problem> {
        let (mut time, mut process) = (position, position.map(|_| "0"));
        let (mut kind, mut f) = (None, None);
        let mut more = More::default();
        let mut cursor = Cursor::of(text);
        cursor.object("an object", |cursor, name| {
            match name {
                "time" => time = Some(natural(cursor, "a time in nanoseconds, from 0")?),
                "process" => process = Some(process_name(cursor)?),
                "type" => kind = Some(kind_of(cursor)?),
                "f" => f = Some(cursor.string("an operation's name")?),
                _ if more.read(name, cursor)? => {}
                _ => {
                    unknown(name);
                    cursor.skip()?;
                }
            }
            Ok(())
        })?;
        cursor.end()?;
        let missing = |name| Problem::new(format!("expected a field `{name}`, found none"));
        Ok(Line {
            time: Time(time.ok_or_else(|| missing("time"))?),
            process: process.ok_or_else(|| missing("process"))?,
            kind: certain(kind.ok_or_else(|| missing("type"))?, more.definite),
            f: f.ok_or_else(|| missing("f"))?,
            more,
        })
    }
}

impl<'l> More<'l> {
    /// Reads the field `name`. Whether the format has it.
    fn read(&mut self, name: &str, cursor: &mut Cursor<'l>) -> Result<bool, Problem> {
        match name {
            "call" => self.call = optional(cursor, |cursor| natural(cursor, "a call's number"))?,
            "value" => self.value = later(cursor)?,
            "client" => self.client = optional(cursor, |cursor| cursor.string("a client's name"))?,
            "group" => self.group = optional(cursor, |cursor| cursor.string("a group's name"))?,
            "by" => self.by = optional(cursor, |cursor| cursor.string("a way to be positioned"))?,
            "gen" => self.generation = optional(cursor, generation)?,
            "definite" => self.definite = optional(cursor, boolean)?,
            "commit_ok" => self.commit_ok = optional(cursor, boolean)?,
            "drained" => self.drained = later(cursor)?,
            "seek" => self.seek = later(cursor)?,
            "producer" => self.producer = later(cursor)?,
            "rebalance" | "rebalance-log" => self.rebalance = later(cursor)?,
            "pos" => self.positions = later(cursor)?,
            "txn_t" => self.txn_times = later(cursor)?,
            "hw" => self.bounds.high_watermark = later(cursor)?,
            "lso" => self.bounds.last_stable_offset = later(cursor)?,
            "log_start" => self.bounds.log_start_offset = later(cursor)?,
            "leader_epoch" => self.bounds.leader_epoch = later(cursor)?,
            // What these say is in the order of lines, in `type` and in `drained`, or matters to nobody here.
            "index" | "final" | "error" | "node" | "member" | "poll_ms" | "seek_to_beginning"
            | "unseen" => cursor.skip()?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// `definite` has the last word on whether something certainly did not happen.
fn certain(kind: Kind, definite: Option<bool>) -> Kind {
    match (kind, definite) {
        (Kind::Fail, Some(false)) => Kind::Info,
        (Kind::Info, Some(true)) => Kind::Fail,
        (kind, _) => kind,
    }
}

fn process_name<'l>(cursor: &mut Cursor<'l>) -> Result<&'l str, Problem> {
    const WHAT: &str = "a process: a number or a string";
    match cursor.peek() {
        Some(b'"' | b'-' | b'0'..=b'9') => cursor.scalar(WHAT),
        _ => Err(cursor.expected(WHAT)),
    }
}

fn kind_of(cursor: &mut Cursor<'_>) -> Result<Kind, Problem> {
    let at = cursor.place();
    let kind = cursor.string("a type")?;
    match &*kind {
        "invoke" => Ok(Kind::Invoke),
        "ok" => Ok(Kind::Ok),
        "fail" => Ok(Kind::Fail),
        "info" => Ok(Kind::Info),
        other => {
            Err(Problem::here(at, unknown_word("type", other, &["invoke", "ok", "fail", "info"])))
        }
    }
}

/// A number from 0 on.
pub(super) fn natural(cursor: &mut Cursor<'_>, what: &str) -> Result<u64, Problem> {
    let mut before = *cursor;
    u64::try_from(cursor.integer(what)?).map_err(|_| before.expected(what))
}

/// A group's generation.
pub(super) fn generation(cursor: &mut Cursor<'_>) -> Result<Generation, Problem> {
    let mut before = *cursor;
    let what = "a generation from 0 to 2^31 - 1";
    let number = i32::try_from(natural(cursor, what)?);
    number.map(Generation).map_err(|_| before.expected(what))
}

fn boolean(cursor: &mut Cursor<'_>) -> Result<bool, Problem> {
    let mut before = *cursor;
    match cursor.scalar("true or false")? {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(before.expected("true or false")),
    }
}

/// `null` is as good as nothing.
pub(super) fn optional<'l, T>(
    cursor: &mut Cursor<'l>,
    read: impl FnOnce(&mut Cursor<'l>) -> Result<T, Problem>,
) -> Result<Option<T>, Problem> {
    match cursor.peek() {
        Some(b'n') => cursor.skip().map(|()| None),
        _ => read(cursor).map(Some),
    }
}

/// Passes over a value and keeps its place.
pub(super) fn later<'l>(cursor: &mut Cursor<'l>) -> Result<Option<Cursor<'l>>, Problem> {
    let place = *cursor;
    optional(cursor, |cursor| cursor.skip_unread().map(|()| place))
}
