//! Kafka's keys that the model has no field for: what a trial does instead, and why.

use super::error::{ConfigError, Warning};
use super::scope::Scope;
use super::value::ConfigValue;

/// A key that Kafka knows and the model does not act on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmodelled {
    /// Kafka's name for it; with a `*` at its end, every key that begins so and has no row of its own.
    pub key: &'static str,
    /// Kafka's default; `None` is Kafka's `null`, a mandatory key or one whose default depends on the machine.
    pub default: Option<ConfigValue>,
    /// What a trial does.
    pub simulated: Simulated,
    /// Why it is not modelled, in one clause.
    pub reason: &'static str,
}

/// What a trial does about a key that is not modelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Simulated {
    /// It behaves as Kafka does with its default; any other value is refused.
    AsDefault,
    /// It behaves as Kafka does with this value, which is not Kafka's default: a deviation. Any other is refused.
    As(ConfigValue),
    /// It behaves the same whatever the value; every value is accepted with a warning.
    Alike,
}

/// A key that keeps Kafka's default.
pub(super) const fn keeps(
    key: &'static str,
    default: ConfigValue,
    reason: &'static str,
) -> Unmodelled {
    Unmodelled { key, default: Some(default), simulated: Simulated::AsDefault, reason }
}

/// A key without a default, or keys with several, that must stay unset.
pub(super) const fn unset(key: &'static str, reason: &'static str) -> Unmodelled {
    Unmodelled { key, default: None, simulated: Simulated::AsDefault, reason }
}

/// A key whose value makes no difference to a trial.
pub(super) const fn alike(key: &'static str, reason: &'static str) -> Unmodelled {
    Unmodelled { key, default: None, simulated: Simulated::Alike, reason }
}

/// A key for which trials behave otherwise than Kafka does by default.
pub(super) const fn differs(
    key: &'static str,
    default: ConfigValue,
    simulated: ConfigValue,
    reason: &'static str,
) -> Unmodelled {
    Unmodelled { key, default: Some(default), simulated: Simulated::As(simulated), reason }
}

impl Unmodelled {
    /// Whether a trial that leaves this key out behaves otherwise than Kafka does.
    pub fn is_deviation(&self) -> bool {
        matches!(self.simulated, Simulated::As(_))
    }

    /// Whether `key` is this one, or one of the family.
    pub fn matches(&self, key: &str) -> bool {
        match self.key.strip_suffix('*') {
            Some(prefix) => key.starts_with(prefix),
            None => key == self.key,
        }
    }

    /// Refuses a value that would not be honoured; warns of one that cannot be changed or makes no difference.
    pub(super) fn judge(
        &self,
        scope: Scope,
        key: &str,
        value: &ConfigValue,
    ) -> Result<Option<Warning>, ConfigError> {
        let (key, value, reason) = (key.to_owned(), value.clone(), self.reason);
        let accepted = self.accepted();
        match self.simulated {
            Simulated::Alike => Ok(Some(Warning::NoEffect { scope, key, value, reason })),
            Simulated::As(_) if same(accepted, &value) => Ok(None),
            Simulated::AsDefault if same(accepted, &value) => {
                Ok(Some(Warning::OnlyValue { scope, key, value, reason }))
            }
            Simulated::As(_) | Simulated::AsDefault => {
                let simulated = accepted.cloned();
                Err(ConfigError::NotModelled { scope, key, value, simulated, reason })
            }
        }
    }

    /// The one value that a trial behaves like.
    fn accepted(&self) -> Option<&ConfigValue> {
        match &self.simulated {
            Simulated::As(value) => Some(value),
            Simulated::AsDefault => self.default.as_ref(),
            Simulated::Alike => None,
        }
    }
}

/// Whether both are the same in a properties file, where everything is text.
fn same(accepted: Option<&ConfigValue>, given: &ConfigValue) -> bool {
    accepted.is_some_and(|accepted| accepted.to_string() == given.to_string().trim())
}
