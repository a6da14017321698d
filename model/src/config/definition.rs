//! How a modelled key is defined: name, type, default, range, meaning, history. As Kafka's `ConfigDef.ConfigKey`.

use super::error::ConfigError;
use super::scope::Scope;
use super::value::ConfigValue;

/// The type of a key's value, as Kafka's `ConfigDef.Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A whole number of 16 bits.
    Short,
    /// A whole number of 32 bits.
    Int,
    /// A whole number of 64 bits.
    Long,
    /// Text.
    Text,
}

/// The values a key allows beyond its type, as Kafka's `ConfigDef.Validator`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Valid {
    /// Every value of the type.
    Any,
    /// Numbers from this one up.
    AtLeast(i64),
    /// Numbers between these two, both included.
    Between(i64, i64),
    /// Exactly these words.
    OneOf(&'static [&'static str]),
    /// Any text but the empty one.
    NonEmpty,
}

/// One modelled key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Whose setting it is.
    pub scope: Scope,
    /// Kafka's name for it.
    pub key: &'static str,
    /// The type of its value.
    pub kind: Kind,
    /// Kafka's default; `None` is Kafka's `null`.
    pub default: Option<ConfigValue>,
    /// Which values of the type are allowed.
    pub valid: Valid,
    /// What it decides, in one line.
    pub doc: &'static str,
    /// Since which release it exists and when its default changed.
    pub since: &'static str,
}

impl Definition {
    /// The value in the key's own type, or an error that names key, value and what is allowed.
    pub fn parse(&self, value: &ConfigValue) -> Result<ConfigValue, ConfigError> {
        self.kind.convert(value).filter(|value| self.admits(value)).ok_or_else(|| {
            ConfigError::InvalidValue {
                scope: self.scope,
                key: self.key,
                value: value.clone(),
                allowed: self.allowed(),
            }
        })
    }

    /// What values are allowed, in words fit for "allowed is {}".
    pub fn allowed(&self) -> String {
        match self.valid {
            Valid::OneOf(words) => one_of(words),
            Valid::NonEmpty => "any text but the empty one".to_owned(),
            Valid::Any | Valid::AtLeast(_) | Valid::Between(..) => match self.bounds() {
                Some((min, max)) => format!("a whole number from {min} to {max}"),
                None if self.kind == Kind::Boolean => one_of(&["true", "false"]),
                None => "any text".to_owned(),
            },
        }
    }

    /// The smallest and greatest number allowed; `None` for a key that is no number.
    pub fn bounds(&self) -> Option<(i64, i64)> {
        let (kind_min, kind_max) = self.kind.bounds()?;
        Some(match self.valid {
            Valid::AtLeast(min) => (min, kind_max),
            Valid::Between(min, max) => (min, max),
            Valid::Any | Valid::OneOf(_) | Valid::NonEmpty => (kind_min, kind_max),
        })
    }

    fn admits(&self, value: &ConfigValue) -> bool {
        match (value, self.valid) {
            (ConfigValue::Number(number), _) => {
                self.bounds().is_some_and(|(min, max)| (min..=max).contains(number))
            }
            (ConfigValue::Text(text), Valid::OneOf(words)) => words.contains(&text.as_ref()),
            (ConfigValue::Text(text), Valid::NonEmpty) => !text.is_empty(),
            (ConfigValue::Text(_) | ConfigValue::Boolean(_), _) => true,
        }
    }
}

impl Kind {
    /// As Kafka's `ConfigDef.parseType`: text is trimmed and read as the type, booleans in any case.
    fn convert(self, value: &ConfigValue) -> Option<ConfigValue> {
        match (self, value) {
            (Self::Boolean, ConfigValue::Boolean(_)) => Some(value.clone()),
            (Self::Boolean, ConfigValue::Text(text)) => {
                text.trim().to_ascii_lowercase().parse().ok().map(ConfigValue::Boolean)
            }
            (Self::Short | Self::Int | Self::Long, ConfigValue::Number(_)) => Some(value.clone()),
            (Self::Short | Self::Int | Self::Long, ConfigValue::Text(text)) => {
                text.trim().parse().ok().map(ConfigValue::Number)
            }
            (Self::Text, value) => Some(value.to_string().trim().to_owned().into()),
            (Self::Boolean, ConfigValue::Number(_))
            | (Self::Short | Self::Int | Self::Long, ConfigValue::Boolean(_)) => None,
        }
    }

    fn bounds(self) -> Option<(i64, i64)> {
        match self {
            Self::Short => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
            Self::Int => Some((i64::from(i32::MIN), i64::from(i32::MAX))),
            Self::Long => Some((i64::MIN, i64::MAX)),
            Self::Boolean | Self::Text => None,
        }
    }
}

fn one_of(words: &[&str]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    format!("one of {}", quoted.join(", "))
}
