//! The nodes of a trial, grouped by role, as far as faults need to know them.

use std::collections::{BTreeMap, BTreeSet};

use crate::node_id::NodeId;

/// Named groups of nodes ("servers", "clients"). A node may play several roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fleet {
    nodes: BTreeSet<NodeId>,
    roles: BTreeMap<String, BTreeSet<NodeId>>,
}

impl Fleet {
    /// A fleet without nodes.
    pub fn new() -> Self {
        Fleet::default()
    }

    /// This fleet, in which `nodes` play `role` too. A role that nobody plays does not exist.
    #[must_use]
    pub fn with_role(mut self, role: &str, nodes: impl IntoIterator<Item = NodeId>) -> Self {
        for node in nodes {
            self.nodes.insert(node);
            self.roles.entry(role.to_owned()).or_default().insert(node);
        }
        self
    }

    /// The nodes that play `role`, ascending, at least one; `None` if nobody plays it.
    pub fn role(&self, role: &str) -> Option<&BTreeSet<NodeId>> {
        self.roles.get(role)
    }

    /// The names of all roles, ascending.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.roles.keys().map(String::as_str)
    }

    /// All nodes, ascending, each once.
    pub fn nodes(&self) -> &BTreeSet<NodeId> {
        &self.nodes
    }

    /// Whether `node` plays one of `roles`; every node does if none is named.
    pub fn plays(&self, node: NodeId, roles: &[String]) -> bool {
        let has = |role: &String| self.role(role).is_some_and(|nodes| nodes.contains(&node));
        roles.is_empty() || roles.iter().any(has)
    }
}
