//! The partitions and every change the controller makes to them on its own: creation, and what follows when brokers are
//! fenced, unfenced, stopping or restarted (`ReplicationControlManager`, K8).
//!
//! The methods decide and return records; nothing changes until the records are replayed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::cluster::Cluster;
use crate::ids::{BrokerId, LeaderEpoch, PartitionEpoch, TopicPartition};
use crate::metadata::{BrokerState, MetadataRecord, PartitionState};

use super::partition_change_builder::{ChangeRules, Election, PartitionChangeBuilder};
use super::registration::{ClusterControl, Registration};

/// All partitions. Cloning is cheap until one of them changes.
#[derive(Clone, Debug)]
pub struct ReplicationControl {
    cluster: Arc<Cluster>,
    partitions: Arc<BTreeMap<TopicPartition, PartitionState>>,
}

/// What happened to a broker, as far as elections go: its registration does not show it yet.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum BrokerEvent {
    /// It goes: it leaves the ISR and leads nothing.
    Leaves(BrokerId),
    /// It comes: it may lead.
    Joins(BrokerId),
    /// It has been gone without a clean shutdown: it leaves ISR and ELR.
    ShutDownUncleanly(BrokerId),
}

impl ReplicationControl {
    /// No partitions yet.
    pub fn new(cluster: Arc<Cluster>) -> Self {
        ReplicationControl { cluster, partitions: Arc::default() }
    }

    /// The partition's state, if it was created.
    pub fn partition(&self, partition: TopicPartition) -> Option<&PartitionState> {
        self.partitions.get(&partition)
    }

    /// All partitions in order.
    pub fn partitions(&self) -> impl Iterator<Item = (TopicPartition, &PartitionState)> {
        self.partitions.iter().map(|(partition, state)| (*partition, state))
    }

    /// Whether the broker leads a partition.
    pub fn leads_any(&self, broker: BrokerId) -> bool {
        self.partitions.values().any(|state| state.leader == Some(broker))
    }

    /// What holds for changes of the partition.
    pub fn rules(&self, partition: TopicPartition) -> ChangeRules {
        let topic = self.cluster.topic(partition.topic);
        // The first partition's replication factor stands for the topic's.
        let replication_factor = topic.assignment.first().map_or(1, Vec::len);
        ChangeRules {
            min_isr: replication_factor.min(topic.config.min_insync_replicas as usize),
            eligible_leader_replicas: self.cluster.eligible_leader_replicas,
            mutation: self.cluster.mutation,
        }
    }

    /// The election that changes of the partition go with (`unclean.leader.election.enable`).
    pub fn election(&self, partition: TopicPartition) -> Election {
        if self.cluster.topic(partition.topic).config.unclean_leader_election_enable {
            Election::Unclean
        } else {
            Election::Online
        }
    }

    /// Creates all topics at once, when every broker is active for the first time: the operator waits for the cluster to
    /// be complete. All replicas are in sync and the first one leads (`createTopics`).
    pub fn create_topics(
        &self,
        cluster_control: &ClusterControl,
        now_active: BrokerId,
    ) -> Vec<MetadataRecord> {
        let is_active =
            |broker: &BrokerId| *broker == now_active || cluster_control.is_active(*broker);
        if !self.partitions.is_empty() || !self.cluster.brokers.iter().all(is_active) {
            return Vec::new();
        }
        let created = |(partition, replicas): (_, &[BrokerId])| {
            MetadataRecord::Partition(partition, new(replicas))
        };
        self.cluster.partitions().map(created).collect()
    }

    /// The broker is fenced: it leaves every ISR, and what it led is led by others.
    pub fn broker_fenced(
        &self,
        broker: BrokerId,
        registration: &Registration,
        cluster: &ClusterControl,
    ) -> Vec<MetadataRecord> {
        let mut records = self.leader_and_isr_updates(BrokerEvent::Leaves(broker), cluster);
        records.push(broker_change(broker, registration, BrokerState::Fenced));
        records
    }

    /// The broker is unfenced: partitions without a leader look for one again. Topics come to be if it was the last one
    /// missing.
    pub fn broker_unfenced(
        &self,
        broker: BrokerId,
        registration: &Registration,
        cluster: &ClusterControl,
    ) -> Vec<MetadataRecord> {
        let mut records = vec![broker_change(broker, registration, BrokerState::Active)];
        records.extend(self.leader_and_isr_updates(BrokerEvent::Joins(broker), cluster));
        records.extend(self.create_topics(cluster, broker));
        records
    }

    /// The broker begins its controlled shutdown: as if fenced, but it goes on serving until it is told to stop.
    pub fn broker_in_controlled_shutdown(
        &self,
        broker: BrokerId,
        registration: &Registration,
        cluster: &ClusterControl,
    ) -> Vec<MetadataRecord> {
        let mut records =
            vec![broker_change(broker, registration, BrokerState::InControlledShutdown)];
        records.extend(self.leader_and_isr_updates(BrokerEvent::Leaves(broker), cluster));
        records
    }

    /// A new incarnation of the broker registers: the one before is certainly gone. After an unclean shutdown it is not
    /// even eligible any more (KIP-966); without ELR nobody asks how it went.
    pub fn broker_restarted(
        &self,
        broker: BrokerId,
        unclean_shutdown: bool,
        cluster: &ClusterControl,
    ) -> Vec<MetadataRecord> {
        if unclean_shutdown && self.cluster.eligible_leader_replicas {
            self.leader_and_isr_updates(BrokerEvent::ShutDownUncleanly(broker), cluster)
        } else {
            self.leader_and_isr_updates(BrokerEvent::Leaves(broker), cluster)
        }
    }

    /// Moves leadership back to preferred replicas that are in sync (`auto.leader.rebalance.enable`).
    pub fn balance_leaders(&self, cluster: &ClusterControl) -> Vec<MetadataRecord> {
        let is_active = |broker| cluster.is_active(broker);
        self.partitions()
            .filter(|(_, state)| state.leader != state.replicas.first().copied())
            .filter_map(|(partition, state)| {
                let builder = PartitionChangeBuilder::new(state, &is_active, self.rules(partition));
                Some(MetadataRecord::Partition(
                    partition,
                    builder.election(Election::Preferred).build()?,
                ))
            })
            .collect()
    }

    /// Elects leaders uncleanly where that is allowed and there is none: the replicas in sync may never come back.
    pub fn elect_unclean_leaders(&self, cluster: &ClusterControl) -> Vec<MetadataRecord> {
        let is_active = |broker| cluster.is_active(broker);
        self.partitions()
            .filter(|(partition, state)| {
                state.leader.is_none() && self.election(*partition) == Election::Unclean
            })
            .filter_map(|(partition, state)| {
                let builder = PartitionChangeBuilder::new(state, &is_active, self.rules(partition));
                Some(MetadataRecord::Partition(
                    partition,
                    builder.election(Election::Unclean).build()?,
                ))
            })
            .collect()
    }

    /// What the event means for every partition it concerns (`generateLeaderAndIsrUpdates`).
    fn leader_and_isr_updates(
        &self,
        event: BrokerEvent,
        cluster: &ClusterControl,
    ) -> Vec<MetadataRecord> {
        let is_acceptable =
            |broker| event.makes_acceptable(broker).unwrap_or_else(|| cluster.is_active(broker));
        self.partitions()
            .filter(|(_, state)| event.concerns(state))
            .filter_map(|(partition, state)| {
                let builder =
                    PartitionChangeBuilder::new(state, &is_acceptable, self.rules(partition))
                        .election(self.election(partition))
                        .target_isr(event.remaining(&state.isr));
                let builder = match event {
                    BrokerEvent::ShutDownUncleanly(broker) => {
                        builder.unclean_shutdown_replica(broker)
                    }
                    BrokerEvent::Leaves(_) | BrokerEvent::Joins(_) => builder,
                };
                Some(MetadataRecord::Partition(partition, builder.build()?))
            })
            .collect()
    }

    /// Applies a record and returns the partition's state before; records about brokers do not concern partitions.
    ///
    /// # Panics
    /// If the record is not the successor of the partition's state.
    pub fn replay(&mut self, record: &MetadataRecord) -> Option<PartitionState> {
        let MetadataRecord::Partition(partition, state) = record else { return None };
        let before = Arc::make_mut(&mut self.partitions).insert(*partition, state.clone());
        let expected =
            before.as_ref().map_or(PartitionEpoch(0), |before| before.partition_epoch.next());
        assert_eq!(
            state.partition_epoch, expected,
            "W10: every change follows its immediate predecessor"
        );
        before
    }
}

impl BrokerEvent {
    /// Whether the event decides if `broker` may lead, whatever its registration says.
    fn makes_acceptable(self, broker: BrokerId) -> Option<bool> {
        match self {
            BrokerEvent::Joins(joining) if broker == joining => Some(true),
            BrokerEvent::Leaves(gone) | BrokerEvent::ShutDownUncleanly(gone) if broker == gone => {
                Some(false)
            }
            BrokerEvent::Joins(_) | BrokerEvent::Leaves(_) | BrokerEvent::ShutDownUncleanly(_) => {
                None
            }
        }
    }

    fn concerns(self, state: &PartitionState) -> bool {
        match self {
            BrokerEvent::Leaves(broker) => state.isr.contains(&broker),
            BrokerEvent::Joins(_) => state.leader.is_none(),
            BrokerEvent::ShutDownUncleanly(broker) => {
                state.isr.contains(&broker) || state.elr.contains(&broker)
            }
        }
    }

    fn remaining(self, isr: &[BrokerId]) -> Vec<BrokerId> {
        match self {
            BrokerEvent::Joins(_) => isr.to_vec(),
            BrokerEvent::Leaves(gone) | BrokerEvent::ShutDownUncleanly(gone) => {
                isr.iter().copied().filter(|broker| *broker != gone).collect()
            }
        }
    }
}

/// A new partition's state: everyone in sync, the preferred replica leads.
fn new(replicas: &[BrokerId]) -> PartitionState {
    PartitionState {
        replicas: replicas.to_vec(),
        isr: replicas.to_vec(),
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        leader: replicas.first().copied(),
        leader_epoch: LeaderEpoch(0),
        partition_epoch: PartitionEpoch(0),
        recovering: false,
    }
}

fn broker_change(
    broker: BrokerId,
    registration: &Registration,
    state: BrokerState,
) -> MetadataRecord {
    MetadataRecord::BrokerChange { broker, broker_epoch: registration.epoch, state }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::fixture::{Fixture, LEADER};

    const OTHER: BrokerId = BrokerId(1);

    #[test]
    fn topics_come_to_be_when_the_last_broker_is_active_and_only_then() {
        let fixture = Fixture::new();
        assert!(
            fixture.replication.create_topics(&fixture.cluster_control, OTHER).is_empty(),
            "they exist"
        );
        let empty = ReplicationControl::new(Arc::clone(&fixture.replication.cluster));
        assert_eq!(empty.create_topics(&fixture.cluster_control, OTHER).len(), 1);
        assert!(
            empty.create_topics(&ClusterControl::default(), OTHER).is_empty(),
            "the others are missing"
        );
    }

    #[test]
    fn k8_a_fenced_leader_is_succeeded_and_leaves_the_isr() {
        let mut fixture = Fixture::new();
        fixture.fence(LEADER);
        assert_eq!(fixture.state().leader, Some(OTHER));
        assert_eq!(fixture.state().isr, [OTHER, BrokerId(2)]);
        assert!(!fixture.replication.leads_any(LEADER));
    }

    #[test]
    fn k8_an_unfenced_broker_leads_what_nobody_could() {
        let mut fixture = Fixture::new();
        [2, 1, 0].into_iter().for_each(|id| fixture.fence(BrokerId(id)));
        assert_eq!((fixture.state().leader, fixture.state().isr.len()), (None, 0));
        assert_eq!(
            fixture.state().elr,
            [0, 1].map(BrokerId),
            "who left while two were enough is not eligible"
        );
        fixture.unfence(BrokerId(2));
        assert_eq!(fixture.state().leader, None, "it may lack records");
        fixture.unfence(OTHER);
        assert_eq!(fixture.state().leader, Some(OTHER));
    }

    #[test]
    fn k8_a_stopping_leader_is_succeeded_before_it_stops() {
        let mut fixture = Fixture::new();
        let registration = *fixture.cluster_control.registration(LEADER).expect("registered");
        let records = fixture.replication.broker_in_controlled_shutdown(
            LEADER,
            &registration,
            &fixture.cluster_control,
        );
        fixture.commit(records);
        assert_eq!(fixture.state().leader, Some(OTHER));
    }

    #[test]
    fn k8_only_an_unclean_shutdown_costs_eligibility() {
        for (unclean, elr) in [(false, vec![OTHER]), (true, vec![])] {
            let mut fixture = Fixture::new();
            fixture.fence(BrokerId(2));
            let records =
                fixture.replication.broker_restarted(OTHER, unclean, &fixture.cluster_control);
            fixture.commit(records);
            assert_eq!((&fixture.state().isr, &fixture.state().elr), (&vec![LEADER], &elr));
        }
    }

    #[test]
    fn k8_leadership_returns_to_a_preferred_replica_in_sync() {
        let mut fixture = Fixture::new();
        fixture.fence(LEADER);
        fixture.unfence(LEADER);
        assert!(
            fixture.replication.balance_leaders(&fixture.cluster_control).is_empty(),
            "it is not in sync"
        );
        fixture.set_isr(&[1, 2, 0]);
        let records = fixture.replication.balance_leaders(&fixture.cluster_control);
        fixture.commit(records);
        assert_eq!(fixture.state().leader, Some(LEADER));
        assert!(
            fixture.replication.balance_leaders(&fixture.cluster_control).is_empty(),
            "once is enough"
        );
    }

    #[test]
    fn k8_only_where_it_is_allowed_a_leader_is_found_uncleanly() {
        for is_allowed in [false, true] {
            let mut fixture = Fixture::without_elr(is_allowed);
            [2, 1, 0].into_iter().for_each(|id| fixture.fence(BrokerId(id)));
            fixture.set_state(BrokerId(2), BrokerState::Active);
            let records = fixture.replication.elect_unclean_leaders(&fixture.cluster_control);
            fixture.commit(records);
            assert_eq!(fixture.state().leader, is_allowed.then_some(BrokerId(2)));
        }
    }
}
