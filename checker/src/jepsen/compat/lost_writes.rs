//! `lost-write`: a committed value lies before the last one that was read, and no ok poll returned it. O(V log V).
//!
//! The last one read is the value whose first place is highest; what must have been read is every value whose last place
//! is not above. So a value that lies in two places, or shares one, is never said to be lost by mistake.

use super::analysis::Analysis;
use super::case::{Case, Field};
use super::version_order::VersionOrder;
use crate::jepsen::{Key, Value};
use std::collections::BTreeMap;

/// Each lost value.
pub(super) fn cases(analysis: &Analysis<'_>) -> Vec<Case> {
    let orders = (0..).map(Key).zip(&analysis.orders);
    orders.flat_map(|(key, order)| of_key(analysis, key, order)).collect()
}

/// A value's first and last places.
type Places = BTreeMap<Value, (usize, usize)>;

fn of_key(analysis: &Analysis<'_>, key: Key, order: &VersionOrder) -> Vec<Case> {
    let places = places(order);
    let is_read = |value: &Value| analysis.is_ok_read[value.0 as usize];
    let read = places.iter().filter(|(value, _)| is_read(value));
    let Some(bound) = read.map(|(_, &(first, _))| first).max() else { return Vec::new() };
    let mut expected: Vec<(usize, Value, usize)> = places
        .iter()
        .filter(|(_, places)| places.1 <= bound)
        .map(|(&value, &(first, last))| (last, value, first))
        .collect();
    expected.sort_unstable();
    let max_read = expected
        .iter()
        .find(|(last, ..)| *last == bound)
        .and_then(|(_, value, _)| analysis.readers_of[value.0 as usize].first().copied());
    let lost = expected.into_iter().filter(|(_, value, _)| !is_read(value));
    lost.filter_map(|(_, value, first)| {
        let writer = analysis.writer_of[value.0 as usize]
            .filter(|&writer| analysis.must_have_committed(writer))?;
        let mut case = vec![
            ("key", Field::Key(key)),
            ("value", Field::Value(value)),
            ("index", Field::Int(first as i64)),
            ("max-read-index", Field::Int(bound as i64)),
            ("writer", Field::Op(writer)),
        ];
        case.extend(max_read.map(|reader| ("max-read", Field::Op(reader))));
        Some(Case::new(case))
    })
    .collect()
}

fn places(order: &VersionOrder) -> Places {
    let mut places = Places::new();
    for (index, (_, values)) in order.log.iter().enumerate() {
        for &value in values {
            places.entry(value).or_insert((index, index)).1 = index;
        }
    }
    places
}
