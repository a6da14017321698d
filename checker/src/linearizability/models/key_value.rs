//! A store of lists under keys, with put, append and get. Keys are independent, so each is judged by itself.

use super::list::List;
use super::told_list;
use crate::linearizability::Model;
use std::fmt::Display;
use std::hash::Hash;
use std::marker::PhantomData;

/// What can be asked of the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input<K, V> {
    /// The list under this key, please.
    Get(K),
    /// Let the list be this one element.
    Put(K, V),
    /// Add this element at the end of the list.
    Append(K, V),
}

/// What the store answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<V> {
    /// The list that is there; empty if there never was one.
    Values(Vec<V>),
    /// It is done.
    Done,
}

/// Lists of `V` under keys `K`, all empty at first.
#[derive(Clone, Copy, Debug)]
pub struct KeyValue<K, V>(PhantomData<(K, V)>);

impl<K, V> Default for KeyValue<K, V> {
    fn default() -> Self {
        KeyValue(PhantomData)
    }
}

impl<K, V> Model for KeyValue<K, V>
where
    K: Clone + Ord + Display,
    V: Clone + Ord + Hash + Display,
{
    type Input = Input<K, V>;
    type Output = Output<V>;
    /// The list under the one key of a partition.
    type State = List<V>;
    type Key = K;

    fn init(&self) -> List<V> {
        List::default()
    }

    fn step(
        &self,
        state: &List<V>,
        input: &Input<K, V>,
        output: Option<&Output<V>>,
    ) -> impl IntoIterator<Item = List<V>> {
        match (input, output) {
            (Input::Get(_), None) => Some(state.clone()),
            (Input::Get(_), Some(Output::Values(read))) => (state.len() == read.len() as u64
                && state.holds(0, read, V::eq))
            .then(|| state.clone()),
            (Input::Put(_, value), None | Some(Output::Done)) => {
                Some(List::default().with(value.clone()))
            }
            (Input::Append(_, value), None | Some(Output::Done)) => Some(state.with(value.clone())),
            _ => None,
        }
    }

    fn partition(&self, input: &Input<K, V>) -> Option<K> {
        let (Input::Get(key) | Input::Put(key, _) | Input::Append(key, _)) = input;
        Some(key.clone())
    }

    fn read_only(&self, input: &Input<K, V>, _output: Option<&Output<V>>) -> bool {
        matches!(input, Input::Get(_))
    }

    fn describe(&self, input: &Input<K, V>, output: Option<&Output<V>>) -> String {
        let asked = match input {
            Input::Get(key) => format!("get {key}"),
            Input::Put(key, value) => format!("put {key} {value}"),
            Input::Append(key, value) => format!("append {key} {value}"),
        };
        match output {
            Some(Output::Done) => asked,
            Some(Output::Values(values)) => format!("{asked} -> {}", told_list(values)),
            None => format!("{asked} -> ?"),
        }
    }

    fn describe_state(&self, state: &List<V>) -> String {
        state.told(V::to_string)
    }
}
