//! How the operations of the models are written in files; the module's page has the table.

use super::atom::Atom;
use super::model::Model;
use super::models::append_log::{self, AppendLog};
use super::models::key_value::{self, KeyValue};
use super::models::multi_register::{Access, MultiRegister};
use super::models::queue::{self, Queue};
use super::models::register::{self, Register};
use crate::notation::Form;

/// What was expected where something else is.
pub(super) type Expected = &'static str;

/// A model whose operations can be read.
pub(super) trait Readable: Model + Default {
    /// The operations that there are.
    const OPERATIONS: Expected;

    /// What an invocation asks for; `None` if there is no operation `f`.
    fn input(f: &str, value: Form<'_>) -> Option<Result<Self::Input, Expected>>;

    /// What a completion of `f` tells.
    fn output(f: &str, value: Form<'_>) -> Result<Self::Output, Expected>;
}

impl Readable for Register<Atom> {
    const OPERATIONS: Expected = "`read`, `write` or `cas`";

    fn input(f: &str, value: Form<'_>) -> Option<Result<Self::Input, Expected>> {
        use register::Input;
        Some(match f {
            "read" => Ok(Input::Read),
            "write" => atom(value).map(Input::Write),
            "cas" => match list(value)[..] {
                [expected, new] => atom(expected)
                    .and_then(|expected| Ok(Input::CompareAndSet(expected, atom(new)?))),
                _ => Err("a pair of the old and the new value"),
            },
            _ => return None,
        })
    }

    fn output(f: &str, value: Form<'_>) -> Result<Self::Output, Expected> {
        use register::Output;
        match f {
            "read" => atom_or_null(value).map(Output::Value),
            "cas" if list(value).get(2).and_then(|set| set.bool()) == Some(false) => {
                Ok(Output::Refused)
            }
            _ => Ok(Output::Done),
        }
    }
}

impl Readable for MultiRegister<Atom, Atom> {
    const OPERATIONS: Expected = "`txn`";

    fn input(f: &str, value: Form<'_>) -> Option<Result<Self::Input, Expected>> {
        (f == "txn").then(|| {
            let accesses = value.list().ok_or(ACCESSES)?.map(access);
            accesses.map(|access| access.map(|(access, _)| access)).collect()
        })
    }

    fn output(_f: &str, value: Form<'_>) -> Result<Self::Output, Expected> {
        let mut reads = Vec::new();
        for form in value.list().ok_or(ACCESSES)? {
            if let (Access::Read(_), found) = access(form)? {
                reads.push(found);
            }
        }
        Ok(reads)
    }
}

const ACCESSES: Expected = "a list of accesses like [\"r\", key, null] and [\"w\", key, value]";

/// An access, and the value that stands there.
fn access(form: Form<'_>) -> Result<(Access<Atom, Atom>, Option<Atom>), Expected> {
    let [kind, key, value] = list(form)[..] else { return Err(ACCESSES) };
    let (key, value) = (atom(key)?, atom_or_null(value)?);
    match (kind.text(), &value) {
        (Some("r"), _) => Ok((Access::Read(key), value)),
        (Some("w"), Some(written)) => Ok((Access::Write(key, written.clone()), value)),
        _ => Err(ACCESSES),
    }
}

impl Readable for KeyValue<Atom, Atom> {
    const OPERATIONS: Expected = "`get`, `put` or `append`";

    fn input(f: &str, value: Form<'_>) -> Option<Result<Self::Input, Expected>> {
        use key_value::Input;
        let input: fn(Atom, Atom) -> Input<Atom, Atom> = match f {
            "get" => return Some(pair(value).and_then(|(key, _)| Ok(Input::Get(atom(key)?)))),
            "put" => Input::Put,
            "append" => Input::Append,
            _ => return None,
        };
        Some(pair(value).and_then(|(key, value)| Ok(input(atom(key)?, atom(value)?))))
    }

    fn output(f: &str, value: Form<'_>) -> Result<Self::Output, Expected> {
        use key_value::Output;
        match f {
            "get" => pair(value).and_then(|(_, values)| atoms(values)).map(Output::Values),
            _ => Ok(Output::Done),
        }
    }
}

impl Readable for Queue<Atom> {
    const OPERATIONS: Expected = "`enqueue` or `dequeue`";

    fn input(f: &str, value: Form<'_>) -> Option<Result<Self::Input, Expected>> {
        match f {
            "enqueue" => Some(atom(value).map(queue::Input::Enqueue)),
            "dequeue" => Some(Ok(queue::Input::Dequeue)),
            _ => None,
        }
    }

    fn output(f: &str, value: Form<'_>) -> Result<Self::Output, Expected> {
        match f {
            "dequeue" => atom_or_null(value).map(queue::Output::Taken),
            _ => Ok(queue::Output::Done),
        }
    }
}

impl Readable for AppendLog<Atom> {
    const OPERATIONS: Expected = "`append`, `fetch` or `read`";

    fn input(f: &str, value: Form<'_>) -> Option<Result<Self::Input, Expected>> {
        use append_log::Input;
        match f {
            "append" => Some(atom(value).map(Input::Append)),
            "fetch" => Some(offset(value).map(Input::Fetch)),
            "read" => Some(Ok(Input::Fetch(0))),
            _ => None,
        }
    }

    fn output(f: &str, value: Form<'_>) -> Result<Self::Output, Expected> {
        use append_log::Output;
        match (f, &list(value)[..]) {
            ("append", []) => Ok(Output::Appended(None)),
            ("append", [at, _]) => Ok(Output::Appended(Some(offset(*at)?))),
            ("append", _) => Err("the value, or a pair of its offset and the value"),
            ("read", _) => {
                let values = atoms(value)?;
                Ok(Output::Fetched { end: Some(values.len() as u64), values })
            }
            (_, [_, values]) => Ok(Output::Fetched { values: atoms(*values)?, end: None }),
            (_, [_, values, end]) => {
                Ok(Output::Fetched { values: atoms(*values)?, end: Some(offset(*end)?) })
            }
            _ => Err("the offset, a list of values, and the log's end if it is known"),
        }
    }
}

fn atom(form: Form<'_>) -> Result<Atom, Expected> {
    Atom::of(form).ok_or("a number, a string or a truth value")
}

fn atom_or_null(form: Form<'_>) -> Result<Option<Atom>, Expected> {
    if form.is_null() { Ok(None) } else { atom(form).map(Some) }
}

fn atoms(form: Form<'_>) -> Result<Vec<Atom>, Expected> {
    form.list().ok_or("a list of values")?.map(atom).collect()
}

fn offset(form: Form<'_>) -> Result<u64, Expected> {
    form.int().and_then(|int| u64::try_from(int).ok()).ok_or("an offset")
}

fn pair(form: Form<'_>) -> Result<(Form<'_>, Form<'_>), Expected> {
    match list(form)[..] {
        [key, value] => Ok((key, value)),
        _ => Err("a pair of key and value"),
    }
}

/// The elements of a list; none of anything else.
fn list(form: Form<'_>) -> Vec<Form<'_>> {
    form.list().into_iter().flatten().collect()
}
