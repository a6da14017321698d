//! A leader's wish for another ISR: granted, or refused with the first rule it breaks (C1 to C3;
//! `ReplicationControlManager.alterPartition`, KIP-497, KIP-841, KIP-903).

use crate::error_code::ErrorCode;
use crate::ids::{BrokerEpoch, BrokerId};
use crate::message::{AlterPartitionRequest, AlterPartitionResponse, AlterPartitionWish};
use crate::metadata::{BrokerState, MetadataRecord, PartitionState};
use crate::mutant::{Mutant, Mutation};

use super::partition_change_builder::PartitionChangeBuilder;
use super::registration::ClusterControl;
use super::replication_control::ReplicationControl;

/// The records that grant what can be granted, and the answer for when they are committed.
pub fn alter_partition(
    request: &AlterPartitionRequest,
    replication: &ReplicationControl,
    cluster: &ClusterControl,
) -> (Vec<MetadataRecord>, AlterPartitionResponse) {
    if let Err(error) = cluster.check_broker_epoch(request.broker, request.broker_epoch) {
        return (Vec::new(), AlterPartitionResponse { error, partitions: Vec::new() });
    }
    let mut records = Vec::new();
    let mut partitions = Vec::with_capacity(request.partitions.len());
    for wish in &request.partitions {
        let granted = grant(request.broker, wish, replication, cluster);
        if let Ok(Some(state)) = &granted {
            records.push(MetadataRecord::Partition(wish.partition, state.clone()));
        }
        partitions.push((wish.partition, answer(request.broker, wish, granted, replication)));
    }
    (records, AlterPartitionResponse { error: ErrorCode::None, partitions })
}

/// C3: the state that grants the wish; `None` if it is so already.
fn grant(
    broker: BrokerId,
    wish: &AlterPartitionWish,
    replication: &ReplicationControl,
    cluster: &ClusterControl,
) -> Result<Option<PartitionState>, ErrorCode> {
    let partition =
        replication.partition(wish.partition).ok_or(ErrorCode::UnknownTopicOrPartition)?;
    let rules = replication.rules(wish.partition);
    validate(broker, wish, partition, cluster, rules.mutation)?;
    let is_active = |broker| cluster.is_active(broker);
    Ok(PartitionChangeBuilder::new(partition, &is_active, rules)
        .election(replication.election(wish.partition))
        .target_isr(wish.new_isr.iter().map(|(replica, _)| *replica).collect())
        .target_recovering(!wish.recovered)
        .build())
}

/// What the leader is told. If the change elects another leader, it is an error although the change is made.
fn answer(
    broker: BrokerId,
    wish: &AlterPartitionWish,
    granted: Result<Option<PartitionState>, ErrorCode>,
    replication: &ReplicationControl,
) -> Result<PartitionState, ErrorCode> {
    match granted? {
        Some(state) if state.leader == Some(broker) => Ok(state),
        Some(_) => Err(ErrorCode::NewLeaderElected),
        None => {
            replication.partition(wish.partition).cloned().ok_or(ErrorCode::UnknownTopicOrPartition)
        }
    }
}

/// C2, in Kafka's order.
fn validate(
    broker: BrokerId,
    wish: &AlterPartitionWish,
    partition: &PartitionState,
    cluster: &ClusterControl,
    mutation: Mutation,
) -> Result<(), ErrorCode> {
    let is_stale = wish.partition_epoch < partition.partition_epoch;
    if wish.leader_epoch > partition.leader_epoch
        || wish.partition_epoch > partition.partition_epoch
    {
        Err(ErrorCode::NotController)
    } else if wish.leader_epoch < partition.leader_epoch {
        Err(ErrorCode::FencedLeaderEpoch)
    } else if partition.leader != Some(broker) {
        Err(ErrorCode::InvalidRequest)
    } else if is_stale && !mutation.is(Mutant::ForgetPartitionEpochCheck) {
        Err(ErrorCode::InvalidUpdateVersion)
    } else if !is_valid_isr(broker, wish, partition) {
        Err(ErrorCode::InvalidRequest)
    } else if !is_eligible_isr(wish, cluster)
        && !mutation.is(Mutant::AcceptFencedIsrMember)
        && !mutation.is(Mutant::CountFencedFollower)
    {
        Err(ErrorCode::IneligibleReplica)
    } else {
        Ok(())
    }
}

/// Assigned replicas, each once, the leader among them; alone while it recovers, which nobody returns to (KIP-704).
fn is_valid_isr(broker: BrokerId, wish: &AlterPartitionWish, partition: &PartitionState) -> bool {
    let isr = &wish.new_isr;
    let is_assigned_once = |(replica, _): &(BrokerId, _)| {
        partition.replicas.contains(replica)
            && isr.iter().filter(|(other, _)| other == replica).count() == 1
    };
    isr.iter().all(is_assigned_once)
        && isr.iter().any(|(replica, _)| *replica == broker)
        && (wish.recovered || partition.recovering && isr.len() == 1)
}

/// KIP-841: nobody fenced or stopping. KIP-903: nobody of an earlier incarnation than the leader has seen.
fn is_eligible_isr(wish: &AlterPartitionWish, cluster: &ClusterControl) -> bool {
    let is_eligible = |(replica, epoch): &(BrokerId, Option<BrokerEpoch>)| {
        cluster.registration(*replica).is_some_and(|registration| {
            registration.state == BrokerState::Active
                && epoch.is_none_or(|epoch| epoch == registration.epoch)
        })
    };
    wish.new_isr.iter().all(is_eligible)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::fixture::{Fixture, LEADER, PARTITION};
    use crate::ids::{LeaderEpoch, PartitionEpoch, TopicId, TopicPartition};

    /// The leader's wish for `isr`, based on the current state.
    fn wish(fixture: &Fixture, isr: &[u16]) -> AlterPartitionWish {
        let state = fixture.state();
        AlterPartitionWish {
            partition: PARTITION,
            leader_epoch: state.leader_epoch,
            partition_epoch: state.partition_epoch,
            new_isr: isr.iter().map(|id| (BrokerId(*id), None)).collect(),
            recovered: true,
        }
    }

    fn answer_to(
        fixture: &Fixture,
        sender: BrokerId,
        wish: AlterPartitionWish,
    ) -> Result<PartitionState, ErrorCode> {
        let request = AlterPartitionRequest {
            broker: sender,
            broker_epoch: fixture.epoch(sender),
            partitions: vec![wish],
        };
        let (records, response) =
            alter_partition(&request, &fixture.replication, &fixture.cluster_control);
        let [(_, answer)] = response.partitions.try_into().expect("one answer per wish");
        assert_eq!(records.len(), usize::from(answer.is_ok()), "what is refused changes nothing");
        answer
    }

    #[test]
    fn c1_an_earlier_incarnation_is_refused_as_a_whole() {
        let fixture = Fixture::new();
        let request = AlterPartitionRequest {
            broker: LEADER,
            broker_epoch: BrokerEpoch(99),
            partitions: vec![wish(&fixture, &[0, 1])],
        };
        let (records, response) =
            alter_partition(&request, &fixture.replication, &fixture.cluster_control);
        assert_eq!((records.len(), response.error), (0, ErrorCode::StaleBrokerEpoch));
    }

    #[test]
    fn c2_the_first_broken_rule_is_the_answer() {
        type Spoil = fn(&mut AlterPartitionWish);
        let cases: [(&str, Spoil, ErrorCode); 8] = [
            (
                "unknown",
                |w| w.partition = TopicPartition::new(TopicId(0), 9),
                ErrorCode::UnknownTopicOrPartition,
            ),
            ("future leader epoch", |w| w.leader_epoch = LeaderEpoch(9), ErrorCode::NotController),
            (
                "future partition epoch",
                |w| w.partition_epoch = PartitionEpoch(9),
                ErrorCode::NotController,
            ),
            ("old leader epoch", |w| w.leader_epoch = LeaderEpoch(0), ErrorCode::FencedLeaderEpoch),
            (
                "old partition epoch",
                |w| w.partition_epoch = PartitionEpoch(0),
                ErrorCode::InvalidUpdateVersion,
            ),
            ("twice in the ISR", |w| w.new_isr.push((LEADER, None)), ErrorCode::InvalidRequest),
            ("not assigned", |w| w.new_isr.push((BrokerId(9), None)), ErrorCode::InvalidRequest),
            ("recovering again", |w| w.recovered = false, ErrorCode::InvalidRequest),
        ];
        let mut fixture = Fixture::new();
        fixture.move_leadership_to_and_fro();
        for (name, spoil, error) in cases {
            let mut spoilt = wish(&fixture, &[0, 1]);
            spoil(&mut spoilt);
            assert_eq!(answer_to(&fixture, LEADER, spoilt), Err(error), "{name}");
        }
    }

    #[test]
    fn c2_only_the_leader_may_wish_and_not_itself_away() {
        let fixture = Fixture::new();
        assert_eq!(
            answer_to(&fixture, BrokerId(1), wish(&fixture, &[0, 1])),
            Err(ErrorCode::InvalidRequest)
        );
        assert_eq!(
            answer_to(&fixture, LEADER, wish(&fixture, &[1, 2])),
            Err(ErrorCode::InvalidRequest)
        );
    }

    #[test]
    fn c2_a_fenced_stopping_or_restarted_replica_is_ineligible() {
        for state in [BrokerState::Fenced, BrokerState::InControlledShutdown] {
            let mut fixture = Fixture::new();
            fixture.set_state(BrokerId(2), state);
            assert_eq!(
                answer_to(&fixture, LEADER, wish(&fixture, &[0, 1, 2])),
                Err(ErrorCode::IneligibleReplica)
            );
        }
        let fixture = Fixture::new();
        let mut of_earlier_incarnation = wish(&fixture, &[0, 1]);
        of_earlier_incarnation.new_isr[1].1 = Some(BrokerEpoch(99));
        assert_eq!(
            answer_to(&fixture, LEADER, of_earlier_incarnation),
            Err(ErrorCode::IneligibleReplica)
        );
    }

    #[test]
    fn c3_a_granted_wish_is_the_new_state() {
        let fixture = Fixture::new();
        let state = answer_to(&fixture, LEADER, wish(&fixture, &[0, 2])).expect("granted");
        assert_eq!(state.isr, [BrokerId(0), BrokerId(2)]);
        assert_eq!(
            (state.leader_epoch, state.partition_epoch),
            (LeaderEpoch(0), PartitionEpoch(1))
        );
    }

    #[test]
    fn c3_what_is_so_already_is_granted_without_a_record() {
        let fixture = Fixture::new();
        let partitions = vec![wish(&fixture, &[0, 1, 2])];
        let request = AlterPartitionRequest {
            broker: LEADER,
            broker_epoch: fixture.epoch(LEADER),
            partitions,
        };
        let (records, response) =
            alter_partition(&request, &fixture.replication, &fixture.cluster_control);
        assert_eq!((records.len(), &response.partitions[0].1), (0, &Ok(fixture.state().clone())));
    }
}
