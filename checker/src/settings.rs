//! A [`Contract`] in Kafka's words: `acks=all,min.insync.replicas=2`, as the command line and the header of a `klog/1` file
//! have it.
//!
//! Every setting has Kafka's name, where Kafka has one, and the short name of the file's header; either is understood.

use crate::contract::{Acks, AutoOffsetReset, CleanupPolicy, Contract, Delivery, TransactionOrder};
use crate::history::Isolation;
use std::collections::BTreeMap;
use std::str::FromStr;
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

/// All settings, in the order in which a contract is told.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "acks",
        short: "acks",
        allowed: Allowed::Words(&["0", "1", "all"]),
        get: |contract| acks_name(contract.acks).to_owned(),
        set: |contract, value| assign(&mut contract.acks, acks(value)),
    },
    Setting {
        key: "min.insync.replicas",
        short: "min_isr",
        allowed: Allowed::From(1),
        get: |contract| contract.min_insync_replicas.to_string(),
        set: |contract, value| assign(&mut contract.min_insync_replicas, at_least_one(value)),
    },
    Setting {
        key: "replication.factor",
        short: "rf",
        allowed: Allowed::From(1),
        get: |contract| contract.replication_factor.to_string(),
        set: |contract, value| assign(&mut contract.replication_factor, at_least_one(value)),
    },
    Setting {
        key: "unclean.leader.election.enable",
        short: "unclean_election",
        allowed: BOOLEAN,
        get: |contract| contract.unclean_leader_election.to_string(),
        set: |contract, value| assign(&mut contract.unclean_leader_election, boolean(value)),
    },
    Setting {
        key: "flush.messages",
        short: "flush_messages",
        allowed: Allowed::From(1),
        get: |contract| if contract.flush_every_message { "1" } else { FLUSH_NEVER }.to_owned(),
        set: |contract, value| {
            assign(
                &mut contract.flush_every_message,
                at_least::<u64>(1, value).map(|every| every == 1),
            )
        },
    },
    Setting {
        key: "correlated.power.loss",
        short: "correlated_power_loss",
        allowed: BOOLEAN,
        get: |contract| contract.correlated_power_loss.to_string(),
        set: |contract, value| assign(&mut contract.correlated_power_loss, boolean(value)),
    },
    Setting {
        key: "enable.idempotence",
        short: "idempotence",
        allowed: BOOLEAN,
        get: |contract| contract.idempotence.to_string(),
        set: |contract, value| assign(&mut contract.idempotence, boolean(value)),
    },
    Setting {
        key: "retries",
        short: "retries",
        allowed: Allowed::From(0),
        get: |contract| if contract.retries { RETRY_FOREVER } else { "0" }.to_owned(),
        set: |contract, value| {
            assign(&mut contract.retries, at_least::<u32>(0, value).map(|retries| retries > 0))
        },
    },
    Setting {
        key: "max.in.flight.requests.per.connection",
        short: "max_in_flight",
        allowed: Allowed::From(1),
        get: |contract| contract.max_in_flight.to_string(),
        set: |contract, value| assign(&mut contract.max_in_flight, at_least_one(value)),
    },
    Setting {
        key: "auto.offset.reset",
        short: "auto_reset",
        allowed: Allowed::Words(&["earliest", "latest", "none"]),
        get: |contract| reset_name(contract.auto_offset_reset).to_owned(),
        set: |contract, value| assign(&mut contract.auto_offset_reset, reset(value)),
    },
    Setting {
        key: "delivery",
        short: "delivery",
        allowed: Allowed::Words(&["at-least-once", "at-most-once"]),
        get: |contract| delivery_name(contract.delivery).to_owned(),
        set: |contract, value| assign(&mut contract.delivery, delivery(value)),
    },
    Setting {
        key: "recovery.ms",
        short: "recovery_ms",
        allowed: Allowed::From(0),
        get: |contract| contract.recovery_ms.to_string(),
        set: |contract, value| assign(&mut contract.recovery_ms, value.parse().ok()),
    },
    Setting {
        key: "isolation.level",
        short: "isolation",
        allowed: Allowed::Words(&["read_committed", "read_uncommitted"]),
        get: |contract| isolation_name(contract.isolation).to_owned(),
        set: |contract, value| assign(&mut contract.isolation, isolation(value)),
    },
    Setting {
        key: "cleanup.policy",
        short: "cleanup",
        allowed: Allowed::Words(&["delete", "compact"]),
        get: |contract| cleanup_name(contract.cleanup_policy).to_owned(),
        set: |contract, value| assign(&mut contract.cleanup_policy, cleanup(value)),
    },
    Setting {
        key: "enable.auto.commit",
        short: "auto_commit",
        allowed: BOOLEAN,
        get: |contract| contract.auto_commit.to_string(),
        set: |contract, value| assign(&mut contract.auto_commit, boolean(value)),
    },
    Setting {
        key: "transaction.order",
        short: "txn_order",
        allowed: Allowed::Words(&["reads", "writes", "serializable"]),
        get: |contract| order_name(contract.transaction_order).to_owned(),
        set: |contract, value| assign(&mut contract.transaction_order, order(value)),
    },
    Setting {
        key: "anti.dependencies",
        short: "rw_deps",
        allowed: BOOLEAN,
        get: |contract| contract.anti_dependencies.to_string(),
        set: |contract, value| assign(&mut contract.anti_dependencies, boolean(value)),
    },
];

const BOOLEAN: Allowed = Allowed::Words(&["true", "false"]);

/// Kafka's default of `flush.messages`: the operating system flushes when it likes.
const FLUSH_NEVER: &str = "9223372036854775807";

/// Kafka's default of `retries`; the contract knows only whether there are any.
const RETRY_FOREVER: &str = "2147483647";

fn assign<T>(field: &mut T, value: Option<T>) -> Option<()> {
    *field = value?;
    Some(())
}

fn boolean(value: &str) -> Option<bool> {
    value.parse().ok()
}

fn at_least<N: FromStr + PartialOrd>(least: N, value: &str) -> Option<N> {
    value.parse().ok().filter(|number| *number >= least)
}

fn at_least_one(value: &str) -> Option<u32> {
    at_least(1, value)
}

fn acks(value: &str) -> Option<Acks> {
    match value {
        "0" => Some(Acks::Zero),
        "1" => Some(Acks::One),
        "all" | "-1" => Some(Acks::All),
        _ => None,
    }
}

fn acks_name(acks: Acks) -> &'static str {
    match acks {
        Acks::Zero => "0",
        Acks::One => "1",
        Acks::All => "all",
    }
}

fn reset(value: &str) -> Option<AutoOffsetReset> {
    match value {
        "earliest" => Some(AutoOffsetReset::Earliest),
        "latest" => Some(AutoOffsetReset::Latest),
        "none" => Some(AutoOffsetReset::None),
        _ => None,
    }
}

fn reset_name(reset: AutoOffsetReset) -> &'static str {
    match reset {
        AutoOffsetReset::Earliest => "earliest",
        AutoOffsetReset::Latest => "latest",
        AutoOffsetReset::None => "none",
    }
}

fn delivery(value: &str) -> Option<Delivery> {
    match value {
        "at-least-once" => Some(Delivery::AtLeastOnce),
        "at-most-once" => Some(Delivery::AtMostOnce),
        _ => None,
    }
}

fn delivery_name(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::AtLeastOnce => "at-least-once",
        Delivery::AtMostOnce => "at-most-once",
    }
}

fn isolation(level: &str) -> Option<Isolation> {
    match level {
        "read_committed" => Some(Isolation::ReadCommitted),
        "read_uncommitted" => Some(Isolation::ReadUncommitted),
        _ => None,
    }
}

fn isolation_name(isolation: Isolation) -> &'static str {
    match isolation {
        Isolation::ReadCommitted => "read_committed",
        Isolation::ReadUncommitted => "read_uncommitted",
    }
}

fn cleanup(policy: &str) -> Option<CleanupPolicy> {
    match policy {
        "delete" => Some(CleanupPolicy::Delete),
        "compact" => Some(CleanupPolicy::Compact),
        _ => None,
    }
}

fn cleanup_name(policy: CleanupPolicy) -> &'static str {
    match policy {
        CleanupPolicy::Delete => "delete",
        CleanupPolicy::Compact => "compact",
    }
}

fn order(word: &str) -> Option<TransactionOrder> {
    match word {
        "reads" => Some(TransactionOrder::Reads),
        "writes" => Some(TransactionOrder::Writes),
        "serializable" => Some(TransactionOrder::Serializable),
        _ => None,
    }
}

fn order_name(order: TransactionOrder) -> &'static str {
    match order {
        TransactionOrder::Reads => "reads",
        TransactionOrder::Writes => "writes",
        TransactionOrder::Serializable => "serializable",
    }
}

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
    /// other readers, such as `sub_via`; they are passed over.
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
