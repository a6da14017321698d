//! What a scenario's configuration promises, in the checker's words.

use ktrial_checker::contract::{Acks, AutoOffsetReset, Contract, Delivery};
use ktrial_model::config;
use ktrial_sim::fault::Recipe;

use crate::format::{Commit, Scenario};

/// The contract of a checked scenario. Where topics differ, the weakest counts.
pub fn contract(scenario: &Scenario) -> Contract {
    let config = scenario.config();
    let topics = &config.topics;
    Contract {
        acks: match config.producer.acks {
            config::Acks::Zero => Acks::Zero,
            config::Acks::One => Acks::One,
            config::Acks::All => Acks::All,
        },
        min_insync_replicas: topics
            .iter()
            .map(|topic| topic.min_insync_replicas)
            .min()
            .unwrap_or(1),
        replication_factor: scenario
            .topics
            .iter()
            .map(|topic| topic.replication_factor)
            .min()
            .unwrap_or(1),
        unclean_leader_election: topics.iter().any(|topic| topic.unclean_leader_election_enable),
        flush_every_message: topics.iter().all(|topic| topic.flush_messages == 1),
        correlated_power_loss: scenario
            .fault_profile()
            .draw
            .contains_key(&Recipe::CorrelatedPowerLoss),
        idempotence: false,
        retries: config.producer.retries > 0,
        max_in_flight: config.producer.max_in_flight_requests_per_connection,
        auto_offset_reset: match config.consumer.auto_offset_reset {
            config::AutoOffsetReset::Earliest => AutoOffsetReset::Earliest,
            config::AutoOffsetReset::Latest => AutoOffsetReset::Latest,
            config::AutoOffsetReset::None => AutoOffsetReset::None,
        },
        delivery: match scenario.consumers.commit {
            Commit::BeforeProcessing => Delivery::AtMostOnce,
            Commit::Auto | Commit::AfterProcessing => Delivery::AtLeastOnce,
        },
        // The other half is for what was tried then to be answered in.
        recovery_ms: scenario.end.deadline.nanos / 1_000_000 / 2,
        ..Contract::default()
    }
}
