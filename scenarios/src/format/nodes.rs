//! Which simulated nodes a scenario has, and what they are called.
//!
//! Nodes are numbered as Kafka numbers them: brokers from 1, then the controllers, then the clients.

use std::ops::Range;

use ktrial_sim::fault::{Fleet, preset};
use ktrial_sim::node_id::NodeId;

use super::Scenario;

/// The nodes of a scenario by role, each role a range of node numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nodes {
    /// The brokers.
    pub brokers: Range<u16>,
    /// The controllers.
    pub controllers: Range<u16>,
    /// The producers.
    pub producers: Range<u16>,
    /// The consumers.
    pub consumers: Range<u16>,
}

impl Nodes {
    /// The most nodes a scenario can have.
    pub const MAX: u32 = 1_000;

    /// The nodes by the name of their role.
    fn roles(&self) -> [(&'static str, &Range<u16>); 4] {
        [
            ("brokers", &self.brokers),
            ("controllers", &self.controllers),
            ("producers", &self.producers),
            ("consumers", &self.consumers),
        ]
    }

    /// The nodes as the kernel's fault generator knows them. What it calls servers are the brokers.
    #[must_use]
    pub fn fleet(&self) -> Fleet {
        let ids = |range: &Range<u16>| range.clone().map(NodeId);
        let servers = Fleet::new().with_role(preset::SERVERS, ids(&self.brokers));
        self.roles()
            .into_iter()
            .fold(servers, |fleet, (role, range)| fleet.with_role(role, ids(range)))
    }

    /// A node's name: `broker-1`, `controller-4`, `producer-5`. Its number is its number among all nodes.
    #[must_use]
    pub fn name(&self, node: NodeId) -> String {
        let role = self.roles().into_iter().find(|(_, range)| range.contains(&node.0));
        let role = role.map_or("node", |(role, _)| role.trim_end_matches('s'));
        format!("{role}-{}", node.0)
    }
}

impl Scenario {
    /// The scenario's nodes.
    ///
    /// # Panics
    /// When a scenario was put together by hand with more than [`Nodes::MAX`] nodes.
    #[must_use]
    pub fn nodes(&self) -> Nodes {
        let Self { cluster, producers, consumers, .. } = self;
        let mut next = 1;
        let mut take = |count: u32| {
            let from = next;
            next += u16::try_from(count).expect("a scenario has at most 1,000 nodes");
            from..next
        };
        Nodes {
            brokers: take(cluster.brokers),
            controllers: take(cluster.controllers),
            producers: take(producers.count),
            consumers: take(consumers.count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_numbered_by_role_and_named_by_number() {
        let text = "title = 't'\n[[topics]]\nname = 'a'\n[producers]\ncount = 2";
        let nodes = Scenario::from_toml("t", text).expect("valid").nodes();
        assert_eq!((nodes.brokers.clone(), nodes.controllers.clone()), (1..4, 4..5));
        let names = [1, 4, 5, 7, 99].map(|node| nodes.name(NodeId(node)));
        assert_eq!(names, ["broker-1", "controller-4", "producer-5", "consumer-7", "node-99"]);
    }
}
