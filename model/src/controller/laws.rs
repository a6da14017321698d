//! Laws of the controller's decisions, whatever happens to the brokers (invariants W10, W11, W13).

use std::sync::Arc;

use proptest::prelude::*;

use super::alter_partition::alter_partition;
use super::registration::{ClusterControl, Registration};
use super::replication_control::ReplicationControl;
use crate::cluster::{Cluster, Topic};
use crate::config::{BrokerConfig, TopicConfig};
use crate::ids::{BrokerEpoch, BrokerId, TopicId, TopicPartition};
use crate::message::{AlterPartitionRequest, AlterPartitionWish};
use crate::metadata::{BrokerState, MetadataRecord, PartitionState};
use crate::mutant::Mutation;
use ktrial_sim::node_id::NodeId;

const BROKERS: u16 = 4;

/// Something that happens to a broker or to the cluster.
#[derive(Copy, Clone, Debug)]
enum Happening {
    Restarts { broker: BrokerId, unclean: bool },
    Unfenced(BrokerId),
    Fenced(BrokerId),
    Stops(BrokerId),
    LeaderWishes { partition: u16, members: u8, epochs_behind: u32 },
    Balance,
    ElectUncleanly,
}

fn happening() -> impl Strategy<Value = Happening> {
    let broker = || (0..BROKERS).prop_map(BrokerId);
    prop_oneof![
        2 => (broker(), any::<bool>()).prop_map(|(broker, unclean)| Happening::Restarts { broker, unclean }),
        4 => broker().prop_map(Happening::Unfenced),
        2 => broker().prop_map(Happening::Fenced),
        1 => broker().prop_map(Happening::Stops),
        6 => (0..3u16, any::<u8>(), prop_oneof![9 => Just(0), 1 => 1..3u32]).prop_map(
            |(partition, members, epochs_behind)| Happening::LeaderWishes { partition, members, epochs_behind }
        ),
        1 => Just(Happening::Balance),
        1 => Just(Happening::ElectUncleanly),
    ]
}

fn partition(number: u16) -> TopicPartition {
    TopicPartition::new(TopicId(0), number)
}

/// Four brokers, three partitions of three replicas, `min.insync.replicas` 2.
fn cluster(eligible_leader_replicas: bool, unclean: bool, mutation: Mutation) -> Cluster {
    let brokers: Vec<BrokerId> = (0..BROKERS).map(BrokerId).collect();
    let replicas =
        |first: usize| (0..3).map(|next| brokers[(first + next) % brokers.len()]).collect();
    let config = TopicConfig {
        min_insync_replicas: 2,
        unclean_leader_election_enable: unclean,
        ..TopicConfig::default()
    };
    Cluster {
        controller: NodeId(BROKERS),
        topics: vec![Topic {
            name: "orders".to_owned(),
            config,
            assignment: (0..3).map(replicas).collect(),
        }],
        brokers,
        groups: Vec::new(),
        config: BrokerConfig::default(),
        eligible_leader_replicas,
        mutation,
    }
}

/// The deciding parts of a controller, whose records commit at once.
struct Decider {
    cluster: Arc<Cluster>,
    cluster_control: ClusterControl,
    replication: ReplicationControl,
    end_offset: u64,
}

impl Decider {
    /// All brokers are active and all partitions exist.
    fn new(cluster: Cluster) -> Self {
        let cluster = Arc::new(cluster);
        let (cluster_control, replication) =
            (ClusterControl::default(), ReplicationControl::new(Arc::clone(&cluster)));
        let mut decider = Decider { cluster, cluster_control, replication, end_offset: 0 };
        for broker in decider.cluster.brokers.clone() {
            decider.happens(Happening::Restarts { broker, unclean: false });
            decider.happens(Happening::Unfenced(broker));
        }
        assert_eq!(
            decider.replication.partitions().count(),
            3,
            "the last broker completes the cluster"
        );
        decider
    }

    fn registration(&self, broker: BrokerId, states: &[BrokerState]) -> Option<Registration> {
        self.cluster_control
            .registration(broker)
            .copied()
            .filter(|found| states.contains(&found.state))
    }

    fn happens(&mut self, happening: Happening) {
        let records = self.decide(happening);
        for record in &records {
            self.commit(record);
        }
    }

    fn decide(&self, happening: Happening) -> Vec<MetadataRecord> {
        use BrokerState::{Active, Fenced, InControlledShutdown};
        let (replication, brokers) = (&self.replication, &self.cluster_control);
        match happening {
            Happening::Restarts { broker, unclean } => self.restart(broker, unclean),
            Happening::Unfenced(broker) => {
                self.registration(broker, &[Fenced]).map_or_else(Vec::new, |registration| {
                    replication.broker_unfenced(broker, &registration, brokers)
                })
            }
            Happening::Fenced(broker) => self
                .registration(broker, &[Active, InControlledShutdown])
                .map_or_else(Vec::new, |registration| {
                    replication.broker_fenced(broker, &registration, brokers)
                }),
            Happening::Stops(broker) => {
                self.registration(broker, &[Active]).map_or_else(Vec::new, |registration| {
                    replication.broker_in_controlled_shutdown(broker, &registration, brokers)
                })
            }
            Happening::LeaderWishes { partition, members, epochs_behind } => {
                self.wish(partition, members, epochs_behind)
            }
            Happening::Balance => replication.balance_leaders(brokers),
            Happening::ElectUncleanly => replication.elect_unclean_leaders(brokers),
        }
    }

    fn restart(&self, broker: BrokerId, unclean_shutdown: bool) -> Vec<MetadataRecord> {
        let mut records =
            self.replication.broker_restarted(broker, unclean_shutdown, &self.cluster_control);
        let broker_epoch = BrokerEpoch(self.end_offset + records.len() as u64);
        let incarnation = broker_epoch.0;
        records.push(MetadataRecord::RegisterBroker {
            broker,
            incarnation,
            broker_epoch,
            unclean_shutdown,
        });
        records
    }

    /// The leader wishes for an ISR of the replicas whose bits are set in `members`, based on an old state if
    /// `epochs_behind` is above zero. It is not granted what breaks a rule, so any wish will do.
    fn wish(&self, number: u16, members: u8, epochs_behind: u32) -> Vec<MetadataRecord> {
        let Some(state) = self.replication.partition(partition(number)) else { return Vec::new() };
        let Some(leader) = state.leader else { return Vec::new() };
        let chosen = |(bit, replica): (usize, &BrokerId)| {
            (members >> bit & 1 == 1).then_some((*replica, None))
        };
        let mut wish = AlterPartitionWish {
            partition: partition(number),
            leader_epoch: state.leader_epoch,
            partition_epoch: state.partition_epoch,
            new_isr: state.replicas.iter().enumerate().filter_map(chosen).collect(),
            recovered: true,
        };
        wish.partition_epoch.0 = wish.partition_epoch.0.saturating_sub(epochs_behind);
        let broker_epoch =
            self.cluster_control.registration(leader).expect("a leader is registered").epoch;
        let request =
            AlterPartitionRequest { broker: leader, broker_epoch, partitions: vec![wish] };
        alter_partition(&request, &self.replication, &self.cluster_control).0
    }

    fn commit(&mut self, record: &MetadataRecord) {
        self.cluster_control.replay(record);
        let before = self.replication.replay(record);
        self.end_offset += 1;
        if let (Some(before), MetadataRecord::Partition(_, after)) = (before, record) {
            assert_succeeds(&before, after);
        }
    }

    fn assert_valid(&self) {
        for (_, state) in self.replication.partitions() {
            self.assert_valid_state(state);
        }
    }

    /// W11.
    fn assert_valid_state(&self, state: &PartitionState) {
        let all_assigned =
            state.isr.iter().chain(&state.elr).all(|replica| state.replicas.contains(replica));
        assert!(all_assigned, "ISR and ELR are replicas: {state:?}");
        assert!(
            state.leader.is_none_or(|leader| state.isr.contains(&leader)),
            "the leader is in the ISR: {state:?}"
        );
        assert!(
            state.isr.iter().all(|replica| !state.elr.contains(replica)),
            "ISR and ELR are disjoint: {state:?}"
        );
        assert!(
            state.isr.len() < 2 || state.elr.is_empty(),
            "a sufficient ISR needs no ELR: {state:?}"
        );
        let is_alive = |replica: &BrokerId| self.cluster_control.is_active(*replica);
        let may_keep_last = !self.cluster.eligible_leader_replicas
            && state.isr.len() == 1
            && state.leader.is_none();
        assert!(may_keep_last || state.isr.iter().all(is_alive), "the ISR lives: {state:?}");
        if self.cluster.eligible_leader_replicas {
            let known =
                !state.isr.is_empty() || !state.elr.is_empty() || !state.last_known_elr.is_empty();
            assert!(known, "somebody is known who could lead: {state:?}");
        } else {
            assert!(
                !state.isr.is_empty() && state.elr.is_empty(),
                "without ELR the ISR is never empty: {state:?}"
            );
        }
    }
}

/// W10, K1.
fn assert_succeeds(before: &PartitionState, after: &PartitionState) {
    assert_eq!(after.partition_epoch, before.partition_epoch.next(), "every change counts");
    let leader_epoch = if before.leader == after.leader {
        before.leader_epoch
    } else {
        before.leader_epoch.next()
    };
    assert_eq!(after.leader_epoch, leader_epoch, "a new leader counts, nothing else does");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn w10_w11_hold_whatever_happens(
        eligible_leader_replicas: bool,
        unclean: bool,
        happenings in prop::collection::vec(happening(), 0..60),
    ) {
        let mut decider = Decider::new(cluster(eligible_leader_replicas, unclean, Mutation::default()));
        for happening in happenings {
            decider.happens(happening);
            decider.assert_valid();
        }
    }

    #[test]
    fn w13_nobody_returns_from_an_unclean_shutdown_without_the_leader(
        happenings in prop::collection::vec(happening(), 0..40),
        broker in (0..BROKERS).prop_map(BrokerId),
    ) {
        let mut decider = Decider::new(cluster(true, false, Mutation::default()));
        happenings.into_iter().for_each(|happening| decider.happens(happening));
        decider.happens(Happening::Restarts { broker, unclean: true });
        for (_, state) in decider.replication.partitions() {
            prop_assert!(!state.isr.contains(&broker) && !state.elr.contains(&broker), "{state:?}");
        }
    }

    #[test]
    fn a_partition_has_a_leader_as_long_as_anyone_in_sync_lives(
        happenings in prop::collection::vec(happening(), 0..60),
    ) {
        let mut decider = Decider::new(cluster(true, false, Mutation::default()));
        happenings.into_iter().for_each(|happening| decider.happens(happening));
        for (_, state) in decider.replication.partitions() {
            let can_lead = |replica: &BrokerId| decider.cluster_control.is_active(*replica);
            let candidates = if state.isr.is_empty() { &state.elr } else { &state.isr };
            prop_assert!(state.leader.is_some() || !candidates.iter().any(can_lead), "{state:?}");
        }
    }
}

/// Every mutant of the decisions breaks a law, so the laws have teeth.
#[cfg(feature = "mutants")]
mod mutants {
    use super::*;
    use crate::mutant::Mutant;

    fn mutant(mutant: Mutant) -> Decider {
        Decider::new(cluster(true, false, Mutation::of(mutant)))
    }

    #[test]
    #[should_panic(expected = "the ISR lives")]
    fn a_fenced_member_of_the_isr_is_caught() {
        let mut decider = mutant(Mutant::AcceptFencedIsrMember);
        decider.happens(Happening::Fenced(BrokerId(1)));
        decider.happens(Happening::LeaderWishes { partition: 0, members: 0b111, epochs_behind: 0 });
        decider.assert_valid();
    }

    #[test]
    #[should_panic(expected = "the leader is in the ISR")]
    fn a_leader_from_outside_the_isr_is_caught() {
        let mut decider = mutant(Mutant::ElectOutOfIsr);
        decider.happens(Happening::LeaderWishes { partition: 0, members: 0b101, epochs_behind: 0 });
        decider.happens(Happening::Fenced(BrokerId(0)));
        decider.assert_valid();
    }

    #[test]
    #[should_panic(expected = "it was based on the immediate predecessor")]
    fn a_wish_based_on_an_old_state_is_caught() {
        let mut decider = mutant(Mutant::ForgetPartitionEpochCheck);
        decider.happens(Happening::LeaderWishes { partition: 0, members: 0b011, epochs_behind: 0 });
        let outdated = Happening::LeaderWishes { partition: 0, members: 0b111, epochs_behind: 1 };
        assert!(decider.decide(outdated).is_empty(), "it was based on the immediate predecessor");
    }
}
