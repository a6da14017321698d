//! A queue: first in, first out.
//!
//! A response tells which element was taken, and so in which order elements were put in, however many calls overlapped.
//! The model, informed of all responses, lets each element be put in only after those that have to be in before it.

mod order;

use super::told_list;
use crate::linearizability::{Call, Model};
use order::Order;
use std::fmt::Display;
use std::hash::Hash;

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
#[derive(Clone, Debug)]
pub struct Queue<V> {
    /// What the history tells of its elements; nothing, if the model was not informed.
    order: Option<Order<V>>,
}

impl<V> Default for Queue<V> {
    fn default() -> Self {
        Queue { order: None }
    }
}

/// What a queue holds, and what of its elements' order is done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Contents<V> {
    /// The elements waiting, the first first.
    waiting: Vec<V>,
    /// All elements of lower ranks were put in.
    complete: u32,
    /// The ranks of others that were, rising.
    ahead: Vec<u32>,
}

impl<V: Clone> Contents<V> {
    fn with(&self, value: &V) -> Self {
        let mut contents = self.clone();
        contents.waiting.push(value.clone());
        contents
    }

    fn without_first(&self) -> Self {
        let waiting = self.waiting.iter().skip(1).cloned().collect();
        Contents { waiting, ahead: self.ahead.clone(), complete: self.complete }
    }

    /// Notes that the element of this rank was put in.
    fn count(mut self, rank: u32) -> Self {
        let at = self.ahead.partition_point(|&other| other < rank);
        self.ahead.insert(at, rank);
        let in_turn = (self.complete..).zip(&self.ahead).take_while(|(next, rank)| next == *rank);
        let in_turn = in_turn.count();
        self.ahead.drain(..in_turn);
        self.complete += in_turn as u32;
        self
    }
}

impl<V: Clone + Ord + Hash> Queue<V> {
    fn enqueue(&self, contents: &Contents<V>, value: &V) -> Option<Contents<V>> {
        let Some(order) = &self.order else { return Some(contents.with(value)) };
        let place = order.place(value);
        (place.after <= contents.complete).then(|| contents.with(value).count(place.rank))
    }
}

impl<V: Clone + Ord + Hash + Display> Model for Queue<V> {
    type Input = Input<V>;
    type Output = Output<V>;
    type State = Contents<V>;
    type Key = u64;

    fn init(&self) -> Contents<V> {
        Contents { waiting: Vec::new(), complete: 0, ahead: Vec::new() }
    }

    fn step(
        &self,
        state: &Contents<V>,
        input: &Input<V>,
        output: Option<&Output<V>>,
    ) -> impl IntoIterator<Item = Contents<V>> {
        match (input, output) {
            (Input::Enqueue(value), None | Some(Output::Done)) => self.enqueue(state, value),
            (Input::Dequeue, None) => Some(state.without_first()),
            (Input::Dequeue, Some(Output::Taken(taken))) => {
                (state.waiting.first() == taken.as_ref()).then(|| state.without_first())
            }
            _ => None,
        }
    }

    fn informed_by(&self, calls: &[Call<'_, Input<V>, Output<V>>]) -> Option<Self> {
        Some(Queue { order: Some(Order::of(calls)?) })
    }

    fn unobserved(&self, input: &Input<V>) -> bool {
        self.order.as_ref().is_some_and(|order| order.is_unobserved(input))
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

    fn describe_state(&self, state: &Contents<V>) -> String {
        told_list(&state.waiting)
    }
}
