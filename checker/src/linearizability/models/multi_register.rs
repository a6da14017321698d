//! Several registers, read and written together: a transaction that is one atomic step.

use crate::linearizability::Model;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::hash::Hash;
use std::marker::PhantomData;

/// One access of a transaction to one register.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access<K, V> {
    /// The value under this key, please. A transaction reads its own writes.
    Read(K),
    /// Take this value under this key.
    Write(K, V),
}

impl<K, V> Access<K, V> {
    fn key(&self) -> &K {
        let (Access::Read(key) | Access::Write(key, _)) = self;
        key
    }
}

/// Registers under keys `K`, all empty at first. A call is a list of accesses; its output has, for each read in that
/// order, the value found.
#[derive(Clone, Copy, Debug)]
pub struct MultiRegister<K, V>(PhantomData<(K, V)>);

impl<K, V> Default for MultiRegister<K, V> {
    fn default() -> Self {
        MultiRegister(PhantomData)
    }
}

impl<K, V> Model for MultiRegister<K, V>
where
    K: Clone + Ord + Hash + Display,
    V: Clone + Ord + Hash + Display,
{
    type Input = Vec<Access<K, V>>;
    type Output = Vec<Option<V>>;
    type State = BTreeMap<K, V>;
    type Key = K;

    fn init(&self) -> BTreeMap<K, V> {
        BTreeMap::new()
    }

    fn step(
        &self,
        state: &BTreeMap<K, V>,
        input: &Vec<Access<K, V>>,
        output: Option<&Vec<Option<V>>>,
    ) -> impl IntoIterator<Item = BTreeMap<K, V>> {
        let mut after = state.clone();
        let mut reads = output.map(|values| values.iter());
        for access in input {
            match (access, &mut reads) {
                (Access::Read(key), Some(reads)) => {
                    if reads.next()?.as_ref() != after.get(key) {
                        return None;
                    }
                }
                (Access::Read(_), None) => {}
                (Access::Write(key, value), _) => drop(after.insert(key.clone(), value.clone())),
            }
        }
        Some(after)
    }

    fn partition(&self, input: &Vec<Access<K, V>>) -> Option<K> {
        let (first, rest) = input.split_first()?;
        rest.iter().all(|access| access.key() == first.key()).then(|| first.key().clone())
    }

    fn read_only(&self, input: &Vec<Access<K, V>>, _output: Option<&Vec<Option<V>>>) -> bool {
        input.iter().all(|access| matches!(access, Access::Read(_)))
    }

    fn describe(&self, input: &Vec<Access<K, V>>, output: Option<&Vec<Option<V>>>) -> String {
        let mut reads = output.into_iter().flatten();
        let told = |access: &Access<K, V>| match access {
            Access::Read(key) => match (output, reads.next()) {
                (None, _) => format!("read {key} -> ?"),
                (_, Some(Some(value))) => format!("read {key} -> {value}"),
                _ => format!("read {key} -> empty"),
            },
            Access::Write(key, value) => format!("write {key} {value}"),
        };
        let told: Vec<_> = input.iter().map(told).collect();
        told.join(", ")
    }

    fn describe_state(&self, state: &BTreeMap<K, V>) -> String {
        let told: Vec<_> = state.iter().map(|(key, value)| format!("{key}={value}")).collect();
        if told.is_empty() { "empty".to_owned() } else { told.join(" ") }
    }
}
