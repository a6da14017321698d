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
    } else if !is_eligible_isr(wish, cluster) && !mutation.is(Mutant::AcceptFencedIsrMember) {
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
