//! One operation, or one half of it: invocation or completion.

use super::Names;
use crate::notation::{Form, edn};

/// A partition, by its number in [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(pub u32);

/// A process, by its number in [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process(pub u32);

/// A value of a partition, by its number in [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Value(pub u32);

/// `:type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It begins.
    Invoke,
    /// It happened.
    Ok,
    /// It certainly did not happen.
    Fail,
    /// It may have happened.
    Info,
}

/// `:f`, as far as it matters to a judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Records are sent.
    Send,
    /// Records are polled.
    Poll,
    /// Both, in a transaction.
    Txn,
    /// Partitions are assigned to a consumer.
    Assign,
    /// A consumer subscribes to partitions' topics.
    Subscribe,
    /// The process ends.
    Crash,
    /// Something else.
    Other,
}

/// One event of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// Its number, or its place in the history if it has none.
    pub index: i64,
    /// In nanoseconds, if it is known.
    pub time: Option<i64>,
    /// Who does it, if that is known.
    pub process: Option<Process>,
    /// Whether it begins or how it ended.
    pub kind: Kind,
    /// What it does.
    pub f: Function,
    /// The value of a send, a poll or a transaction.
    pub micro_ops: Vec<MicroOp>,
    /// The value of an assignment or a subscription.
    pub keys: Vec<Key>,
    /// Partitions of which a rebalance gave or took some while the operation ran.
    pub rebalanced: Vec<Key>,
    /// The error, as EDN.
    pub error: Option<String>,
}

/// A step of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MicroOp {
    /// A record is sent.
    Send {
        /// Where to.
        key: Key,
        /// Its offset, if it is known, and what it carries.
        record: Record,
    },
    /// Records are polled: by partition, in the order handed out. Nothing in an invocation.
    Poll(Vec<(Key, Vec<Record>)>),
}

/// A record and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The offset, if it is known.
    pub offset: Option<i64>,
    /// What the record carries.
    pub value: Value,
}

impl Op {
    /// The operation that a map says, in EDN or in `klog/1`; `None` if it is none of a client's. Its index, if it has
    /// none, is `place`.
    ///
    /// # Errors
    /// What was expected of the map and is not so.
    pub(super) fn read(
        form: Form<'_>,
        place: i64,
        names: &mut Names,
    ) -> Result<Option<Op>, String> {
        let form = form.untagged();
        let Some(fields) = form.entries() else {
            return Err("expected a map that is an operation".to_owned());
        };
        let field = |name| form.get(name).filter(|field| !field.is_null());
        let (kind, f) = (kind_of(field("type"))?, function_of(field("f"))?);
        if field("process").and_then(Form::text) == Some("nemesis") {
            return Ok(None);
        }
        let mut op = Op {
            index: field("index").and_then(Form::int).unwrap_or(place),
            time: field("time").and_then(Form::int),
            process: field("process").map(|process| names.process(&text(process))),
            kind,
            f,
            micro_ops: Vec::new(),
            keys: Vec::new(),
            rebalanced: Vec::new(),
            error: field("error").map(text),
        };
        for (name, value) in fields {
            match name.text() {
                Some("value") => op.read_value(value, names)?,
                Some("rebalance" | "rebalance-log") => op.read_rebalances(value, names),
                _ => {}
            }
        }
        Ok(Some(op))
    }

    fn read_value(&mut self, value: Form<'_>, names: &mut Names) -> Result<(), String> {
        match self.f {
            Function::Send | Function::Poll | Function::Txn => {
                for part in value.parts() {
                    self.micro_ops.extend(MicroOp::read(part, names)?);
                }
            }
            Function::Assign | Function::Subscribe => {
                self.keys.extend(value.parts().map(|key| names.key(&text(key))));
            }
            Function::Crash | Function::Other => {}
        }
        Ok(())
    }

    /// Both Jepsen's `[{:keys [...]}]` and the same with more fields.
    fn read_rebalances(&mut self, log: Form<'_>, names: &mut Names) {
        let keys = log.parts().filter_map(|rebalance| rebalance.get("keys")).flat_map(Form::parts);
        self.rebalanced.extend(keys.map(|key| names.key(&text(key))));
    }
}

impl MicroOp {
    fn read(form: Form<'_>, names: &mut Names) -> Result<Option<MicroOp>, String> {
        let expected =
            || "expected [:send key value] or [:poll records] as an operation's value".to_owned();
        let mut parts = form.list().ok_or_else(expected)?;
        match parts.next().and_then(Form::text).ok_or_else(expected)? {
            "send" => {
                let (key, value) =
                    (parts.next().ok_or_else(expected)?, parts.next().ok_or_else(expected)?);
                let key = names.key(&text(key));
                Ok(Some(MicroOp::Send { key, record: Record::read(key, value, names) }))
            }
            "poll" => Ok(Some(MicroOp::Poll(records_by_key(parts.next(), names)?))),
            _ => Ok(None),
        }
    }
}

impl Record {
    /// `[offset value]` or just `value`.
    fn read(key: Key, form: Form<'_>, names: &mut Names) -> Record {
        match form.list() {
            Some(mut pair) => {
                let offset = pair.next().and_then(Form::int);
                let value = pair.next().map_or_else(|| "nil".to_owned(), text);
                Record { offset, value: names.value(key, &value) }
            }
            None => Record { offset: None, value: names.value(key, &text(form)) },
        }
    }
}

fn records_by_key(
    form: Option<Form<'_>>,
    names: &mut Names,
) -> Result<Vec<(Key, Vec<Record>)>, String> {
    let Some(form) = form.filter(|form| !form.is_null()) else { return Ok(Vec::new()) };
    let expected =
        || "expected a map of partitions to [offset value] pairs as what was polled".to_owned();
    let mut by_key = Vec::new();
    for (key, records) in form.entries().ok_or_else(expected)? {
        let key = names.key(&text(key));
        let records = records.list().ok_or_else(expected)?;
        by_key.push((key, records.map(|record| Record::read(key, record, names)).collect()));
    }
    Ok(by_key)
}

fn text(form: Form<'_>) -> String {
    let mut text = String::new();
    edn::write(form, &mut text);
    text
}

fn kind_of(field: Option<Form<'_>>) -> Result<Kind, String> {
    match field.and_then(Form::text) {
        Some("invoke") => Ok(Kind::Invoke),
        Some("ok") => Ok(Kind::Ok),
        Some("fail") => Ok(Kind::Fail),
        Some("info") => Ok(Kind::Info),
        _ => Err("expected `:type` to be `:invoke`, `:ok`, `:fail` or `:info`".to_owned()),
    }
}

fn function_of(field: Option<Form<'_>>) -> Result<Function, String> {
    match field.and_then(Form::text) {
        Some("send") => Ok(Function::Send),
        Some("poll") => Ok(Function::Poll),
        Some("txn") => Ok(Function::Txn),
        Some("assign") => Ok(Function::Assign),
        Some("subscribe") => Ok(Function::Subscribe),
        Some("crash") => Ok(Function::Crash),
        Some(_) => Ok(Function::Other),
        None => Err("expected `:f` to name what the operation does".to_owned()),
    }
}
