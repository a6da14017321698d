//! The cluster's metadata: records of the controller's log and the state of a partition they add up to.
//!
//! As `metadata/src/main/resources/common/metadata/*.json` in Kafka, reduced to what decides who leads and who is in sync.

use crate::ids::{BrokerEpoch, BrokerId, LeaderEpoch, PartitionEpoch, TopicPartition};

/// A record of the metadata log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MetadataRecord {
    /// A broker's new incarnation, fenced at first (`RegisterBrokerRecord`). Its offset is the broker epoch.
    RegisterBroker {
        /// Who.
        broker: BrokerId,
        /// Names the process.
        incarnation: u64,
        /// Offset of this record.
        broker_epoch: BrokerEpoch,
        /// The incarnation before had not shut down cleanly. Kafka keeps this only in what the same batch does to ISR and
        /// ELR.
        unclean_shutdown: bool,
    },
    /// A broker was fenced or unfenced, or began a controlled shutdown (`BrokerRegistrationChangeRecord`).
    BrokerChange {
        /// Who.
        broker: BrokerId,
        /// Its incarnation.
        broker_epoch: BrokerEpoch,
        /// Whether it may lead or be in sync.
        state: BrokerState,
    },
    /// A partition came to be or changed (`PartitionRecord`, `PartitionChangeRecord`): its whole new state.
    Partition(TopicPartition, PartitionState),
}

/// What the controller lets a broker do.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum BrokerState {
    /// It may neither lead nor be in an ISR.
    Fenced,
    /// It takes part.
    Active,
    /// It is being relieved of its leaderships and will stop.
    InControlledShutdown,
}

/// A partition's state at the controller (`PartitionRegistration`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PartitionState {
    /// Assigned brokers, preferred leader first.
    pub replicas: Vec<BrokerId>,
    /// In-sync replicas.
    pub isr: Vec<BrokerId>,
    /// Eligible leader replicas: out of the ISR but known to have every committed record (KIP-966).
    pub elr: Vec<BrokerId>,
    /// The last leader, once nobody is in sync; it may lead again if nobody is eligible either. Kafka's balanced recovery
    /// keeps it in this field.
    pub last_known_elr: Vec<BrokerId>,
    /// Who leads, if anyone.
    pub leader: Option<BrokerId>,
    /// Counts leaders.
    pub leader_epoch: LeaderEpoch,
    /// Counts changes.
    pub partition_epoch: PartitionEpoch,
    /// The leader came by an unclean election and has not said yet that it recovered (KIP-704).
    pub recovering: bool,
}
