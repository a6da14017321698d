//! A queue: first in, first out.

use super::told_list;
use crate::linearizability::Model;
use std::fmt::Display;
use std::hash::Hash;
use std::marker::PhantomData;

/// What can be asked of a queue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input<V> {
    /// Put this element at the end.
    Enqueue(V),
    /// Take the first element away.
    Dequeue,
}

/// What a queue answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<V> {
    /// It is done.
    Done,
    /// The element that was taken; `None` if the queue was empty.
    Taken(Option<V>),
}

/// A queue of `V`, empty at first. A step is O(elements waiting).
#[derive(Clone, Copy, Debug)]
pub struct Queue<V>(PhantomData<V>);

impl<V> Default for Queue<V> {
    fn default() -> Self {
        Queue(PhantomData)
    }
}

impl<V: Clone + Ord + Hash + Display> Model for Queue<V> {
    type Input = Input<V>;
    type Output = Output<V>;
    /// The elements waiting, the first first.
    type State = Vec<V>;
    type Key = u64;

    fn init(&self) -> Vec<V> {
        Vec::new()
    }

    fn step(
        &self,
        state: &Vec<V>,
        input: &Input<V>,
        output: Option<&Output<V>>,
    ) -> impl IntoIterator<Item = Vec<V>> {
        match (input, output) {
            (Input::Enqueue(value), None | Some(Output::Done)) => {
                Some(state.iter().chain([value]).cloned().collect())
            }
            (Input::Dequeue, None) => Some(state.iter().skip(1).cloned().collect()),
            (Input::Dequeue, Some(Output::Taken(taken))) => {
                (state.first() == taken.as_ref()).then(|| state.iter().skip(1).cloned().collect())
            }
            _ => None,
        }
    }

    fn read_only(&self, _input: &Input<V>, output: Option<&Output<V>>) -> bool {
        matches!(output, Some(Output::Taken(None)))
    }

    fn describe(&self, input: &Input<V>, output: Option<&Output<V>>) -> String {
        let asked = match input {
            Input::Enqueue(value) => format!("enqueue {value}"),
            Input::Dequeue => "dequeue".to_owned(),
        };
        match output {
            Some(Output::Done) => asked,
            Some(Output::Taken(Some(value))) => format!("{asked} -> {value}"),
            Some(Output::Taken(None)) => format!("{asked} -> empty"),
            None => format!("{asked} -> ?"),
        }
    }

    fn describe_state(&self, state: &Vec<V>) -> String {
        told_list(state)
    }
}
