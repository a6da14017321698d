//! A [`Contract`] in Kafka's words: `acks=all,min.insync.replicas=2`, as the command line and the header of a `klog/1` file
//! have it.
//!
//! Every setting has Kafka's name, where Kafka has one, and the short name of the file's header; either is understood.

use crate::contract::{Acks, AutoOffsetReset, CleanupPolicy, Contract, Delivery, TransactionOrder};
use crate::history::Isolation;
use std::collections::BTreeMap;
use thiserror::Error;

/// One field of a [`Contract`].
#[derive(Debug)]
pub struct Setting {
    /// Its name, Kafka's if Kafka has one: `min.insync.replicas`.
    pub key: &'static str,
    /// Its name in the header of a `klog/1` file: `min_isr`.
    pub short: &'static str,
    /// The values it may have.
    pub allowed: Allowed,
    get: fn(&Contract) -> String,
    set: fn(&mut Contract, &str) -> Option<()>,
}

/// The values a setting may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// One of these words.
    Words(&'static [&'static str]),
    /// A whole number, not less than this.
    From(u32),
}

/// A value that a setting can have.
trait SettingValue: Sized {
    const ALLOWED: Allowed;
    fn parse(text: &str) -> Option<Self>;
    fn tell(&self) -> String;
}

macro_rules! words {
    ($type:ident { $($word:literal $(| $alias:literal)? => $value:expr),* }) => {
        impl SettingValue for $type {
            const ALLOWED: Allowed = Allowed::Words(&[$($word),*]);

            fn parse(text: &str) -> Option<Self> {
                match text {
                    $($word $(| $alias)? => Some($value),)*
                    _ => None,
                }
            }

            fn tell(&self) -> String {
                let words = [$(($word, $value)),*];
                let said = words.into_iter().find(|(_, value)| value == self);
                said.expect("each value has a word").0.to_owned()
            }
        }
    };
}

words! { bool { "true" => true, "false" => false } }
words! { Acks { "0" => Acks::Zero, "1" => Acks::One, "all" | "-1" => Acks::All } }
words! { Isolation {
    "read_committed" => Isolation::ReadCommitted, "read_uncommitted" => Isolation::ReadUncommitted
} }
words! { AutoOffsetReset {
    "earliest" => AutoOffsetReset::Earliest, "latest" => AutoOffsetReset::Latest, "none" => AutoOffsetReset::None
} }
words! { CleanupPolicy { "delete" => CleanupPolicy::Delete, "compact" => CleanupPolicy::Compact } }
words! { Delivery { "at-least-once" => Delivery::AtLeastOnce, "at-most-once" => Delivery::AtMostOnce } }
words! { TransactionOrder {
    "reads" => TransactionOrder::Reads, "writes" => TransactionOrder::Writes,
    "serializable" => TransactionOrder::Serializable
} }

/// At least 1, as replicas and requests in flight.
impl SettingValue for u32 {
    const ALLOWED: Allowed = Allowed::From(1);

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|&number| number >= 1)
    }

    fn tell(&self) -> String {
        self.to_string()
    }
}

/// Milliseconds.
impl SettingValue for u64 {
    const ALLOWED: Allowed = Allowed::From(0);

    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn tell(&self) -> String {
        self.to_string()
    }
}

macro_rules! setting {
    ($key:literal, $short:literal, $field:ident: $type:ty) => {
        Setting {
            key: $key,
            short: $short,
            allowed: <$type>::ALLOWED,
            get: |contract| contract.$field.tell(),
            set: |contract, text| assign(&mut contract.$field, <$type>::parse(text)),
        }
    };
}

fn assign<T>(field: &mut T, value: Option<T>) -> Option<()> {
    *field = value?;
    Some(())
}

/// All settings, in the order in which a contract is told.
pub const SETTINGS: &[Setting] = &[
    setting!("acks", "acks", acks: Acks),
    setting!("min.insync.replicas", "min_isr", min_insync_replicas: u32),
    setting!("replication.factor", "rf", replication_factor: u32),
    setting!("unclean.leader.election.enable", "unclean_election", unclean_leader_election: bool),
    // The contract knows only whether every message is flushed; Kafka's default leaves it to the operating system.
    Setting {
        key: "flush.messages",
        short: "flush_messages",
        allowed: Allowed::From(1),
        get: |contract| if contract.flush_every_message { 1 } else { i64::MAX }.to_string(),
        set: |contract, text| {
            let every: Option<u64> = text.parse().ok().filter(|&every| every >= 1);
            assign(&mut contract.flush_every_message, every.map(|every| every == 1))
        },
    },
    setting!("correlated.power.loss", "correlated_power_loss", correlated_power_loss: bool),
    setting!("enable.idempotence", "idempotence", idempotence: bool),
    // The contract knows only whether there are any; Kafka's default is to go on until `delivery.timeout.ms`.
    Setting {
        key: "retries",
        short: "retries",
        allowed: Allowed::From(0),
        get: |contract| if contract.retries { i32::MAX } else { 0 }.to_string(),
        set: |contract, text| {
            assign(&mut contract.retries, text.parse().ok().map(|retries: u32| retries > 0))
        },
    },
    setting!("max.in.flight.requests.per.connection", "max_in_flight", max_in_flight: u32),
    setting!("auto.offset.reset", "auto_reset", auto_offset_reset: AutoOffsetReset),
    setting!("delivery", "delivery", delivery: Delivery),
    setting!("recovery.ms", "recovery_ms", recovery_ms: u64),
    setting!("isolation.level", "isolation", isolation: Isolation),
    setting!("cleanup.policy", "cleanup", cleanup_policy: CleanupPolicy),
    setting!("enable.auto.commit", "auto_commit", auto_commit: bool),
    setting!("transaction.order", "txn_order", transaction_order: TransactionOrder),
    setting!("anti.dependencies", "rw_deps", anti_dependencies: bool),
];

/// A setting that a contract does not have, or not with this value.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SettingError {
    /// No setting has this name.
    #[error("a contract has no setting `{key}`")]
    UnknownKey {
        /// The name.
        key: String,
    },
    /// The setting cannot have this value.
    #[error("`{key}` cannot be `{value}`: allowed is {allowed}", allowed = told(*allowed))]
    WrongValue {
        /// The setting.
        key: &'static str,
        /// The value.
        value: String,
        /// What it can be.
        allowed: Allowed,
    },
}

fn told(allowed: Allowed) -> String {
    match allowed {
        Allowed::Words(words) => words.join(", "),
        Allowed::From(least) => format!("a whole number from {least} on"),
    }
}

impl Contract {
    /// Changes one setting, named by Kafka's name or the header's.
    ///
    /// # Errors
    /// When there is no such setting, or it cannot have this value.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), SettingError> {
        let named = SETTINGS.iter().find(|setting| setting.key == key || setting.short == key);
        let setting = named.ok_or_else(|| SettingError::UnknownKey { key: key.to_owned() })?;
        let Setting { key, allowed, set, .. } = *setting;
        set(self, value).ok_or_else(|| SettingError::WrongValue {
            key,
            value: value.to_owned(),
            allowed,
        })
    }

    /// Kafka's defaults with what a file's header says, or nothing if it says nothing. A header may have settings for
    /// other readers, such as `ww_deps`; they are passed over.
    ///
    /// # Errors
    /// When a setting cannot have its value.
    pub fn of_config(config: &BTreeMap<String, String>) -> Result<Option<Self>, SettingError> {
        let (mut contract, mut says) = (Contract::default(), None);
        for (key, value) in config {
            match contract.set(key, value) {
                Ok(()) => says = Some(()),
                Err(SettingError::UnknownKey { .. }) => {}
                Err(wrong) => return Err(wrong),
            }
        }
        Ok(says.map(|()| contract))
    }

    /// Every setting with its value, as [`set`](Self::set) understands both.
    pub fn settings(&self) -> impl Iterator<Item = (&'static Setting, String)> {
        SETTINGS.iter().map(|setting| (setting, (setting.get)(self)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(changes: &[(&str, &str)]) -> Result<Contract, SettingError> {
        let mut contract = Contract::default();
        changes.iter().try_for_each(|(key, value)| contract.set(key, value))?;
        Ok(contract)
    }

    #[test]
    fn a_contract_told_and_set_again_is_the_same() {
        // Whoever adds a field here adds a setting above.
        let weak = Contract {
            acks: Acks::Zero,
            min_insync_replicas: 2,
            replication_factor: 3,
            unclean_leader_election: true,
            flush_every_message: true,
            correlated_power_loss: true,
            idempotence: false,
            retries: false,
            max_in_flight: 1,
            auto_offset_reset: AutoOffsetReset::Earliest,
            delivery: Delivery::AtMostOnce,
            recovery_ms: 1_500,
            isolation: Isolation::ReadCommitted,
            cleanup_policy: CleanupPolicy::Compact,
            auto_commit: true,
            transaction_order: TransactionOrder::Serializable,
            anti_dependencies: true,
        };
        for contract in [weak, Contract::default()] {
            let mut again = with(&[("acks", "1"), ("retries", "7")]).unwrap();
            for (setting, value) in contract.settings() {
                again.set(setting.key, &value).unwrap();
            }
            assert_eq!(again, contract);
        }
    }

    #[test]
    fn both_names_of_a_setting_mean_the_same() {
        let long =
            with(&[("min.insync.replicas", "2"), ("unclean.leader.election.enable", "true")]);
        assert_eq!(long, with(&[("min_isr", "2"), ("unclean_election", "true")]));
        assert_eq!(long.unwrap().min_insync_replicas, 2);
    }

    #[test]
    fn a_header_says_what_it_knows() {
        let of = |config: &[(&str, &str)]| {
            let owned = config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            Contract::of_config(&owned.collect())
        };
        assert_eq!(of(&[("sub_via", "assign")]), Ok(None));
        let said = of(&[("acks", "1"), ("sub_via", "assign")]);
        assert_eq!(said, Ok(Some(Contract { acks: Acks::One, ..Contract::default() })));
        assert!(of(&[("acks", "some")]).is_err());
    }

    #[test]
    fn a_wrong_key_or_value_is_named() {
        let error = |key, value| with(&[(key, value)]).unwrap_err().to_string();
        assert_eq!(error("ack", "1"), "a contract has no setting `ack`");
        assert_eq!(error("acks", "2"), "`acks` cannot be `2`: allowed is 0, 1, all");
        let number = "`min.insync.replicas` cannot be `0`: allowed is a whole number from 1 on";
        assert_eq!(error("min_isr", "0"), number);
    }
}
