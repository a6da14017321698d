//! The shapes of a line, shared by reader and writer so that they cannot disagree.

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// The version that the header names.
pub(super) const VERSION: &str = "klog/1";

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header<'l> {
    pub(super) h: String,
    #[serde(borrow, default)]
    pub(super) keys: Entries<'l, KeyName>,
    #[serde(default)]
    pub(super) groups: Vec<String>,
    #[serde(default)]
    pub(super) processes: Vec<ProcessName>,
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

/// Every other line, with a value of whatever shape its `f` asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Line<'l, V> {
    #[serde(default)]
    pub(super) index: u64,
    pub(super) time: u64,
    pub(super) process: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) call: Option<u64>,
    #[serde(rename = "type")]
    pub(super) kind: Kind,
    #[serde(borrow)]
    pub(super) f: Cow<'l, str>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<Cow<'l, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<Cow<'l, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) drained: Option<Entries<'l, i64>>,
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<V>,
}

/// The `type` of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Invoke,
    Ok,
    Fail,
    Info,
}

/// (offset, value) pairs.
pub(super) type Records = Vec<(i64, u64)>;

/// A string, borrowed from the line if it has no escapes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Name<'l>(#[serde(borrow)] pub(super) Cow<'l, str>);

impl From<String> for Name<'_> {
    fn from(name: String) -> Self {
        Name(Cow::Owned(name))
    }
}

/// A JSON object whose entries keep their order.
#[derive(Debug)]
pub(super) struct Entries<'l, V>(pub(super) Vec<(Name<'l>, V)>);

impl<V> Default for Entries<'_, V> {
    fn default() -> Self {
        Entries(Vec::new())
    }
}

impl<V: Serialize> Serialize for Entries<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de: 'l, 'l, V: Deserialize<'de>> Deserialize<'de> for Entries<'l, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder(PhantomData))
    }
}

struct InOrder<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for InOrder<V> {
    type Value = Entries<'de, V>;

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
