//! What a scenario's configuration promises, in the checker's words.

use ktrial_checker::contract::{Acks, AutoOffsetReset, Contract, Delivery};
use ktrial_model::config;
use ktrial_sim::fault::Recipe;

use crate::format::{Commit, KafkaConfig, Scenario};

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
        recovery_ms: recovery_ms(scenario, &config),
        ..Contract::default()
    }
}

/// How long, once all faults are over, Kafka's own time-outs let a partition or a group stand still: a broker that fell
/// silent is fenced, a follower that lags has left the in-sync replicas at the latest one and a half times its limit later,
/// a client or follower gives up a request that nobody will answer and connects again. At most half of the deadline, as the
/// other half is for what was tried then to be answered in.
fn recovery_ms(scenario: &Scenario, config: &KafkaConfig) -> u64 {
    let KafkaConfig { broker, producer, consumer, .. } = config;
    let fenced = broker.broker_session_timeout_ms;
    let shrunk = broker.replica_lag_time_max_ms.saturating_mul(3) / 2;
    let requests = [
        producer.request_timeout_ms,
        consumer.request_timeout_ms,
        broker.replica_socket_timeout_ms,
    ];
    let backoffs = [producer.reconnect_backoff_max_ms, consumer.reconnect_backoff_max_ms];
    let longest = |times: &[u64]| times.iter().copied().max().unwrap_or(0);
    let recovered = [fenced, shrunk, longest(&requests), longest(&backoffs)];
    let half_of_deadline = scenario.end.deadline.nanos / 1_000_000 / 2;
    recovered.into_iter().fold(0, u64::saturating_add).min(half_of_deadline)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue;

    #[test]
    fn recovery_takes_as_long_as_the_time_outs_do_and_leaves_half_of_the_deadline() {
        let recovery_ms = |name| contract(&catalogue::find(name).expect("it is there")).recovery_ms;
        // 1.5 s to be fenced, 2.25 s to leave the in-sync replicas, 30 s of a request, 1 s of backoff.
        assert_eq!(recovery_ms("acks-all-survives"), 34_750);
        // With Kafka's defaults that would be 85 s.
        assert_eq!(recovery_ms("latest-reset-skips"), 60_000);
    }
}
