//! How a client's connections behave, from its configuration: keys that all clients share (`CommonClientConfigs`).

use ktrial_sim::time::Duration;

use crate::client::backoff::ExponentialBackoff;
use crate::config::{ConsumerConfig, ProducerConfig};

/// A consumer may have as many requests in flight as it likes (`ConsumerUtils`).
const CONSUMER_MAX_IN_FLIGHT: u32 = 100;

/// The settings of a client's connections.
#[derive(Copy, Clone, Debug)]
pub struct ConnectionSettings {
    /// `max.in.flight.requests.per.connection`; a consumer's is 100.
    pub max_in_flight: u32,
    /// `request.timeout.ms`.
    pub request_timeout: Duration,
    /// `reconnect.backoff.ms` to `reconnect.backoff.max.ms`.
    pub reconnect_backoff: ExponentialBackoff,
    /// `socket.connection.setup.timeout.ms` to `socket.connection.setup.timeout.max.ms`.
    pub setup_timeout: ExponentialBackoff,
    /// `connections.max.idle.ms`; [`Duration::FOREVER`] for -1.
    pub max_idle: Duration,
}

/// The settings that a client's configuration asks for. A macro, because the two have the same fields in different types.
macro_rules! settings {
    ($config:expr, $max_in_flight:expr) => {
        ConnectionSettings {
            max_in_flight: $max_in_flight,
            request_timeout: Duration::from_millis($config.request_timeout_ms),
            reconnect_backoff: ExponentialBackoff::from_millis(
                $config.reconnect_backoff_ms,
                $config.reconnect_backoff_max_ms,
            ),
            setup_timeout: ExponentialBackoff::from_millis(
                $config.socket_connection_setup_timeout_ms,
                $config.socket_connection_setup_timeout_max_ms,
            ),
            max_idle: u64::try_from($config.connections_max_idle_ms)
                .map_or(Duration::FOREVER, Duration::from_millis),
        }
    };
}

impl From<&ProducerConfig> for ConnectionSettings {
    fn from(config: &ProducerConfig) -> Self {
        settings!(config, config.max_in_flight_requests_per_connection)
    }
}

impl From<&ConsumerConfig> for ConnectionSettings {
    fn from(config: &ConsumerConfig) -> Self {
        settings!(config, CONSUMER_MAX_IN_FLIGHT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn connections_are_idle_for_as_long_as_the_client_says() {
        let max_idle = |text| {
            let (config, _) =
                ConsumerConfig::from_pairs([("connections.max.idle.ms", text)]).unwrap();
            ConnectionSettings::from(&config).max_idle
        };
        assert_eq!(max_idle("70"), Duration::from_millis(70));
        assert_eq!(max_idle("-1"), Duration::FOREVER);
    }

    #[test]
    fn only_a_producer_says_how_many_requests_are_in_flight() {
        let pair = [("max.in.flight.requests.per.connection", "3")];
        let (producer, _) = ProducerConfig::from_pairs(pair).unwrap();
        assert_eq!(ConnectionSettings::from(&producer).max_in_flight, 3);
        assert_eq!(ConnectionSettings::from(&ConsumerConfig::default()).max_in_flight, 100);
    }
}
