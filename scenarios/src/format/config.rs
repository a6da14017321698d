//! From the Kafka keys of a scenario to the model's typed configuration.

use ktrial_model::config::{
    BrokerConfig, ClusterFeatures, Config, ConfigError, ConsumerConfig, ProducerConfig,
    TopicConfig, Warning,
};

use super::check::Problem;
use super::{Commit, Scenario, Settings};

/// The typed configuration of every part of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KafkaConfig {
    /// Of every broker and controller.
    pub broker: BrokerConfig,
    /// Of the cluster.
    pub features: ClusterFeatures,
    /// Of each topic, in the order of the scenario.
    pub topics: Vec<TopicConfig>,
    /// Of every producer.
    pub producer: ProducerConfig,
    /// Of every consumer.
    pub consumer: ConsumerConfig,
    /// What runs, but perhaps not as its author thinks.
    pub warnings: Vec<Warning>,
}

impl Scenario {
    /// The scenario's Kafka keys, typed, and whatever they leave out at Kafka's defaults.
    pub(super) fn kafka_config(&self) -> Result<KafkaConfig, Problem> {
        let mut warnings = Vec::new();
        let broker = parsed(&["cluster", "config"], self.cluster.config.iter(), &mut warnings)?;
        let features =
            parsed(&["cluster", "features"], self.cluster.features.iter(), &mut warnings)?;
        let topics = self.topic_configs(&broker, &mut warnings)?;
        let producer =
            parsed(&["producers", "config"], self.producers.config.iter(), &mut warnings)?;
        self.check_consumer_keys()?;
        let consumer = parsed(&["consumers", "config"], self.consumer_pairs(), &mut warnings)?;
        Ok(KafkaConfig { broker, features, topics, producer, consumer, warnings })
    }

    /// The typed configuration of a scenario that was read or changed, which has been checked.
    ///
    /// # Panics
    /// When a scenario was put together by hand with a wrong key or value.
    #[must_use]
    pub fn config(&self) -> KafkaConfig {
        self.kafka_config().unwrap_or_else(|problem| panic!("{}", problem.message))
    }

    fn topic_configs(
        &self,
        broker: &BrokerConfig,
        warnings: &mut Vec<Warning>,
    ) -> Result<Vec<TopicConfig>, Problem> {
        let topic = |(index, settings): (usize, &Settings)| {
            let config = TopicConfig::of_cluster(broker, settings.iter());
            let (config, said) =
                config.map_err(|error| wrong(&["topics", &index.to_string(), "config"], &error))?;
            warnings.extend(said);
            Ok(config)
        };
        self.topics.iter().map(|topic| &topic.config).enumerate().map(topic).collect()
    }

    /// Refuses the keys that the scenario says in words of its own: said twice, they could contradict each other.
    fn check_consumer_keys(&self) -> Result<(), Problem> {
        let own = [("group.id", "group", "readers"), ("enable.auto.commit", "commit", "auto")];
        let said_twice = |key: &str| self.consumers.config.iter().any(|(given, _)| given == key);
        match own.into_iter().find(|(key, ..)| said_twice(key)) {
            Some((key, word, example)) => {
                let message =
                    format!("consumer setting `{key}` is said by `{word}` in [consumers]");
                let help =
                    format!("`{word} = \"{example}\"`, or `--set consumers.{word}={example}`");
                Err(Problem::of_key(&["consumers", "config", key], message).help(help))
            }
            None => Ok(()),
        }
    }

    /// The consumers' keys with those that the scenario says in words of its own.
    fn consumer_pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        let auto = if self.consumers.commit == Commit::Auto { "true" } else { "false" };
        let own = [("group.id", &self.consumers.group[..]), ("enable.auto.commit", auto)];
        own.into_iter().chain(self.consumers.config.iter())
    }
}

fn parsed<'a, C: Config>(
    path: &[&str],
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    warnings: &mut Vec<Warning>,
) -> Result<C, Problem> {
    let (config, said) = C::from_pairs(pairs).map_err(|error| wrong(path, &error))?;
    warnings.extend(said);
    Ok(config)
}

fn wrong(path: &[&str], error: &ConfigError) -> Problem {
    let path = [path, &[error.key()]].concat();
    match error {
        ConfigError::InvalidValue { .. } | ConfigError::Conflict { .. } => {
            Problem::new(&path, error.to_string())
        }
        _ => Problem::of_key(&path, error.to_string()),
    }
}
