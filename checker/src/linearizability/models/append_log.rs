//! A log: append at the end, fetch from a position on. Acknowledgements may or may not tell the offset.
//!
//! Without offsets the order of concurrent appends is known only from later fetches. A value that was appended once and
//! fetched somewhere must stand there in every linearization, so the model, informed by all fetches, lets it be appended
//! nowhere else. That leaves next to nothing to try.

use super::list::List;
use super::told_list;
use crate::linearizability::interner::Interner;
use crate::linearizability::{Call, Model};
use std::fmt::Display;
use std::hash::Hash;

/// What can be asked of a log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Input<V> {
    /// Add this value at the end.
    Append(V),
    /// The values from this offset on, please.
    Fetch(u64),
}

/// What a log answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output<V> {
    /// It is appended, at this offset if the log told.
    Appended(Option<u64>),
    /// Values from the offset asked for on.
    Fetched {
        /// The values, without a gap; not necessarily all that there are.
        values: Vec<V>,
        /// The end of the log at that moment, if the log told.
        end: Option<u64>,
    },
}

/// A log of `V`, empty at first.
#[derive(Clone, Debug)]
pub struct AppendLog<V> {
    /// What the history tells about values; nothing, if the model was not informed.
    known: Option<Known<V>>,
}

impl<V> Default for AppendLog<V> {
    fn default() -> Self {
        AppendLog { known: None }
    }
}

/// What a history tells about the values appended in it.
#[derive(Clone, Debug)]
struct Known<V> {
    values: Interner<V>,
    sightings: Vec<Sighting>,
    /// Per offset, whether it is known to be of one certain append. Ends with the last that is.
    taken: Vec<bool>,
    /// Whether every offset that any output speaks of is taken.
    is_complete: bool,
}

/// What is known of one value.
#[derive(Clone, Copy, Debug, Default)]
struct Sighting {
    appends: u32,
    offset: Option<u64>,
}

impl<V: Clone + Ord + Hash> Known<V> {
    fn of(calls: &[Call<'_, Input<V>, Output<V>>]) -> Self {
        let mut known = Known {
            values: Interner::new(),
            sightings: Vec::new(),
            taken: Vec::new(),
            is_complete: false,
        };
        known.count_appends(calls);
        let mut end = 0;
        for call in calls {
            end = end.max(known.see(call.input, call.output));
        }
        known.take_offsets();
        known.is_complete =
            known.taken.len() as u64 >= end && known.taken.iter().all(|taken| *taken);
        known
    }

    fn count_appends(&mut self, calls: &[Call<'_, Input<V>, Output<V>>]) {
        for call in calls {
            if let Input::Append(value) = call.input {
                let id = self.values.intern(value.clone()) as usize;
                self.sightings.resize(self.sightings.len().max(id + 1), Sighting::default());
                self.sightings[id].appends += 1;
            }
        }
    }

    /// Notes what an output tells, and returns the end of the log that it implies.
    fn see(&mut self, input: &Input<V>, output: Option<&Output<V>>) -> u64 {
        match (input, output) {
            (Input::Append(value), Some(Output::Appended(Some(offset)))) => {
                self.saw(value, *offset);
                offset.saturating_add(1)
            }
            (Input::Fetch(from), Some(Output::Fetched { values, end })) => {
                for (offset, value) in (*from..).zip(values) {
                    self.saw(value, offset);
                }
                from.saturating_add(values.len() as u64).max(end.unwrap_or(0))
            }
            _ => 0,
        }
    }

    fn saw(&mut self, value: &V, offset: u64) {
        if let Some(id) = self.values.find(value) {
            self.sightings[id as usize].offset.get_or_insert(offset);
        }
    }

    /// Notes the offsets of values that were appended once. There are no more offsets than appends.
    fn take_offsets(&mut self) {
        let appends: u64 = self.sightings.iter().map(|sighting| u64::from(sighting.appends)).sum();
        let places = self.sightings.iter().filter_map(|sighting| sighting.place());
        for offset in places.filter(|&offset| offset < appends) {
            let index = offset as usize;
            self.taken.resize(self.taken.len().max(index + 1), false);
            self.taken[index] = true;
        }
    }

    fn sighting(&self, value: &V) -> Sighting {
        let id = self.values.find(value).expect("all values appended in a history are counted");
        self.sightings[id as usize]
    }

    /// Whether a linearization can have `value` at `offset`.
    fn permits(&self, value: &V, offset: u64) -> bool {
        match self.sighting(value).place() {
            Some(place) => place == offset,
            None => !self.taken.get(offset as usize).is_some_and(|taken| *taken),
        }
    }
}

impl Sighting {
    /// Where the value stands in every linearization.
    fn place(&self) -> Option<u64> {
        self.offset.filter(|_| self.appends == 1)
    }
}

impl<V: Clone + Ord + Hash> AppendLog<V> {
    /// Whether some output shows the value, for all that is known.
    fn is_seen(&self, value: &V) -> bool {
        self.known.as_ref().is_none_or(|known| known.sighting(value).offset.is_some())
    }
}

impl<V: Clone + Ord + Hash + Display> Model for AppendLog<V> {
    type Input = Input<V>;
    type Output = Output<V>;
    /// The values, without those that no output shows if the model was informed: then it does not matter which they are.
    type State = List<Option<V>>;
    type Key = u64;

    fn init(&self) -> List<Option<V>> {
        List::default()
    }

    fn step(
        &self,
        state: &List<Option<V>>,
        input: &Input<V>,
        output: Option<&Output<V>>,
    ) -> impl IntoIterator<Item = List<Option<V>>> {
        let end = state.len();
        match (input, output) {
            (Input::Append(value), None | Some(Output::Appended(_))) => {
                let told = match output {
                    Some(Output::Appended(offset)) => *offset,
                    _ => None,
                };
                let permitted = told.is_none_or(|offset| offset == end)
                    && self.known.as_ref().is_none_or(|known| known.permits(value, end));
                permitted.then(|| state.with(Some(value.clone()).filter(|_| self.is_seen(value))))
            }
            (Input::Fetch(_), None) => Some(state.clone()),
            (Input::Fetch(from), Some(Output::Fetched { values, end: told })) => {
                let is = |there: &Option<V>, value: &V| there.as_ref() == Some(value);
                let fits = told.is_none_or(|told| told == end) && state.holds(*from, values, is);
                fits.then(|| state.clone())
            }
            _ => None,
        }
    }

    fn read_only(&self, input: &Input<V>, _output: Option<&Output<V>>) -> bool {
        matches!(input, Input::Fetch(_))
    }

    fn informed_by(&self, calls: &[Call<'_, Input<V>, Output<V>>]) -> Option<Self> {
        Some(AppendLog { known: Some(Known::of(calls)) })
    }

    /// Appends that nothing shows can stand in for each other.
    fn symmetry(&self, input: &Input<V>, output: Option<&Output<V>>) -> Option<u64> {
        match (input, output) {
            (Input::Append(value), None | Some(Output::Appended(None))) => {
                (!self.is_seen(value)).then_some(0)
            }
            _ => None,
        }
    }

    /// An append that was not seen leaves no trace, where all that was seen is of other appends.
    fn unobserved(&self, input: &Input<V>) -> bool {
        match (input, &self.known) {
            (Input::Fetch(_), _) => true,
            (Input::Append(_), None) => false,
            (Input::Append(value), Some(known)) => known.is_complete && !self.is_seen(value),
        }
    }

    fn describe(&self, input: &Input<V>, output: Option<&Output<V>>) -> String {
        let asked = match input {
            Input::Append(value) => format!("append {value}"),
            Input::Fetch(from) => format!("fetch from {from}"),
        };
        match output {
            None => format!("{asked} -> ?"),
            Some(Output::Appended(None)) => asked,
            Some(Output::Appended(Some(offset))) => format!("{asked} -> at {offset}"),
            Some(Output::Fetched { values, end: None }) => {
                format!("{asked} -> {}", told_list(values))
            }
            Some(Output::Fetched { values, end: Some(end) }) => {
                format!("{asked} -> {}, end {end}", told_list(values))
            }
        }
    }

    fn describe_state(&self, state: &List<Option<V>>) -> String {
        state.told(|value| value.as_ref().map_or("?".to_owned(), V::to_string))
    }
}
