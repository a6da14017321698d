//! The names behind a history's ids. Shared between clones: names are given before a trial begins.

use super::{ClientId, GroupId, Key, TransactionalId};
use std::collections::BTreeMap;
use std::fmt;

/// A topic and a partition number, printed as Kafka does: `orders-0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: String,
    /// The partition's number in the topic.
    pub partition: u32,
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// All names of a history, in the order of their ids.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    keys: Table<TopicPartition>,
    clients: Table<String>,
    groups: Table<String>,
    transactional_ids: Table<String>,
    /// By the upper half of their numbers.
    series: BTreeMap<u32, String>,
}

impl Names {
    pub(super) fn intern_key(&mut self, name: TopicPartition) -> Key {
        Key(self.keys.intern(name))
    }

    pub(super) fn intern_client(&mut self, name: String) -> ClientId {
        ClientId(self.clients.intern(name))
    }

    pub(super) fn intern_group(&mut self, name: String) -> GroupId {
        GroupId(self.groups.intern(name))
    }

    pub(super) fn intern_transactional_id(&mut self, name: String) -> TransactionalId {
        TransactionalId(self.transactional_ids.intern(name))
    }

    pub(super) fn name_series(&mut self, upper_half: u32, name: String) {
        self.series.insert(upper_half, name);
    }

    pub(super) fn keys(&self) -> &[TopicPartition] {
        &self.keys.names
    }

    pub(super) fn clients(&self) -> &[String] {
        &self.clients.names
    }

    pub(super) fn groups(&self) -> &[String] {
        &self.groups.names
    }

    pub(super) fn transactional_ids(&self) -> &[String] {
        &self.transactional_ids.names
    }

    pub(super) fn series(&self) -> &BTreeMap<u32, String> {
        &self.series
    }
}

#[derive(Clone, Debug)]
struct Table<T> {
    names: Vec<T>,
    ids: BTreeMap<T, u32>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { names: Vec::new(), ids: BTreeMap::new() }
    }
}

impl<T: Clone + Ord> Table<T> {
    fn intern(&mut self, name: T) -> u32 {
        if let Some(&id) = self.ids.get(&name) {
            return id;
        }
        let id = u32::try_from(self.names.len()).expect("fewer than 2^32 names");
        self.names.push(name.clone());
        self.ids.insert(name, id);
        id
    }
}
