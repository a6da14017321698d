//! For tests: a controller's decisions on three active brokers and one partition that they replicate, in sync and led by
//! broker 0, with `min.insync.replicas` 2.

use std::sync::Arc;

use ktrial_sim::node_id::NodeId;

use super::registration::ClusterControl;
use super::replication_control::ReplicationControl;
use crate::cluster::{Cluster, Topic};
use crate::config::{BrokerConfig, TopicConfig};
use crate::ids::{BrokerEpoch, BrokerId, TopicId, TopicPartition};
use crate::metadata::{BrokerState, MetadataRecord, PartitionState};
use crate::mutant::Mutation;

/// The partition.
pub const PARTITION: TopicPartition = TopicPartition::new(TopicId(0), 0);
/// Its first leader.
pub const LEADER: BrokerId = BrokerId(0);

pub struct Fixture {
    pub cluster_control: ClusterControl,
    pub replication: ReplicationControl,
}

impl Fixture {
    pub fn new() -> Self {
        Fixture::of(true, false)
    }

    pub fn without_elr(unclean_leader_election_enable: bool) -> Self {
        Fixture::of(false, unclean_leader_election_enable)
    }

    fn of(eligible_leader_replicas: bool, unclean_leader_election_enable: bool) -> Self {
        let brokers: Vec<BrokerId> = (0..3).map(BrokerId).collect();
        let config = TopicConfig {
            min_insync_replicas: 2,
            unclean_leader_election_enable,
            ..TopicConfig::default()
        };
        let topic = Topic { name: "orders".to_owned(), config, assignment: vec![brokers.clone()] };
        let cluster = Cluster {
            controller: NodeId(3),
            brokers: brokers.clone(),
            topics: vec![topic],
            groups: Vec::new(),
            config: BrokerConfig::default(),
            eligible_leader_replicas,
            mutation: Mutation::default(),
        };
        let (cluster_control, replication) =
            (ClusterControl::default(), ReplicationControl::new(Arc::new(cluster)));
        let mut fixture = Fixture { cluster_control, replication };
        brokers.into_iter().for_each(|broker| fixture.register(broker));
        fixture
    }

    fn register(&mut self, broker: BrokerId) {
        let broker_epoch = BrokerEpoch(u64::from(broker.0));
        self.commit(vec![MetadataRecord::RegisterBroker {
            broker,
            incarnation: 0,
            broker_epoch,
            unclean_shutdown: false,
        }]);
        self.unfence(broker);
    }

    pub fn commit(&mut self, records: Vec<MetadataRecord>) {
        for record in records {
            self.cluster_control.replay(&record);
            self.replication.replay(&record);
        }
    }

    pub fn state(&self) -> &PartitionState {
        self.replication.partition(PARTITION).expect("created with the last broker")
    }

    pub fn epoch(&self, broker: BrokerId) -> BrokerEpoch {
        self.cluster_control.registration(broker).expect("registered").epoch
    }

    pub fn fence(&mut self, broker: BrokerId) {
        let registration = *self.cluster_control.registration(broker).expect("registered");
        self.commit(self.replication.broker_fenced(broker, &registration, &self.cluster_control));
    }

    pub fn unfence(&mut self, broker: BrokerId) {
        let registration = *self.cluster_control.registration(broker).expect("registered");
        self.commit(self.replication.broker_unfenced(broker, &registration, &self.cluster_control));
    }

    /// Changes the broker's state and nothing else.
    pub fn set_state(&mut self, broker: BrokerId, state: BrokerState) {
        let broker_epoch = self.epoch(broker);
        self.commit(vec![MetadataRecord::BrokerChange { broker, broker_epoch, state }]);
    }

    /// As if the leader's wish were granted.
    pub fn set_isr(&mut self, isr: &[u16]) {
        let mut state = self.state().clone();
        state.isr = isr.iter().map(|id| BrokerId(*id)).collect();
        state.elr.clear();
        state.partition_epoch = state.partition_epoch.next();
        self.commit(vec![MetadataRecord::Partition(PARTITION, state)]);
    }

    /// Ends as it began, but at later epochs.
    pub fn move_leadership_to_and_fro(&mut self) {
        self.fence(LEADER);
        self.unfence(LEADER);
        self.set_isr(&[1, 2, 0]);
        self.commit(self.replication.balance_leaders(&self.cluster_control));
        assert_eq!(self.state().leader, Some(LEADER));
    }
}
