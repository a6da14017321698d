//! What a cluster is: brokers, topics, groups. The same for every process of a trial, known before it starts.

use crate::config::{BrokerConfig, TopicConfig};
use crate::ids::{BrokerId, GroupId, TopicId, TopicPartition};
use crate::mutant::Mutation;
use ktrial_sim::node_id::NodeId;

/// The cluster as an operator would describe it.
#[derive(Clone, Debug)]
pub struct Cluster {
    /// The node of the controller.
    pub controller: NodeId,
    /// All brokers; clients use them as bootstrap servers.
    pub brokers: Vec<BrokerId>,
    /// All topics by [`TopicId`]; the first is `__consumer_offsets`.
    pub topics: Vec<Topic>,
    /// Names of all consumer groups by [`GroupId`].
    pub groups: Vec<String>,
    /// The static broker configuration, the same on every broker and on the controller.
    pub config: BrokerConfig,
    /// Whether eligible leader replicas are kept (`eligible.leader.replicas.version` >= 1, KIP-966).
    pub eligible_leader_replicas: bool,
    /// The deliberate defect it runs with, in builds that have them.
    pub mutation: Mutation,
}

/// A topic as it was created.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its configuration with the brokers' defaults filled in.
    pub config: TopicConfig,
    /// Assigned replicas of each partition, preferred leader first. A partition without replicas is not simulated: nobody
    /// uses it (most of `__consumer_offsets`, in a cluster with few groups).
    pub assignment: Vec<Vec<BrokerId>>,
}

impl Cluster {
    /// The topic's description.
    ///
    /// # Panics
    /// If there is no such topic.
    pub fn topic(&self, topic: TopicId) -> &Topic {
        &self.topics[usize::from(topic.0)]
    }

    /// Every simulated partition with its assigned replicas, by topic and number.
    pub fn partitions(&self) -> impl Iterator<Item = (TopicPartition, &[BrokerId])> {
        let all = self.topics.iter().enumerate().flat_map(|(topic, description)| {
            description.assignment.iter().enumerate().map(move |(partition, replicas)| {
                (TopicPartition::new(TopicId(topic as u16), partition as u16), replicas.as_slice())
            })
        });
        all.filter(|(_, replicas)| !replicas.is_empty())
    }

    /// `orders-0`, as Kafka writes it.
    pub fn partition_name(&self, partition: TopicPartition) -> String {
        format!("{}-{}", self.topic(partition.topic).name, partition.partition)
    }

    /// The partition of `__consumer_offsets` that holds a group's offsets: Java's hash of the group's name, modulo the
    /// number of partitions (`GroupCoordinator.partitionFor`).
    pub fn offsets_partition(&self, group: GroupId) -> TopicPartition {
        let hash = self.groups[usize::from(group.0)]
            .encode_utf16()
            .fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
        let partitions = self.topic(TopicId::CONSUMER_OFFSETS).assignment.len() as u32;
        // Utils.abs maps Integer.MIN_VALUE to 0.
        let partition = hash.checked_abs().unwrap_or(0) as u32 % partitions;
        TopicPartition::new(TopicId::CONSUMER_OFFSETS, partition as u16)
    }
}
