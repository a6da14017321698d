//! A register with compare-and-set: etcd's or ZooKeeper's view of one key.

use crate::linearizability::Model;
use std::fmt::Display;
use std::hash::Hash;
use std::marker::PhantomData;

/// What can be asked of a register of values `V`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input<V> {
    /// The value, please.
    Read,
    /// Take this value.
    Write(V),
    /// Take the second value if the first is there.
    CompareAndSet(V, V),
}

/// What a register answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<V> {
    /// The value that is there, if one was ever written.
    Value(Option<V>),
    /// It is done.
    Done,
    /// Another value was there, so nothing was set.
    Refused,
}

/// One register, empty at first.
#[derive(Clone, Copy, Debug)]
pub struct Register<V>(PhantomData<V>);

impl<V> Default for Register<V> {
    fn default() -> Self {
        Register(PhantomData)
    }
}

impl<V: Clone + Ord + Hash + Display> Model for Register<V> {
    type Input = Input<V>;
    type Output = Output<V>;
    type State = Option<V>;
    type Key = u64;

    fn init(&self) -> Option<V> {
        None
    }

    fn step(
        &self,
        state: &Option<V>,
        input: &Input<V>,
        output: Option<&Output<V>>,
    ) -> impl IntoIterator<Item = Option<V>> {
        match (input, output) {
            (Input::Read, None) => Some(state.clone()),
            (Input::Read, Some(Output::Value(read))) => (read == state).then(|| state.clone()),
            (Input::Write(value), None | Some(Output::Done)) => Some(Some(value.clone())),
            (Input::CompareAndSet(expected, value), _) => {
                let is_set = state.as_ref() == Some(expected);
                match output {
                    None => Some(if is_set { Some(value.clone()) } else { state.clone() }),
                    Some(Output::Done) => is_set.then(|| Some(value.clone())),
                    Some(Output::Refused) => (!is_set).then(|| state.clone()),
                    Some(Output::Value(_)) => None,
                }
            }
            (Input::Read | Input::Write(_), Some(_)) => None,
        }
    }

    fn read_only(&self, input: &Input<V>, output: Option<&Output<V>>) -> bool {
        matches!(input, Input::Read) || matches!(output, Some(Output::Refused))
    }

    fn describe(&self, input: &Input<V>, output: Option<&Output<V>>) -> String {
        let asked = match input {
            Input::Read => "read".to_owned(),
            Input::Write(value) => format!("write {value}"),
            Input::CompareAndSet(expected, value) => format!("cas {expected} {value}"),
        };
        match output {
            Some(Output::Done) => asked,
            Some(Output::Value(value)) => format!("{asked} -> {}", told(value.as_ref())),
            Some(Output::Refused) => format!("{asked} -> refused"),
            None => format!("{asked} -> ?"),
        }
    }

    fn describe_state(&self, state: &Option<V>) -> String {
        told(state.as_ref())
    }
}

fn told<V: Display>(value: Option<&V>) -> String {
    value.map_or("empty".to_owned(), V::to_string)
}
