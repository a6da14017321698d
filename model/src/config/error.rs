//! What is wrong with a configuration, and what is only worth saying.

use std::fmt;

use thiserror::Error;

use super::scope::Scope;
use super::value::ConfigValue;

/// A configuration that cannot be run as it was written. Every message names the key and the value given.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No scope of Kafka has this key.
    #[error(
        "unknown {scope} setting `{key}` = `{value}`: the nearest is the {nearest_scope} setting `{nearest}`"
    )]
    UnknownKey {
        /// Where it was given.
        scope: Scope,
        /// The key as it was given.
        key: String,
        /// The value as it was given.
        value: ConfigValue,
        /// The scope of the nearest key.
        nearest_scope: Scope,
        /// The key most like it, a key of the same scope among equals.
        nearest: &'static str,
    },
    /// Kafka has this key, but for something else.
    #[error("`{key}` = `{value}` is not a {scope} setting, but a {homes} setting{}", instead_of(.instead))]
    WrongScope {
        /// Where it was given.
        scope: Scope,
        /// The key as it was given.
        key: String,
        /// The value as it was given.
        value: ConfigValue,
        /// The scopes that have the key, in words.
        homes: String,
        /// This scope's own name for the same thing, if it has one: `log.segment.bytes` for `segment.bytes`.
        instead: Option<&'static str>,
    },
    /// The value has the wrong type or is out of range.
    #[error("{scope} setting `{key}` = `{value}`: allowed is {allowed}")]
    InvalidValue {
        /// Whose setting it is.
        scope: Scope,
        /// The key.
        key: &'static str,
        /// The value as it was given.
        value: ConfigValue,
        /// The allowed values in words.
        allowed: String,
    },
    /// Kafka would accept this, but the model does not do it.
    #[error(
        "{scope} setting `{key}` = `{value}` is Kafka's, but not modelled: {reason}{}",
        only_value(.simulated)
    )]
    NotModelled {
        /// Whose setting it is.
        scope: Scope,
        /// The key as it was given.
        key: String,
        /// The value as it was given.
        value: ConfigValue,
        /// The one value that is accepted, the one trials behave like.
        simulated: Option<ConfigValue>,
        /// Why, in one clause.
        reason: &'static str,
    },
    /// Each value is fine, but Kafka refuses them together.
    #[error("{scope} setting `{key}` = `{value}`: {rule}")]
    Conflict {
        /// Whose setting it is.
        scope: Scope,
        /// The key that breaks the rule.
        key: &'static str,
        /// Its value.
        value: ConfigValue,
        /// The rule with the other keys and their values.
        rule: String,
    },
    /// The same key twice in one configuration.
    #[error("{scope} setting `{key}` is given twice, the second time as `{value}`")]
    Duplicate {
        /// Whose setting it is.
        scope: Scope,
        /// The key.
        key: String,
        /// The second value.
        value: ConfigValue,
    },
}

impl ConfigError {
    /// The key the error is about, for a caller that points into the scenario file.
    pub fn key(&self) -> &str {
        match self {
            Self::UnknownKey { key, .. }
            | Self::WrongScope { key, .. }
            | Self::NotModelled { key, .. }
            | Self::Duplicate { key, .. } => key,
            Self::InvalidValue { key, .. } | Self::Conflict { key, .. } => key,
        }
    }
}

/// A configuration that runs, but perhaps not as its author thinks.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// The key is not modelled; the value given is the one trials behave like anyway.
    OnlyValue {
        /// Whose setting it is.
        scope: Scope,
        /// The key.
        key: String,
        /// The value.
        value: ConfigValue,
        /// Why it cannot be changed, in one clause.
        reason: &'static str,
    },
    /// Whatever the value, a trial behaves the same.
    NoEffect {
        /// Whose setting it is.
        scope: Scope,
        /// The key.
        key: String,
        /// The value.
        value: ConfigValue,
        /// Why, in one clause.
        reason: &'static str,
    },
    /// Kafka takes another value than the default or the one given, or uses it otherwise than its name says.
    Adjusted {
        /// Whose setting it is.
        scope: Scope,
        /// The key.
        key: &'static str,
        /// The value that is in force.
        value: ConfigValue,
        /// Why, in one clause.
        reason: String,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnlyValue { scope, key, value, reason } => {
                write!(f, "{scope} setting `{key}` can only be `{value}`: {reason}")
            }
            Self::NoEffect { scope, key, value, reason } => {
                write!(f, "{scope} setting `{key}` = `{value}` has no effect: {reason}")
            }
            Self::Adjusted { scope, key, value, reason } => {
                write!(f, "{scope} setting `{key}` is `{value}`: {reason}")
            }
        }
    }
}

fn instead_of(instead: &Option<&'static str>) -> String {
    instead.map_or_else(String::new, |key| format!("; here it is called `{key}`"))
}

fn only_value(simulated: &Option<ConfigValue>) -> String {
    simulated.as_ref().map_or_else(
        || "; leave it out".to_owned(),
        |value| format!("; only `{value}` is accepted"),
    )
}
