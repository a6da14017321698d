//! What a broker knows of the cluster: what the part of the metadata log that it has read adds up to
//! (`KRaftMetadataCache`). It lags behind the controller, and so may be out of date about anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ktrial_sim::sorted_map::SortedMap;

use crate::ids::{BrokerEpoch, BrokerId, MetadataOffset, TopicPartition};
use crate::metadata::{BrokerState, MetadataRecord, PartitionState};

use super::partition::BrokerRegistrations;

/// The cache. Cloning is cheap until something changes.
#[derive(Clone, Default, Debug)]
pub struct MetadataCache {
    end_offset: MetadataOffset,
    partitions: Arc<BTreeMap<TopicPartition, PartitionState>>,
    brokers: SortedMap<BrokerId, CachedBroker>,
}

/// A registered broker.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct CachedBroker {
    epoch: BrokerEpoch,
    state: BrokerState,
}

/// What a batch of records changed. Only the last state counts: what was in between nobody gets to see (P5).
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct MetadataDelta {
    /// Partitions that changed, in order.
    pub partitions: BTreeSet<TopicPartition>,
    /// Brokers that were registered, fenced, unfenced or began to stop.
    pub brokers: BTreeSet<BrokerId>,
}

impl MetadataDelta {
    /// Takes in what a later batch changed.
    pub fn extend(&mut self, later: MetadataDelta) {
        self.partitions.extend(later.partitions);
        self.brokers.extend(later.brokers);
    }
}

impl MetadataCache {
    /// The next offset of the metadata log to read.
    pub fn end_offset(&self) -> MetadataOffset {
        self.end_offset
    }

    /// The partition's state.
    pub fn partition(&self, partition: TopicPartition) -> Option<&PartitionState> {
        self.partitions.get(&partition)
    }

    /// All partitions in order.
    pub fn partitions(&self) -> impl Iterator<Item = (TopicPartition, &PartitionState)> {
        self.partitions.iter().map(|(partition, state)| (*partition, state))
    }

    /// Brokers that are not fenced; clients are told of these.
    pub fn alive_brokers(&self) -> impl Iterator<Item = BrokerId> {
        self.brokers
            .iter()
            .filter(|(_, broker)| broker.state != BrokerState::Fenced)
            .map(|(id, _)| *id)
    }

    /// Applies records that follow what was read before. Records read already are skipped.
    ///
    /// # Panics
    /// If there is a gap before them.
    pub fn apply(
        &mut self,
        base_offset: MetadataOffset,
        records: Vec<MetadataRecord>,
    ) -> MetadataDelta {
        assert!(base_offset <= self.end_offset, "the metadata log is read without gaps");
        let known = (self.end_offset.0 - base_offset.0) as usize;
        let mut delta = MetadataDelta::default();
        for record in records.into_iter().skip(known) {
            self.end_offset.0 += 1;
            self.replay(record, &mut delta);
        }
        delta
    }

    fn replay(&mut self, record: MetadataRecord, delta: &mut MetadataDelta) {
        match record {
            MetadataRecord::RegisterBroker { broker, broker_epoch, .. } => {
                self.brokers.insert(
                    broker,
                    CachedBroker { epoch: broker_epoch, state: BrokerState::Fenced },
                );
                delta.brokers.insert(broker);
            }
            MetadataRecord::BrokerChange { broker, broker_epoch, state } => {
                self.brokers.insert(broker, CachedBroker { epoch: broker_epoch, state });
                delta.brokers.insert(broker);
            }
            MetadataRecord::Partition(partition, state) => {
                Arc::make_mut(&mut self.partitions).insert(partition, state);
                delta.partitions.insert(partition);
            }
        }
    }
}

impl BrokerRegistrations for MetadataCache {
    fn registration(&self, broker: BrokerId) -> Option<(BrokerEpoch, BrokerState)> {
        self.brokers.get(&broker).map(|cached| (cached.epoch, cached.state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{LeaderEpoch, PartitionEpoch, TopicId};

    const PARTITION: TopicPartition = TopicPartition::new(TopicId(1), 0);
    const BROKER: BrokerId = BrokerId(2);

    fn led_by(leader: BrokerId, epoch: u32) -> MetadataRecord {
        let state = PartitionState {
            replicas: vec![leader],
            isr: vec![leader],
            elr: Vec::new(),
            last_known_elr: Vec::new(),
            leader: Some(leader),
            leader_epoch: LeaderEpoch(epoch),
            partition_epoch: PartitionEpoch(epoch),
            recovering: false,
        };
        MetadataRecord::Partition(PARTITION, state)
    }

    fn registered(epoch: u64) -> MetadataRecord {
        MetadataRecord::RegisterBroker {
            broker: BROKER,
            incarnation: epoch,
            broker_epoch: BrokerEpoch(epoch),
            unclean_shutdown: false,
        }
    }

    fn in_state(epoch: u64, state: BrokerState) -> MetadataRecord {
        MetadataRecord::BrokerChange { broker: BROKER, broker_epoch: BrokerEpoch(epoch), state }
    }

    #[test]
    fn p5_only_the_last_state_of_a_batch_is_seen() {
        let mut cache = MetadataCache::default();
        let delta =
            cache.apply(MetadataOffset(0), vec![led_by(BrokerId(1), 0), led_by(BrokerId(2), 1)]);
        assert_eq!(delta.partitions, BTreeSet::from([PARTITION]));
        assert_eq!(cache.partition(PARTITION).and_then(|state| state.leader), Some(BrokerId(2)));
    }

    #[test]
    fn records_read_twice_change_nothing() {
        let mut cache = MetadataCache::default();
        cache.apply(MetadataOffset(0), vec![led_by(BrokerId(1), 0), led_by(BrokerId(2), 1)]);
        let delta =
            cache.apply(MetadataOffset(0), vec![led_by(BrokerId(1), 0), led_by(BrokerId(2), 1)]);
        assert_eq!(delta, MetadataDelta::default());
        assert_eq!(cache.end_offset(), MetadataOffset(2));
    }

    #[test]
    #[should_panic(expected = "without gaps")]
    fn a_gap_is_a_defect() {
        MetadataCache::default().apply(MetadataOffset(1), vec![registered(1)]);
    }

    #[test]
    fn a_restarted_broker_is_another_one_and_fenced() {
        let mut cache = MetadataCache::default();
        cache.apply(
            MetadataOffset(0),
            vec![registered(0), in_state(0, BrokerState::InControlledShutdown)],
        );
        assert_eq!(cache.alive_brokers().collect::<Vec<_>>(), [BROKER], "clients may still use it");
        cache.apply(MetadataOffset(2), vec![registered(2)]);
        assert_eq!(cache.registration(BROKER), Some((BrokerEpoch(2), BrokerState::Fenced)));
        assert_eq!(cache.alive_brokers().count(), 0);
    }
}
