//! `--set KEY=VALUE`: one change to a scenario without editing its file.
//!
//! `producer.`, `consumer.`, `broker.`, `topic.` and `feature.` are followed by a Kafka key; every other key is a path in the
//! scenario file, `cluster.brokers` or `consumers.commit`. `topic.` changes every topic.

use std::str::FromStr;

use serde_json::{Map, Value};

use super::parse::{explain, suggestion};
use super::{Scenario, Settings};

/// The words a Kafka key follows.
const KAFKA_ROOTS: [&str; 5] = ["producer", "consumer", "broker", "topic", "feature"];

/// The tables of the scenario file that a path can lead into.
const TABLES: [&str; 7] = ["cluster", "producers", "consumers", "network", "disk", "faults", "end"];

/// One change: a key and the value it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// `producer.acks`, `topic.flush.messages`, `cluster.brokers`.
    pub key: String,
    /// The value as text.
    pub value: String,
}

/// The change cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct OverrideError {
    /// What is wrong.
    pub message: String,
    /// The nearest right thing, when one is known.
    pub help: Option<String>,
}

impl Override {
    /// A change of `key` to `value`.
    #[must_use]
    pub fn new(key: &str, value: &str) -> Self {
        Self { key: key.to_owned(), value: value.to_owned() }
    }
}

impl FromStr for Override {
    type Err = OverrideError;

    fn from_str(text: &str) -> Result<Self, OverrideError> {
        let wrong = || OverrideError {
            message: format!("`{text}` is not a change"),
            help: Some("write KEY=VALUE, such as producer.acks=1".to_owned()),
        };
        let (key, value) = text.split_once('=').ok_or_else(wrong)?;
        Ok(Self::new(key.trim(), value.trim()))
    }
}

impl Scenario {
    /// This scenario with changes made to it, one after the other.
    ///
    /// # Errors
    /// When a key does not exist or a value is not allowed.
    pub fn with(&self, changes: &[Override]) -> Result<Self, OverrideError> {
        let mut scenario = self.clone();
        for change in changes {
            scenario = scenario.with_one(change)?;
        }
        scenario
            .check()
            .map_err(|problem| OverrideError { message: problem.message, help: problem.help })?;
        Ok(scenario)
    }

    fn with_one(mut self, change: &Override) -> Result<Self, OverrideError> {
        let (root, rest) = change.key.split_once('.').ok_or_else(|| unknown_root(&change.key))?;
        let set =
            |settings: &mut Settings| settings.0.insert(rest.to_owned(), change.value.clone());
        match root {
            "producer" => drop(set(&mut self.producers.config)),
            "consumer" => drop(set(&mut self.consumers.config)),
            "broker" => drop(set(&mut self.cluster.config)),
            "feature" => drop(set(&mut self.cluster.features)),
            "topic" => self.topics.iter_mut().for_each(|topic| drop(set(&mut topic.config))),
            _ if TABLES.contains(&root) => return self.with_field(root, rest, change),
            _ => return Err(unknown_root(root)),
        }
        Ok(self)
    }

    /// Sets a key of one of the file's tables, by way of the scenario's JSON form.
    fn with_field(self, table: &str, key: &str, change: &Override) -> Result<Self, OverrideError> {
        let mut document = serde_json::to_value(&self).expect("a scenario always has a JSON form");
        let target = document.get_mut(table).and_then(Value::as_object_mut);
        let target = target.expect("every table of a scenario is an object");
        insert(target, key, change).map_err(|message| OverrideError { message, help: None })?;
        serde_json::from_value(document).map_err(|error| {
            let (message, help) = explain(&error.to_string());
            OverrideError { message: format!("cannot set `{}`: {message}", change.key), help }
        })
    }
}

/// Inserts at a dotted path below `target`.
fn insert(target: &mut Map<String, Value>, key: &str, change: &Override) -> Result<(), String> {
    let Some((first, rest)) = key.split_once('.') else {
        target.insert(key.to_owned(), literal(&change.value));
        return Ok(());
    };
    let inner = target.entry(first).or_insert_with(|| Value::Object(Map::new()));
    let inner = inner.as_object_mut();
    insert(inner.ok_or_else(|| format!("`{}` leads through a value", change.key))?, rest, change)
}

/// Numbers, booleans and lists as such, everything else as text.
fn literal(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn unknown_root(root: &str) -> OverrideError {
    let valid = [KAFKA_ROOTS.as_slice(), TABLES.as_slice()].concat();
    OverrideError {
        message: format!("`{root}` is nothing that can be set"),
        help: Some(suggestion(root, &valid)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Commit;

    fn scenario() -> Scenario {
        Scenario::from_toml("t", "title = 't'\n[[topics]]\nname = 'a'\n[[topics]]\nname = 'b'")
            .expect("valid")
    }

    fn with(change: &str) -> Result<Scenario, OverrideError> {
        scenario().with(&[change.parse()?])
    }

    fn value<'a>(settings: &'a Settings, key: &str) -> Option<&'a str> {
        settings.0.get(key).map(String::as_str)
    }

    #[test]
    fn kafka_keys_keep_their_dots() {
        let changed = with("broker.min.insync.replicas=1").expect("valid");
        assert_eq!(value(&changed.cluster.config, "min.insync.replicas"), Some("1"));
        let changed = with("producer.acks=1").expect("valid");
        assert_eq!(value(&changed.producers.config, "acks"), Some("1"));
    }

    #[test]
    fn topic_keys_reach_every_topic() {
        let changed = with("topic.flush.messages=1").expect("valid");
        assert!(
            changed.topics.iter().all(|topic| value(&topic.config, "flush.messages") == Some("1"))
        );
    }

    #[test]
    fn other_keys_are_paths_in_the_file() {
        assert_eq!(with("cluster.brokers=5").map(|scenario| scenario.cluster.brokers), Ok(5));
        let changed = with("consumers.commit=before-processing").expect("valid");
        assert_eq!(changed.consumers.commit, Commit::BeforeProcessing);
        let changed = with("faults.draw.crash.every=3s").expect("valid");
        assert_eq!(changed.faults.draw.len(), 1);
    }

    #[test]
    fn a_wrong_change_names_the_nearest_right_one() {
        let help = |change: &str| with(change).expect_err("wrong").help.unwrap_or_default();
        assert_eq!(help("producr.acks=1"), "did you mean `producer`?");
        assert_eq!(help("producers.recods=1"), "did you mean `records`?");
        assert_eq!(help("consumers.commit=befor"), "did you mean `before-processing`?");
        assert_eq!(help("acks"), "write KEY=VALUE, such as producer.acks=1");
    }

    #[test]
    fn a_change_that_contradicts_the_rest_is_refused() {
        let error = with("cluster.brokers=2").expect_err("wrong");
        assert_eq!(error.message, "replication factor 3 needs 3 brokers, the cluster has 2");
    }
}
