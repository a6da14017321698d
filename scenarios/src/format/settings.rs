//! Kafka configuration as a scenario writes it: key to value, the values kept as text, as in a `.properties` file.
//!
//! TOML reads an unquoted `min.insync.replicas = 2` as three nested tables. Kafka's keys are flat, so nested tables are
//! joined again with dots: quoted and unquoted keys mean the same.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Kafka configuration keys and their values as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Settings(pub BTreeMap<String, String>);

impl Settings {
    /// Whether no key is set, so that every one has Kafka's default.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys and values in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(SettingVisitor)? {
            Setting::Table(settings) => Ok(settings),
            Setting::Value(value) => {
                Err(D::Error::custom(format!("expected Kafka keys and values, found `{value}`")))
            }
        }
    }
}

impl JsonSchema for Settings {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Settings".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "Kafka configuration keys and values, as in a .properties file; unquoted, TOML reads `a.b` as `b` in a table `a`.",
            "additionalProperties": { "type": ["string", "integer", "number", "boolean", "object"] }
        })
    }
}

/// What stands behind a key: a value, or the rest of a dotted key.
enum Setting {
    Value(String),
    Table(Settings),
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SettingVisitor)
    }
}

struct SettingVisitor;

impl<'de> Visitor<'de> for SettingVisitor {
    type Value = Setting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number or a boolean")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Setting, E> {
        Ok(Setting::Value(value.to_owned()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Setting, E> {
        Ok(Setting::Value(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Setting, E> {
        Ok(Setting::Value(value.to_string()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Setting, E> {
        Ok(Setting::Value(value.to_string()))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Setting, E> {
        Ok(Setting::Value(value.to_string()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Setting, A::Error> {
        let mut settings = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            for (rest, value) in joined(&key, map.next_value()?) {
                if settings.insert(rest.clone(), value).is_some() {
                    return Err(A::Error::custom(format!("duplicate key `{rest}`")));
                }
            }
        }
        Ok(Setting::Table(Settings(settings)))
    }
}

/// The flat keys that `key` with `setting` behind it stands for.
fn joined(key: &str, setting: Setting) -> Vec<(String, String)> {
    match setting {
        Setting::Value(value) => vec![(key.to_owned(), value)],
        Setting::Table(Settings(table)) => {
            table.into_iter().map(|(rest, value)| (format!("{key}.{rest}"), value)).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    fn pairs(pairs: &[(&str, &str)]) -> Settings {
        Settings(
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        )
    }

    #[test]
    fn quoted_and_dotted_keys_mean_the_same() {
        let expected = pairs(&[("flush.messages", "1"), ("flush.ms", "10")]);
        assert_eq!(read("\"flush.messages\" = 1\n\"flush.ms\" = \"10\""), Ok(expected.clone()));
        assert_eq!(read("flush.messages = 1\nflush.ms = 10"), Ok(expected));
    }

    #[test]
    fn values_are_kept_as_text() {
        let text = "acks = \"all\"\nretries = 3\n\"enable.idempotence\" = false";
        let expected = pairs(&[("acks", "all"), ("retries", "3"), ("enable.idempotence", "false")]);
        assert_eq!(read(text), Ok(expected));
    }

    #[test]
    fn one_key_written_both_ways_is_refused() {
        assert_eq!(read("\"a.b\" = 1\na.b = 2"), Err("duplicate key `a.b`".to_owned()));
    }

    #[test]
    fn a_list_is_refused() {
        assert!(
            read("acks = [1]").unwrap_err().contains("expected a string, a number or a boolean")
        );
    }
}
