//! Fetches ahead of the application: at most one fetch per broker, at most one response per partition in the buffer. As
//! Kafka's `AbstractFetch`, `FetchBuffer` and `FetchCollector`.
//!
//! What arrives for a position that is no longer the partition's is dropped. Unlike Kafka's consumer, which fetches again
//! at once, a partition pauses after an error until `retry.backoff.ms` is over or a new leader is known; the outcome is the
//! same with fewer futile requests.

use std::collections::VecDeque;

use ktrial_sim::time::{Duration, Instant};

use crate::client::connections::Destination;
use crate::client::consumer::position::{AssignedPartition, FetchState, Position};
use crate::client::metadata::ClientMetadata;
use crate::config::ConsumerConfig;
use crate::ids::{BrokerId, Offset, RecordId, TopicPartition};
use crate::message::{FetchPartition, FetchRequest, Fetcher as FetchedBy};
use crate::record::{Batch, RecordValue};

/// Records of one partition, as `poll()` hands them out.
pub type PolledRecords = (TopicPartition, Vec<(Offset, RecordId)>);

/// What is being fetched, and what has been fetched but not handed out.
#[derive(Clone, Debug)]
pub struct Fetcher {
    settings: FetchSettings,
    /// Brokers with a fetch in flight.
    fetching_from: Vec<BrokerId>,
    buffer: VecDeque<CompletedFetch>,
}

#[derive(Copy, Clone, Debug)]
struct FetchSettings {
    max_wait: Duration,
    min_bytes: u32,
    max_bytes: u32,
    max_partition_bytes: u32,
}

/// Batches of one partition, from the offset on that was asked for.
#[derive(Clone, Debug)]
struct CompletedFetch {
    partition: TopicPartition,
    next_offset: Offset,
    batches: VecDeque<Batch>,
}

impl Fetcher {
    /// Nothing fetched.
    pub fn new(config: &ConsumerConfig) -> Self {
        let settings = FetchSettings {
            max_wait: Duration::from_millis(config.fetch_max_wait_ms),
            min_bytes: config.fetch_min_bytes,
            max_bytes: config.fetch_max_bytes,
            max_partition_bytes: config.max_partition_fetch_bytes,
        };
        Fetcher { settings, fetching_from: Vec::new(), buffer: VecDeque::new() }
    }

    /// The fetches that could be sent now: per broker without one in flight, all partitions it leads that are to be
    /// fetched and have nothing in the buffer.
    pub fn wanted(
        &self,
        partitions: &[AssignedPartition],
        metadata: &ClientMetadata,
        now: Instant,
    ) -> Vec<(BrokerId, Vec<FetchPartition>)> {
        let mut wanted: Vec<(BrokerId, Vec<FetchPartition>)> = Vec::new();
        for assigned in partitions {
            let Some((leader, _)) = metadata.leader(assigned.partition) else { continue };
            let Some(partition) = self.fetch_partition(assigned, now) else { continue };
            if self.fetching_from.contains(&leader) {
                continue;
            }
            match wanted.iter_mut().find(|(broker, _)| *broker == leader) {
                Some((_, partitions)) => partitions.push(partition),
                None => wanted.push((leader, vec![partition])),
            }
        }
        wanted
    }

    fn fetch_partition(
        &self,
        assigned: &AssignedPartition,
        now: Instant,
    ) -> Option<FetchPartition> {
        let (position, current_leader_epoch) = assigned.fetch_position(now)?;
        let is_buffered =
            self.buffer.iter().any(|completed| completed.partition == assigned.partition);
        (!is_buffered).then_some(FetchPartition {
            partition: assigned.partition,
            fetch_offset: position.offset,
            current_leader_epoch,
            last_fetched_epoch: None,
            log_start_offset: Offset::ZERO,
            max_bytes: self.settings.max_partition_bytes,
        })
    }

    /// The request for these partitions.
    pub fn request(&self, partitions: Vec<FetchPartition>) -> FetchRequest {
        FetchRequest {
            fetcher: FetchedBy::Consumer,
            max_wait: self.settings.max_wait,
            min_bytes: self.settings.min_bytes,
            max_bytes: self.settings.max_bytes,
            partitions,
        }
    }

    /// A fetch is on its way.
    pub fn sent(&mut self, broker: BrokerId) {
        self.fetching_from.push(broker);
    }

    /// A fetch was answered or failed.
    pub fn ended(&mut self, from: Destination) {
        self.fetching_from.retain(|&broker| Destination::Broker(broker) != from);
    }

    /// Keeps what was fetched from `fetch_offset` on until the application polls.
    pub fn completed(
        &mut self,
        partition: TopicPartition,
        fetch_offset: Offset,
        batches: Vec<Batch>,
    ) {
        if !batches.is_empty() {
            self.buffer.push_back(CompletedFetch {
                partition,
                next_offset: fetch_offset,
                batches: batches.into(),
            });
        }
    }

    /// Hands out up to `max_records` records and moves the positions behind them.
    pub fn poll(
        &mut self,
        partitions: &mut [AssignedPartition],
        max_records: usize,
    ) -> Vec<PolledRecords> {
        let mut polled: Vec<PolledRecords> = Vec::new();
        let mut room = max_records;
        while let Some(completed) = self.buffer.front_mut() {
            let assigned =
                partitions.iter_mut().find(|assigned| assigned.partition == completed.partition);
            let assigned = assigned.expect("only assigned partitions are fetched");
            let records = if completed.is_wanted(assigned) {
                completed.take(assigned, room)
            } else {
                Vec::new()
            };
            room -= records.len();
            if !records.is_empty() {
                polled.push((completed.partition, records));
            }
            if room == 0 && completed.is_wanted(assigned) && !completed.batches.is_empty() {
                break;
            }
            self.buffer.pop_front();
        }
        polled
    }
}

impl CompletedFetch {
    fn is_wanted(&self, assigned: &AssignedPartition) -> bool {
        let is_fetching = assigned.state() == FetchState::Fetching;
        is_fetching
            && assigned.position().is_some_and(|position| position.offset == self.next_offset)
    }

    fn take(
        &mut self,
        assigned: &mut AssignedPartition,
        max_records: usize,
    ) -> Vec<(Offset, RecordId)> {
        let mut records = Vec::new();
        while let Some(batch) = self.batches.front() {
            if records.len() == max_records {
                break;
            }
            // The first batch may begin before the offset that was asked for.
            let skipped = self.next_offset.0.saturating_sub(batch.base_offset.0) as usize;
            let room = max_records - records.len();
            let offsets = (batch.base_offset.0..).map(Offset).zip(batch.records.iter());
            let before = records.len();
            records.extend(offsets.skip(skipped).take(room).map(|(offset, record)| {
                match record.value {
                    RecordValue::Data(id) => (offset, id),
                    RecordValue::OffsetCommit(_) => {
                        unreachable!("applications read no internal topic")
                    }
                }
            }));
            if records.len() > before {
                let last = records[records.len() - 1].0;
                self.next_offset = last + 1;
                assigned.advance(Position {
                    offset: self.next_offset,
                    offset_epoch: Some(batch.leader_epoch),
                });
            }
            if self.next_offset >= batch.next_offset() {
                self.batches.pop_front();
            }
        }
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{ORDERS_0, at};
    use crate::config::Config;
    use crate::ids::LeaderEpoch;
    use crate::message::ListOffsetsTarget;
    use crate::record::Record;

    /// A partition that is read from `offset` on, and its fetcher.
    fn reading_from(offset: u64) -> (Fetcher, Vec<AssignedPartition>) {
        let mut assigned = AssignedPartition::new(ORDERS_0);
        assigned.request_reset(ListOffsetsTarget::Earliest);
        assigned.reset_to(ListOffsetsTarget::Earliest, Offset(offset));
        let (config, _) = ConsumerConfig::from_pairs([("group.id", "readers")]).unwrap();
        (Fetcher::new(&config), vec![assigned])
    }

    fn batch(base_offset: u64, count: u64, epoch: u32) -> Batch {
        let record = |id| Record {
            key: None,
            value: RecordValue::Data(RecordId(id)),
            size_bytes: 100,
            timestamp_ms: 0,
        };
        let records = (base_offset..base_offset + count).map(record).collect();
        Batch::new(records).stamped(Offset(base_offset), LeaderEpoch(epoch))
    }

    fn offsets(polled: Vec<PolledRecords>) -> Vec<u64> {
        polled.into_iter().flat_map(|(_, records)| records).map(|(offset, _)| offset.0).collect()
    }

    #[test]
    fn records_before_the_position_are_not_handed_out_again() {
        let (mut fetcher, mut partitions) = reading_from(3);
        fetcher.completed(ORDERS_0, Offset(3), vec![batch(0, 5, 1), batch(5, 2, 2)]);
        assert_eq!(offsets(fetcher.poll(&mut partitions, 3)), [3, 4, 5]);
        assert_eq!(offsets(fetcher.poll(&mut partitions, 3)), [6]);
        let position = Position { offset: Offset(7), offset_epoch: Some(LeaderEpoch(2)) };
        assert_eq!(partitions[0].position(), Some(position));
    }

    #[test]
    fn what_was_fetched_for_another_position_is_dropped() {
        let (mut fetcher, mut partitions) = reading_from(3);
        fetcher.completed(ORDERS_0, Offset(2), vec![batch(2, 5, 1)]);
        assert!(fetcher.poll(&mut partitions, 10).is_empty());
        fetcher.completed(ORDERS_0, Offset(3), vec![batch(3, 5, 1)]);
        partitions[0].request_reset(ListOffsetsTarget::Latest);
        assert!(fetcher.poll(&mut partitions, 10).is_empty());
    }

    #[test]
    fn what_is_buffered_is_not_fetched_again() {
        let (mut fetcher, mut partitions) = reading_from(3);
        assert!(fetcher.fetch_partition(&partitions[0], at(0)).is_some());
        fetcher.completed(ORDERS_0, Offset(3), vec![batch(3, 2, 1)]);
        assert!(fetcher.fetch_partition(&partitions[0], at(0)).is_none());
        fetcher.poll(&mut partitions, 10);
        assert_eq!(fetcher.fetch_partition(&partitions[0], at(0)).unwrap().fetch_offset, Offset(5));
    }
}
