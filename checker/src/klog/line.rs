//! A line taken apart, in whatever notation: small fields are read at once, those whose meaning depends on `f` are kept as
//! places.

use super::words::unknown_word;
use crate::history::{Generation, Time};
use crate::notation::{Cursor, Problem};

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
pub(super) struct Line<C: Cursor> {
    pub(super) time: Time,
    process: Option<C::Text>,
    pub(super) kind: Kind,
    pub(super) f: C::Text,
    /// Where `f` is.
    pub(super) f_at: usize,
    pub(super) more: More<C>,
}

/// What a line need not say.
#[derive(Debug)]
pub(super) struct More<C: Cursor> {
    pub(super) call: Option<u64>,
    pub(super) client: Option<C::Text>,
    pub(super) group: Option<C::Text>,
    pub(super) by: Option<C>,
    pub(super) generation: Option<Generation>,
    definite: Option<bool>,
    pub(super) commit_ok: Option<bool>,
    pub(super) value: Option<C>,
    pub(super) drained: Option<C>,
    pub(super) seek: Option<C>,
    pub(super) producer: Option<C>,
    pub(super) rebalance: Option<C>,
    pub(super) positions: Option<C>,
    pub(super) txn_times: Option<C>,
    pub(super) bounds: Bounds<C>,
}

/// What the responses behind a line told of the logs.
#[derive(Debug)]
pub(super) struct Bounds<C> {
    pub(super) high_watermark: Option<C>,
    pub(super) last_stable_offset: Option<C>,
    pub(super) log_start_offset: Option<C>,
    pub(super) leader_epoch: Option<C>,
}

impl<C: Cursor> Default for More<C> {
    fn default() -> Self {
        More {
            call: None,
            client: None,
            group: None,
            by: None,
            generation: None,
            definite: None,
            commit_ok: None,
            value: None,
            drained: None,
            seek: None,
            producer: None,
            rebalance: None,
            positions: None,
            txn_times: None,
            bounds: Bounds::default(),
        }
    }
}

impl<C> Default for Bounds<C> {
    fn default() -> Self {
        Bounds {
            high_watermark: None,
            last_stable_offset: None,
            log_start_offset: None,
            leader_epoch: None,
        }
    }
}

/// What a `nemesis` says when all faults are over.
pub(super) const HEALED: &str = "healed";

/// The process of an operation without one.
const UNNAMED: &str = "\"unnamed\"";

impl<C: Cursor> Line<C> {
    /// A number or a string, as JSON writes it.
    pub(super) fn process(&self) -> &str {
        self.process.as_deref().unwrap_or(UNNAMED)
    }

    /// The value, which the line must have.
    pub(super) fn value(&self) -> Result<C, Problem> {
        self.more.value.ok_or_else(|| Problem::new("expected a field `value`, found none"))
    }

    /// Takes a line apart; `unknown` hears the names of fields that the format does not have. At a `position`, a line
    /// without a time has this one, and all without a process are of one process.
    pub(super) fn parse(
        cursor: &mut C,
        position: Option<u64>,
        mut unknown: impl FnMut(&str),
    ) -> Result<Self, Problem> {
        let (mut time, mut process) = (position, None);
        let (mut kind, mut f, mut f_at) = (None, None, 0);
        let mut more = More::default();
        cursor.object("an object", |cursor, name| {
            match name {
                "time" => time = Some(natural(cursor, "a time in nanoseconds, from 0")?),
                "process" => process = Some(process_name(cursor)?),
                "type" => kind = Some(kind_of(cursor)?),
                "f" => {
                    f_at = cursor.place();
                    f = Some(cursor.string("an operation's name")?);
                }
                _ if more.read(name, cursor)? => {}
                _ => {
                    unknown(name);
                    cursor.skip()?;
                }
            }
            Ok(())
        })?;
        let missing = |name| Problem::new(format!("expected a field `{name}`, found none"));
        Ok(Line {
            time: Time(time.ok_or_else(|| missing("time"))?),
            process: match position {
                Some(_) => process,
                None => Some(process.ok_or_else(|| missing("process"))?),
            },
            kind: certain(kind.ok_or_else(|| missing("type"))?, more.definite),
            f: f.ok_or_else(|| missing("f"))?,
            f_at,
            more,
        })
    }
}

impl<C: Cursor> More<C> {
    /// Reads the field `name`. Whether the format has it.
    fn read(&mut self, name: &str, cursor: &mut C) -> Result<bool, Problem> {
        match name {
            "call" => self.call = optional(cursor, |cursor| natural(cursor, "a call's number"))?,
            "value" => self.value = later(cursor)?,
            "client" => self.client = optional(cursor, |cursor| cursor.string("a client's name"))?,
            "group" => self.group = optional(cursor, |cursor| cursor.string("a group's name"))?,
            "by" => self.by = later(cursor)?,
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

fn process_name<C: Cursor>(cursor: &mut C) -> Result<C::Text, Problem> {
    const WHAT: &str = "a process: a number or a string";
    let mut before = *cursor;
    let process = cursor.scalar(WHAT)?;
    match process.as_bytes() {
        [b'"' | b'-' | b'0'..=b'9', ..] => Ok(process),
        _ => Err(before.expected(WHAT)),
    }
}

fn kind_of(cursor: &mut impl Cursor) -> Result<Kind, Problem> {
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
pub(super) fn natural(cursor: &mut impl Cursor, what: &str) -> Result<u64, Problem> {
    let mut before = *cursor;
    u64::try_from(cursor.integer(what)?).map_err(|_| before.expected(what))
}

/// A group's generation.
pub(super) fn generation(cursor: &mut impl Cursor) -> Result<Generation, Problem> {
    let mut before = *cursor;
    let what = "a generation from 0 to 2^31 - 1";
    let number = i32::try_from(natural(cursor, what)?);
    number.map(Generation).map_err(|_| before.expected(what))
}

pub(super) fn boolean(cursor: &mut impl Cursor) -> Result<bool, Problem> {
    let mut before = *cursor;
    match &*cursor.scalar("true or false")? {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(before.expected("true or false")),
    }
}

/// `null` is as good as nothing.
pub(super) fn optional<C: Cursor, T>(
    cursor: &mut C,
    read: impl FnOnce(&mut C) -> Result<T, Problem>,
) -> Result<Option<T>, Problem> {
    match cursor.is_null() {
        true => cursor.skip().map(|()| None),
        false => read(cursor).map(Some),
    }
}

/// Passes over a value and keeps its place.
pub(super) fn later<C: Cursor>(cursor: &mut C) -> Result<Option<C>, Problem> {
    let place = *cursor;
    optional(cursor, |cursor| cursor.skip_unread().map(|()| place))
}
