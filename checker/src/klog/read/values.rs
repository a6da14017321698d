//! The parts that values are made of: keys, offsets, records, micro-operations.

use super::super::line::{later, natural, optional};
use super::super::words::unknown_word;
use super::Reader;
use crate::history::{Key, Offset, Value};
use crate::notation::{Cursor, Problem};

/// Buffers reused from line to line.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    pub(super) records: Vec<(Key, Offset, Value)>,
    pub(super) offsets: Vec<(Key, Offset)>,
    gaps: Vec<(u64, Offset)>,
}

/// Offsets beyond what JSON numbers carry exactly are nobody's.
const OFFSET_MAX: i64 = 1 << 53;

/// An offset.
pub(super) fn offset(cursor: &mut impl Cursor) -> Result<Offset, Problem> {
    const WHAT: &str = "an offset from 0 to 2^53";
    let mut before = *cursor;
    match cursor.integer(WHAT)? {
        offset @ 0..=OFFSET_MAX => Ok(Offset(offset)),
        _ => Err(before.expected(WHAT)),
    }
}

impl Reader {
    /// A record's value, or its key: any scalar.
    pub(super) fn scalar(&mut self, cursor: &mut impl Cursor, what: &str) -> Result<u64, Problem> {
        if let Some(number) = cursor.take_natural() {
            return Ok(number);
        }
        let scalar = cursor.scalar(what)?;
        Ok(self.imported.history.scalar(&scalar))
    }

    pub(super) fn value(&mut self, cursor: &mut impl Cursor) -> Result<Value, Problem> {
        self.scalar(cursor, "a value: a number or a string").map(Value)
    }

    pub(super) fn key_name(&mut self, cursor: &mut impl Cursor) -> Result<Key, Problem> {
        // Jepsen's keys are numbers.
        let name = cursor.name("a partition's name")?;
        Ok(self.key(&name))
    }

    pub(super) fn key_list(
        &mut self,
        cursor: &mut impl Cursor,
        keys: &mut Vec<Key>,
    ) -> Result<(), Problem> {
        cursor.array("a list of partitions", |cursor| {
            keys.push(self.key_name(cursor)?);
            Ok(())
        })
    }

    /// `{key: offset}`, each raised by `raise`.
    pub(super) fn offsets(
        &mut self,
        cursor: &mut impl Cursor,
        raise: i64,
    ) -> Result<Vec<(Key, Offset)>, Problem> {
        let mut offsets = std::mem::take(&mut self.scratch.offsets);
        offsets.clear();
        cursor.object("offsets by partition", |cursor, name| {
            let key = self.key(name);
            let offset = optional(cursor, offset)?;
            offsets.push((key, offset.map_or(Offset::NONE, |offset| Offset(offset.0 + raise))));
            Ok(())
        })?;
        Ok(offsets)
    }

    /// `{key: offset}` where every partition has one.
    pub(super) fn known_offsets(
        &mut self,
        cursor: &mut impl Cursor,
        raise: i64,
    ) -> Result<Vec<(Key, Offset)>, Problem> {
        let mut before = *cursor;
        let offsets = self.offsets(cursor, raise)?;
        match offsets.iter().all(|(_, offset)| offset.known().is_some()) {
            true => Ok(offsets),
            false => Err(before.expected("offsets that are no `null`")),
        }
    }

    /// `{key: records}`, each either a list of pairs or in the compact form.
    pub(super) fn records(&mut self, cursor: &mut impl Cursor) -> Result<(), Problem> {
        cursor.object("records by partition", |cursor, name| {
            let key = self.key(name);
            match cursor.is_map() {
                true => self.compact_records(key, cursor),
                false => cursor.array("a list of records", |cursor| self.record(key, cursor)),
            }
        })
    }

    /// `[offset, value]`
    fn record(&mut self, key: Key, cursor: &mut impl Cursor) -> Result<(), Problem> {
        cursor.enter("a record as [offset, value]")?;
        let offset = offset(cursor)?;
        cursor.go_on("a value")?;
        let value = self.value(cursor)?;
        cursor.leave()?;
        self.scratch.records.push((key, offset, value));
        Ok(())
    }

    /// `{"s": first offset, "v": [value, ...], "gaps": [[index, offset], ...]}`: the record at an index of `gaps` has that
    /// offset, every other the one after its predecessor's.
    fn compact_records(&mut self, key: Key, cursor: &mut impl Cursor) -> Result<(), Problem> {
        let mut before = *cursor;
        let (mut next, mut values) = (None, None);
        self.scratch.gaps.clear();
        cursor.object("records", |cursor, name| {
            match name {
                "s" => next = Some(offset(cursor)?),
                "v" => values = later(cursor)?,
                "gaps" => cursor.array("a list of gaps", |cursor| self.gap(cursor))?,
                _ => return Err(cursor.expected("`s`, `v` or `gaps`")),
            }
            Ok(())
        })?;
        let (Some(mut next), Some(mut values)) = (next, values) else {
            return Err(before.expected("records with a first offset `s` and values `v`"));
        };
        let mut gaps = std::mem::take(&mut self.scratch.gaps).into_iter().peekable();
        let mut index = 0;
        values.array("a list of values", |cursor| {
            if let Some((_, offset)) = gaps.next_if(|&(at, _)| at == index) {
                next = offset;
            }
            let value = self.value(cursor)?;
            self.scratch.records.push((key, next, value));
            (next, index) = (next.next(), index + 1);
            Ok(())
        })?;
        match gaps.next() {
            None => Ok(()),
            Some((at, _)) => Err(Problem::new(format!(
                "expected gaps at rising indices below {index}, found one at {at}"
            ))),
        }
    }

    fn gap(&mut self, cursor: &mut impl Cursor) -> Result<(), Problem> {
        cursor.enter("a gap as [index, offset]")?;
        let index = natural(cursor, "an index")?;
        cursor.go_on("an offset")?;
        self.scratch.gaps.push((index, offset(cursor)?));
        cursor.leave()
    }
}

/// The name of a micro-operation, and where it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'n> {
    pub(super) text: &'n str,
    at: usize,
}

impl Name<'_> {
    /// Only one kind of micro-operation may be here.
    pub(super) fn only(self, expected: &str) -> Result<(), Problem> {
        let Name { text, at } = self;
        match text == expected {
            true => Ok(()),
            false => Err(Problem::here(
                at,
                format!("expected a micro-operation `{expected}`, found `{text}`"),
            )),
        }
    }

    /// None of these kinds of micro-operations is here.
    pub(super) fn unknown(self, known: &[&str]) -> Problem {
        Problem::here(self.at, unknown_word("micro-operation", self.text, known))
    }
}

/// Walks micro-operations: `step` gets each one's name and must walk the rest of it, up to its closing bracket.
pub(super) fn parts<C: Cursor>(
    cursor: &mut C,
    mut step: impl FnMut(&mut C, Name<'_>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    cursor.array("a list of micro-operations", |cursor| {
        cursor.enter("a micro-operation like [\"send\", ...]")?;
        let at = cursor.place();
        let name = cursor.string("a micro-operation's name")?;
        step(cursor, Name { text: &name, at })?;
        cursor.leave()
    })
}
