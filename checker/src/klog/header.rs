//! The first line: what is said of a history as a whole, shared by reader and writer so that they cannot disagree.

use super::words::unknown_word;
use crate::contract::Contract;
use crate::history::{
    Clock, CommitSemantics, History, Isolation, Key, Meta, Order, Source, SubVia,
};
use crate::notation::Problem;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

/// The version that the header names.
pub(super) const VERSION: &str = "klog/1";

/// The entry of `config` that says how consumers come by partitions.
const SUB_VIA: &str = "sub_via";

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    pub(super) h: String,
    #[serde(default = "unnamed_source")]
    pub(super) source: Source,
    #[serde(default)]
    pub(super) time: TimeUnit,
    #[serde(default)]
    pub(super) clock: Clock,
    #[serde(default, rename = "clock_err_ns", skip_serializing_if = "is_zero")]
    pub(super) clock_error_ns: u64,
    #[serde(default)]
    pub(super) order: Order,
    #[serde(default)]
    pub(super) commit_semantics: CommitSemantics,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) reads_only: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seed: Option<u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) config: BTreeMap<String, Json>,
    #[serde(default)]
    pub(super) keys: Entries<KeyName>,
    #[serde(default)]
    pub(super) groups: Vec<String>,
    #[serde(default)]
    pub(super) processes: Vec<ProcessName>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) value_series: Vec<(u32, String)>,
}

/// The unit of all times.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) enum TimeUnit {
    /// Nanoseconds.
    #[default]
    #[serde(rename = "ns")]
    Nanoseconds,
}

/// A partition's name in parts.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct KeyName {
    pub(super) topic: String,
    pub(super) partition: u32,
}

/// Whose a process is.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ProcessName {
    pub(super) client: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
}

/// Trials say that they are simulated; a file that does not say is somebody's application's.
fn unnamed_source() -> Source {
    Source::App
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Header {
    /// What the header says of `history`.
    pub(super) fn of(history: &History) -> Self {
        let meta = history.meta();
        let key = |name: &crate::history::TopicPartition| {
            let parts = KeyName { topic: name.topic.clone(), partition: name.partition };
            (name.to_string(), parts)
        };
        let process = |session: &crate::history::Session| ProcessName {
            client: history.client_name(session.client).to_owned(),
            group: session.group.map(|group| history.groups()[group.0 as usize].clone()),
        };
        let isolation = meta.isolation.map(|isolation| ("isolation".to_owned(), word(isolation)));
        let sub_via = meta.sub_via.map(|sub_via| (SUB_VIA.to_owned(), word(sub_via)));
        Header {
            h: VERSION.to_owned(),
            source: meta.source,
            time: TimeUnit::Nanoseconds,
            clock: meta.clock,
            clock_error_ns: meta.clock_error_ns,
            order: meta.order,
            commit_semantics: meta.commit_semantics,
            reads_only: meta.reads_only,
            seed: meta.seed,
            config: isolation.into_iter().chain(sub_via).collect(),
            keys: Entries(history.keys().iter().map(key).collect()),
            groups: history.groups().to_vec(),
            processes: history.sessions().map(process).collect(),
            value_series: history.value_series().map(|(n, name)| (n, name.to_owned())).collect(),
        }
    }

    /// The same header that says what was promised, by the short names of the settings.
    pub(super) fn promising(mut self, contract: &Contract) -> Self {
        let json = |value: String| match (value.parse::<bool>(), value.parse::<u64>()) {
            (Ok(bool), _) => Json::from(bool),
            (_, Ok(number)) => Json::from(number),
            _ => Json::from(value),
        };
        let settings = contract.settings();
        self.config.extend(settings.map(|(it, value)| (it.short.to_owned(), json(value))));
        self
    }

    /// Reads the header line.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let version = Version::parse(text)?;
        if version.h != VERSION {
            let problem = format!("expected version `{VERSION}`, found `{}`", version.h);
            return Err(Problem::new(problem));
        }
        Ok(serde_json::from_str(text)?)
    }

    /// What the header says of the history's origin.
    pub(super) fn meta(&self) -> Result<Meta, Problem> {
        Ok(Meta {
            source: self.source,
            clock: self.clock,
            clock_error_ns: self.clock_error_ns,
            order: self.order,
            commit_semantics: self.commit_semantics,
            reads_only: self.reads_only,
            seed: self.seed,
            isolation: self.config.get("isolation").map(isolation).transpose()?,
            sub_via: self.sub_via()?,
        })
    }

    /// How consumers come by partitions, if all do so in one way: a Jepsen test that uses both lists both.
    fn sub_via(&self) -> Result<Option<SubVia>, Problem> {
        let ways = match self.config.get(SUB_VIA) {
            Some(Json::Array(ways)) => &ways[..],
            Some(way) => std::slice::from_ref(way),
            None => &[],
        };
        let ways: Vec<SubVia> = ways.iter().map(sub_via).collect::<Result<_, _>>()?;
        Ok(ways.first().copied().filter(|first| ways.iter().all(|way| way == first)))
    }

    /// The names of partitions in the file, with their keys in `history`.
    pub(super) fn name_keys(&self, history: &mut History) -> Vec<(&str, Key)> {
        let keys = self.keys.0.iter();
        keys.map(|(name, key)| (&name[..], history.key(&key.topic, key.partition))).collect()
    }
}

fn word(named: impl Serialize) -> Json {
    serde_json::to_value(named).expect("a name always has a JSON form")
}

fn isolation(json: &Json) -> Result<Isolation, Problem> {
    one_of("isolation level", json, &["read_committed", "read_uncommitted"])
}

fn sub_via(json: &Json) -> Result<SubVia, Problem> {
    one_of("way to come by partitions", json, &["assign", "subscribe"])
}

fn one_of<T: DeserializeOwned>(what: &str, json: &Json, known: &[&str]) -> Result<T, Problem> {
    serde_json::from_value(json.clone()).map_err(|_| {
        let found = json.as_str().map_or_else(|| json.to_string(), str::to_owned);
        Problem::new(unknown_word(what, &found, known))
    })
}

/// Just the version, so that a header of another version is not misread.
#[derive(Deserialize)]
struct Version {
    h: String,
}

impl Version {
    fn parse(text: &str) -> Result<Self, Problem> {
        serde_json::from_str(text).map_err(|error| {
            let problem = Problem::from(error);
            let text = format!("expected a header like {{\"h\":\"{VERSION}\"}}: {}", problem.text);
            Problem { text, ..problem }
        })
    }
}

/// A JSON object whose entries keep their order.
#[derive(Debug)]
pub(super) struct Entries<V>(pub(super) Vec<(String, V)>);

impl<V> Default for Entries<V> {
    fn default() -> Self {
        Entries(Vec::new())
    }
}

impl<V: Serialize> Serialize for Entries<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder(PhantomData))
    }
}

struct InOrder<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for InOrder<V> {
    type Value = Entries<V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}
