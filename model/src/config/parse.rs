//! From pairs of key and value to a typed configuration, and back. As Kafka's `AbstractConfig`.

use std::collections::BTreeSet;

use super::broker::{self, BrokerConfig};
use super::cluster::{self, ClusterFeatures};
use super::consumer::{self, ConsumerConfig};
use super::definition::Definition;
use super::error::{ConfigError, Warning};
use super::nearest;
use super::producer::{self, ProducerConfig};
use super::scope::Scope;
use super::topic::{self, TopicConfig};
use super::unmodelled::Unmodelled;
use super::value::ConfigValue;

/// A typed configuration with its table of keys. `Default` is Kafka's default of every key.
pub trait Config: Default {
    /// Whose settings these are.
    const SCOPE: Scope;

    /// The modelled keys, in the order of the fields.
    fn definitions() -> &'static [Definition];

    /// Sets one field.
    ///
    /// # Panics
    /// If `key` is not one of [`Config::definitions`], or `value` not one that its definition's `parse` returned.
    fn set(&mut self, key: &str, value: &ConfigValue);

    /// Every key that has a value, defaults included; parsed again they give the same configuration.
    fn to_pairs(&self) -> Vec<(&'static str, ConfigValue)>;

    /// Applies Kafka's rules between keys: adjusts what was left to default, refuses what was asked for.
    fn reconcile(&mut self, given: &Given) -> Result<Vec<Warning>, ConfigError>;

    /// Kafka's defaults, overridden by `pairs`.
    ///
    /// # Errors
    /// The first pair that cannot be honoured, then the first rule between keys that is broken.
    fn from_pairs<K, V>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(Self, Vec<Warning>), ConfigError>
    where
        K: AsRef<str>,
        V: Into<ConfigValue>,
    {
        Self::default().overridden_by(pairs)
    }

    /// This configuration, overridden by `pairs`. Errors as [`Config::from_pairs`].
    fn overridden_by<K, V>(
        mut self,
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Result<(Self, Vec<Warning>), ConfigError>
    where
        K: AsRef<str>,
        V: Into<ConfigValue>,
    {
        let mut given = Given::default();
        let mut warnings = Vec::new();
        for (key, value) in pairs {
            let (key, value) = (key.as_ref(), value.into());
            given.note(Self::SCOPE, key, &value)?;
            match Self::SCOPE.definition(key) {
                Some(definition) => self.set(definition.key, &definition.parse(&value)?),
                None => warnings.extend(Self::SCOPE.judge_unmodelled(key, &value)?),
            }
        }
        warnings.extend(self.reconcile(&given)?);
        Ok((self, warnings))
    }
}

/// The keys that were given, as opposed to left at their default.
#[derive(Clone, Debug, Default)]
pub struct Given(BTreeSet<String>);

impl Given {
    /// Whether `key` was given.
    pub fn has(&self, key: &str) -> bool {
        self.0.contains(key)
    }

    fn note(&mut self, scope: Scope, key: &str, value: &ConfigValue) -> Result<(), ConfigError> {
        if self.0.insert(key.to_owned()) {
            return Ok(());
        }
        Err(ConfigError::Duplicate { scope, key: key.to_owned(), value: value.clone() })
    }
}

impl Scope {
    /// The modelled keys of this scope.
    pub fn definitions(self) -> &'static [Definition] {
        match self {
            Self::Broker => BrokerConfig::definitions(),
            Self::Topic => TopicConfig::definitions(),
            Self::Producer => ProducerConfig::definitions(),
            Self::Consumer => ConsumerConfig::definitions(),
            Self::Cluster => ClusterFeatures::definitions(),
        }
    }

    /// The definition of `key`, if it is modelled in this scope.
    pub fn definition(self, key: &str) -> Option<&'static Definition> {
        self.definitions().iter().find(|definition| definition.key == key)
    }

    /// Kafka's keys of this scope that are not modelled, single keys before families.
    pub fn unmodelled(self) -> &'static [Unmodelled] {
        match self {
            Self::Broker => broker::UNMODELLED,
            Self::Topic => topic::UNMODELLED,
            Self::Producer => producer::UNMODELLED,
            Self::Consumer => consumer::UNMODELLED,
            Self::Cluster => cluster::UNMODELLED,
        }
    }

    /// The keys for which a trial that leaves them out behaves otherwise than Kafka does; FIDELITY.md lists them.
    pub fn deviations(self) -> impl Iterator<Item = &'static Unmodelled> {
        self.unmodelled().iter().filter(|unmodelled| unmodelled.is_deviation())
    }

    fn judge_unmodelled(
        self,
        key: &str,
        value: &ConfigValue,
    ) -> Result<Option<Warning>, ConfigError> {
        match self.unmodelled().iter().find(|unmodelled| unmodelled.matches(key)) {
            Some(unmodelled) => unmodelled.judge(self, key, value),
            None => Err(self.stranger(key, value)),
        }
    }

    fn stranger(self, key: &str, value: &ConfigValue) -> ConfigError {
        let (scope, key, value) = (self, key.to_owned(), value.clone());
        if let Some(homes) = nearest::homes(&key) {
            let instead = topic::synonym(scope, &key);
            return ConfigError::WrongScope { scope, key, value, homes, instead };
        }
        let (nearest_scope, nearest) = nearest::nearest(scope, &key);
        ConfigError::UnknownKey { scope, key, value, nearest_scope, nearest }
    }
}

/// Makes the typed struct and the table of definitions from one list of keys, so that they cannot disagree. The rules
/// between keys are the struct's own `apply_rules`. A row:
/// `key => field: type, kind, default, range, meaning, since;`.
macro_rules! config_table {
    (
        $(#[$meta:meta])*
        $name:ident in $scope:expr;
        $(
            $key:literal => $field:ident: $type:ty, $kind:expr, $default:expr, $valid:expr,
            $doc:literal, $since:literal;
        )+
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $(
                #[doc = concat!("`", $key, "`: ", $doc, ". ", $since, ".")]
                pub $field: $type,
            )+
        }

        static DEFINITIONS: &[$crate::config::Definition] = &[
            $( $crate::config::Definition {
                scope: $scope,
                key: $key,
                kind: $kind,
                default: $default,
                valid: $valid,
                doc: $doc,
                since: $since,
            }, )+
        ];

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $( $field: {
                        let default: Option<$crate::config::ConfigValue> = $default;
                        $crate::config::Setting::read(default.as_ref())
                            .expect(concat!("the default of ", $key, " has its field's type"))
                    }, )+
                }
            }
        }

        impl $crate::config::Config for $name {
            const SCOPE: $crate::config::Scope = $scope;

            fn definitions() -> &'static [$crate::config::Definition] {
                DEFINITIONS
            }

            fn set(&mut self, key: &str, value: &$crate::config::ConfigValue) {
                match key {
                    $( $key => {
                        self.$field = $crate::config::Setting::read(Some(value))
                            .expect(concat!("a valid value of ", $key, " has its field's type"));
                    } )+
                    _ => panic!("`{key}` is no key of {}", stringify!($name)),
                }
            }

            fn to_pairs(&self) -> Vec<(&'static str, $crate::config::ConfigValue)> {
                let fields = [ $( ($key, $crate::config::Setting::print(&self.$field)) ),+ ];
                fields.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
            }

            fn reconcile(
                &mut self,
                given: &$crate::config::Given,
            ) -> Result<Vec<$crate::config::Warning>, $crate::config::ConfigError> {
                self.apply_rules(given)
            }
        }
    };
}

pub(super) use config_table;
