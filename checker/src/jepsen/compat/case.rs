//! One instance of an error, as the map that Jepsen makes of it.

use crate::jepsen::write::write_key;
use crate::jepsen::{Key, Ops, Value};
use crate::notation::{Shape, Tokens, edn};

/// One instance of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    fields: Vec<(&'static str, Field)>,
}

/// A part of what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// A number.
    Int(i64),
    /// Numbers.
    Ints(Vec<i64>),
    /// A keyword.
    Word(&'static str),
    /// A partition.
    Key(Key),
    /// A value.
    Value(Value),
    /// Values.
    Values(Vec<Value>),
    /// An operation, by its place in the history.
    Op(usize),
    /// Operations.
    Ops(Vec<usize>),
    /// Details of their own.
    Cases(Vec<Case>),
}

impl Case {
    pub(super) fn new(fields: Vec<(&'static str, Field)>) -> Self {
        Case { fields }
    }

    /// A field by its name, if the case has it.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, field)| field)
    }

    /// The number that a field is or has: of numbers, values, operations or details, how many there are.
    pub(super) fn size(&self, name: &str) -> i64 {
        match self.field(name) {
            Some(Field::Int(int)) => *int,
            Some(Field::Ints(ints)) => ints.len() as i64,
            Some(Field::Values(values)) => values.len() as i64,
            Some(Field::Ops(ops)) => ops.len() as i64,
            Some(Field::Cases(cases)) => cases.len() as i64,
            Some(Field::Word(_) | Field::Key(_) | Field::Value(_) | Field::Op(_)) | None => 0,
        }
    }

    /// Appends the case as a map.
    pub(super) fn write(&self, ops: &Ops, out: &mut Tokens) {
        out.open(Shape::Map);
        for (name, field) in &self.fields {
            out.keyword(name);
            field.write(ops, out);
        }
        out.close();
    }
}

impl Field {
    fn write(&self, ops: &Ops, out: &mut Tokens) {
        let value = |value: &Value, out: &mut Tokens| edn::append(ops.names.of_value(*value), out);
        match self {
            Field::Int(int) => out.int(*int),
            Field::Ints(ints) => list(ints, out, |int, out| out.int(*int)),
            Field::Word(word) => out.keyword(word),
            Field::Key(key) => write_key(*key, &ops.names, out),
            Field::Value(one) => value(one, out),
            Field::Values(values) => list(values, out, value),
            Field::Op(place) => ops.list[*place].write(&ops.names, out),
            Field::Ops(places) => {
                list(places, out, |place, out| ops.list[*place].write(&ops.names, out))
            }
            Field::Cases(cases) => list(cases, out, |case, out| case.write(ops, out)),
        }
    }
}

/// Appends a list of things.
pub(super) fn list<T>(things: &[T], out: &mut Tokens, write: impl Fn(&T, &mut Tokens)) {
    out.open(Shape::List);
    things.iter().for_each(|thing| write(thing, out));
    out.close();
}
