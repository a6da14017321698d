//! A configuration value as it is given or printed, and how a typed field is read from one.

use std::borrow::Cow;
use std::fmt;

/// One value, in the form the scenario file had it. Kafka reads properties files, so text is accepted for every kind
/// (`"true"`, `" 5 "`), and a number or a boolean is accepted where Kafka wants text (`acks = 1`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigValue {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number; the key says its unit.
    Number(i64),
    /// Anything else.
    Text(Cow<'static, str>),
}

/// "Never" or "no limit" in a key of 64 bits: Java's `Long.MAX_VALUE`.
pub(super) const NEVER: i64 = i64::MAX;

/// A constant text value, for the tables.
pub(super) const fn text(value: &'static str) -> ConfigValue {
    ConfigValue::Text(Cow::Borrowed(value))
}

/// A constant number, for the tables.
pub(super) const fn number(value: i64) -> ConfigValue {
    ConfigValue::Number(value)
}

/// A constant boolean, for the tables.
pub(super) const fn boolean(value: bool) -> ConfigValue {
    ConfigValue::Boolean(value)
}

impl fmt::Display for ConfigValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

impl From<bool> for ConfigValue {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<i64> for ConfigValue {
    fn from(value: i64) -> Self {
        Self::Number(value)
    }
}

impl From<&str> for ConfigValue {
    fn from(value: &str) -> Self {
        Self::Text(Cow::Owned(value.to_owned()))
    }
}

impl From<String> for ConfigValue {
    fn from(value: String) -> Self {
        Self::Text(Cow::Owned(value))
    }
}

/// A type a configuration field can have. `None` stands for Kafka's `null`: not set, and no default.
pub trait Setting: Sized {
    /// The field for a value that its definition has admitted; `None` if the type cannot hold it.
    fn read(value: Option<&ConfigValue>) -> Option<Self>;

    /// The value that reads back as this field.
    fn print(&self) -> Option<ConfigValue>;
}

impl Setting for bool {
    fn read(value: Option<&ConfigValue>) -> Option<Self> {
        match value {
            Some(ConfigValue::Boolean(value)) => Some(*value),
            _ => None,
        }
    }

    fn print(&self) -> Option<ConfigValue> {
        Some(boolean(*self))
    }
}

impl Setting for i64 {
    fn read(value: Option<&ConfigValue>) -> Option<Self> {
        match value {
            Some(ConfigValue::Number(value)) => Some(*value),
            _ => None,
        }
    }

    fn print(&self) -> Option<ConfigValue> {
        Some(number(*self))
    }
}

impl Setting for u64 {
    fn read(value: Option<&ConfigValue>) -> Option<Self> {
        i64::read(value)?.try_into().ok()
    }

    fn print(&self) -> Option<ConfigValue> {
        // A caller may have put more than Kafka can say into the public field; Kafka's own "never" is then meant.
        Some(number(i64::try_from(*self).unwrap_or(NEVER)))
    }
}

impl Setting for u32 {
    fn read(value: Option<&ConfigValue>) -> Option<Self> {
        i64::read(value)?.try_into().ok()
    }

    fn print(&self) -> Option<ConfigValue> {
        Some(number(i64::from(*self)))
    }
}

impl Setting for String {
    fn read(value: Option<&ConfigValue>) -> Option<Self> {
        match value {
            Some(ConfigValue::Text(value)) => Some(value.clone().into_owned()),
            _ => None,
        }
    }

    fn print(&self) -> Option<ConfigValue> {
        Some(self.clone().into())
    }
}

impl<T: Setting> Setting for Option<T> {
    fn read(value: Option<&ConfigValue>) -> Option<Self> {
        match value {
            None => Some(None),
            given => T::read(given).map(Some),
        }
    }

    fn print(&self) -> Option<ConfigValue> {
        self.as_ref().and_then(T::print)
    }
}
