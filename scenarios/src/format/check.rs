//! What a well-formed scenario can still get wrong: numbers that contradict each other, words that name nothing.

use std::collections::BTreeSet;

use ktrial_sim::fault::FaultPlan;

use super::{Expectation, Nodes, Scenario};

/// What is wrong with a scenario, and at which key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// The keys that lead to the offending value; positions in lists are written as numbers.
    pub path: Vec<String>,
    /// What is wrong.
    pub message: String,
    /// The nearest right thing, when one is known.
    pub help: Option<String>,
    /// Whether the key itself is wrong, not its value.
    pub is_key: bool,
}

impl Problem {
    pub fn new(path: &[&str], message: impl Into<String>) -> Self {
        let path = path.iter().map(|step| (*step).to_owned()).collect();
        Self { path, message: message.into(), help: None, is_key: false }
    }

    pub fn of_key(path: &[&str], message: impl Into<String>) -> Self {
        Self { is_key: true, ..Self::new(path, message) }
    }

    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

impl Scenario {
    /// Looks for what the types cannot rule out.
    pub(super) fn check(&self) -> Result<(), Problem> {
        self.check_cluster()?;
        self.check_topics()?;
        self.check_nodes()?;
        self.check_faults()?;
        self.check_network()?;
        self.kafka_config()?;
        check_expectation(&["expect"], &self.expect)?;
        self.check_twin()
    }

    fn check_cluster(&self) -> Result<(), Problem> {
        if self.cluster.brokers == 0 {
            return Err(Problem::new(&["cluster", "brokers"], "a cluster has at least 1 broker"));
        }
        if self.cluster.controllers != 1 {
            let message = "exactly 1 controller is modelled today";
            return Err(Problem::new(&["cluster", "controllers"], message));
        }
        Ok(())
    }

    fn check_topics(&self) -> Result<(), Problem> {
        if self.topics.is_empty() {
            let help = "add [[topics]] with a name";
            return Err(Problem::new(&["topics"], "a scenario has at least 1 topic").help(help));
        }
        let mut names = BTreeSet::new();
        for (index, topic) in self.topics.iter().enumerate() {
            let at =
                |key, message: String| Problem::new(&["topics", &index.to_string(), key], message);
            if !names.insert(&topic.name) {
                return Err(at("name", format!("a second topic `{}`", topic.name)));
            }
            if topic.partitions == 0 {
                return Err(at("partitions", "a topic has at least 1 partition".to_owned()));
            }
            let (factor, brokers) = (topic.replication_factor, self.cluster.brokers);
            if factor == 0 || factor > brokers {
                let needed = factor.max(1);
                let message = format!(
                    "replication factor {factor} needs {needed} brokers, the cluster has {brokers}"
                );
                return Err(at("replication-factor", message));
            }
        }
        Ok(())
    }

    fn check_nodes(&self) -> Result<(), Problem> {
        let Self { cluster, producers, consumers, .. } = self;
        if producers.burst == 0 {
            let message = "a burst has at least 1 record";
            return Err(Problem::new(&["producers", "burst"], message));
        }
        let counts = [cluster.brokers, cluster.controllers, producers.count, consumers.count];
        let nodes = counts.into_iter().fold(0, u32::saturating_add);
        if nodes > Nodes::MAX {
            let message =
                format!("{nodes} nodes are more than the {} that a scenario can have", Nodes::MAX);
            return Err(Problem::new(&["cluster", "brokers"], message));
        }
        Ok(())
    }

    fn check_faults(&self) -> Result<(), Problem> {
        let fleet = self.nodes().fleet();
        let profile = self.fault_profile().validate(&fleet);
        profile.map_err(|error| Problem::new(&["faults"], error.to_string()))?;
        let explicit = FaultPlan { faults: self.faults.explicit.clone(), core: None };
        explicit
            .validate(&fleet)
            .map_err(|error| Problem::new(&["faults", "explicit"], error.to_string()))
    }

    fn check_network(&self) -> Result<(), Problem> {
        if self.network.latency_min > self.network.latency_max {
            let (least, greatest) = (self.network.latency_min, self.network.latency_max);
            let message =
                format!("the least latency, {least}, is greater than the greatest, {greatest}");
            return Err(Problem::new(&["network", "latency-min"], message));
        }
        Ok(())
    }

    fn check_twin(&self) -> Result<(), Problem> {
        let Some(twin) = &self.twin else { return Ok(()) };
        for change in twin.overrides() {
            let base = Self { twin: None, ..self.clone() };
            if let Err(error) = base.with(std::slice::from_ref(&change)) {
                let problem = Problem::new(&["twin", "set", &change.key], error.message);
                return Err(Problem { help: error.help, ..problem });
            }
        }
        check_expectation(&["twin"], &twin.expectation())
    }
}

fn check_expectation(path: &[&str], expect: &Expectation) -> Result<(), Problem> {
    match expect.finds.iter().position(|finding| finding.within_seeds == 0) {
        None => Ok(()),
        Some(index) => {
            let index = index.to_string();
            let at = [path, &["finds", &index, "within-seeds"]].concat();
            Err(Problem::new(&at, "an anomaly cannot be found within 0 seeds"))
        }
    }
}
