//! Chooses the partition of each record with [`crate::partitioner`], by what the client knows at the moment: partitions
//! without a leader are avoided, long queues too. As `KafkaProducer.partition` and `RecordAccumulator.append`.

use ktrial_sim::random::Stream;

use crate::client::metadata::ClientMetadata;
use crate::client::producer::accumulator::Accumulator;
use crate::config::ProducerConfig;
use crate::ids::{RecordKey, TopicId, TopicPartition};
use crate::partitioner::{
    PartitionQueue, StickyPartition, adaptive_partition, partition_for_key, random_partition,
};

/// The partitions that records without a key stick to.
#[derive(Clone, Debug)]
pub struct Partitioning {
    ignores_keys: bool,
    is_adaptive: bool,
    batch_size: u32,
    sticky: Vec<(TopicId, StickyPartition)>,
    /// Kept for its memory.
    queues: Vec<PartitionQueue>,
}

impl Partitioning {
    /// Sticks to nothing yet.
    pub fn new(config: &ProducerConfig) -> Self {
        Partitioning {
            ignores_keys: config.partitioner_ignore_keys,
            is_adaptive: config.partitioner_adaptive_partitioning_enable,
            batch_size: config.batch_size,
            sticky: Vec::new(),
            queues: Vec::new(),
        }
    }

    /// The partition of the next record to `topic`. Draws only if there is no partition to stick to.
    pub fn partition(
        &mut self,
        topic: TopicId,
        key: Option<RecordKey>,
        metadata: &ClientMetadata,
        accumulator: &Accumulator,
        stream: &mut Stream,
    ) -> TopicPartition {
        let number = match key.filter(|_| !self.ignores_keys) {
            Some(key) => {
                partition_for_key(Digits::of(key.0).as_bytes(), metadata.partition_count(topic))
            }
            None => self.sticky_partition(topic, metadata, accumulator, stream),
        };
        TopicPartition::new(topic, number as u16)
    }

    fn sticky_partition(
        &mut self,
        topic: TopicId,
        metadata: &ClientMetadata,
        accumulator: &Accumulator,
        stream: &mut Stream,
    ) -> u32 {
        // The batch it stuck to may have left since.
        self.count(topic, 0, accumulator);
        match self.sticky.iter().find(|(of, _)| *of == topic) {
            Some((_, sticky)) => sticky.partition(),
            None => {
                let drawn = self.draw(topic, metadata, accumulator, stream.next_u64() as u32);
                self.sticky.push((topic, StickyPartition::new(drawn)));
                drawn
            }
        }
    }

    fn draw(
        &mut self,
        topic: TopicId,
        metadata: &ClientMetadata,
        accumulator: &Accumulator,
        draw: u32,
    ) -> u32 {
        let adapts = self.is_adaptive && accumulator.has_seen_every_partition(topic);
        let length = |partition| if adapts { accumulator.queue_length(partition) } else { 0 };
        self.queues.clear();
        self.queues.extend(metadata.available_partitions(topic).map(|partition| PartitionQueue {
            partition: u32::from(partition.partition),
            batches: length(partition),
        }));
        if self.queues.is_empty() {
            random_partition(draw, &[], metadata.partition_count(topic))
        } else {
            adaptive_partition(draw, &self.queues)
        }
    }

    /// A record was appended. If it had no partition of its own, the next one may go elsewhere.
    pub fn appended(
        &mut self,
        topic: TopicId,
        key: Option<RecordKey>,
        size_bytes: u32,
        accumulator: &Accumulator,
    ) {
        if key.is_none() || self.ignores_keys {
            self.count(topic, size_bytes, accumulator);
        }
    }

    fn count(&mut self, topic: TopicId, appended_bytes: u32, accumulator: &Accumulator) {
        let batch_size = self.batch_size;
        self.sticky.retain_mut(|(of, sticky)| {
            let partition = TopicPartition::new(topic, sticky.partition() as u16);
            *of != topic
                || !sticky.is_used_up(
                    appended_bytes,
                    batch_size,
                    accumulator.is_batch_complete(partition),
                )
        });
    }
}

/// The bytes of a key: its decimal digits, without a heap allocation per record.
struct Digits {
    digits: [u8; 10],
    first: usize,
}

impl Digits {
    fn of(mut number: u32) -> Self {
        let (mut digits, mut first) = ([b'0'; 10], 10);
        loop {
            first -= 1;
            digits[first] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                return Digits { digits, first };
            }
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.digits[self.first..]
    }
}

#[cfg(test)]
mod tests {
    use ktrial_sim::time::{Duration, Instant};

    use super::*;
    use crate::client::backoff::ExponentialBackoff;
    use crate::client::producer::accumulator::AccumulatorSettings;
    use crate::client::scripted::{ORDERS, at, cluster, metadata, stream};
    use crate::config::Config;
    use crate::ids::{BrokerId, RecordId};
    use crate::message::Response;
    use crate::mutant::Mutation;
    use crate::record::{Record, RecordValue};

    const PARTITIONS: u16 = 4;

    /// A producer's choice among four partitions, of which `leaderless` has no leader.
    struct Fixture {
        partitioning: Partitioning,
        metadata: ClientMetadata,
        accumulator: Accumulator,
        stream: Stream,
    }

    impl Fixture {
        fn new(config: &[(&str, &str)], leaderless: Option<u16>) -> Self {
            let (config, _) = ProducerConfig::from_pairs(config.iter().copied()).unwrap();
            let cluster = cluster(usize::from(PARTITIONS), Mutation::default());
            let mut known =
                ClientMetadata::new(&cluster, 300_000, ExponentialBackoff::from_millis(100, 1_000));
            let Response::Metadata(mut response) = metadata(&cluster, BrokerId(1), 1) else {
                unreachable!()
            };
            let is_leaderless = |partition: TopicPartition| {
                partition.topic == ORDERS && Some(partition.partition) == leaderless
            };
            response
                .partitions
                .iter_mut()
                .filter(|known| is_leaderless(known.partition))
                .for_each(|known| known.leader = None);
            known.update(&response, at(0), &mut stream());
            let settings = AccumulatorSettings {
                batch_size: config.batch_size,
                linger: Duration::ZERO,
                buffer_memory: u64::MAX,
                delivery_timeout: Duration::FOREVER,
            };
            Fixture {
                partitioning: Partitioning::new(&config),
                metadata: known,
                accumulator: Accumulator::new(settings, [(ORDERS, PARTITIONS)]),
                stream: stream(),
            }
        }

        /// Sends a record of 100 bytes: where it goes.
        fn send(&mut self, key: Option<u32>) -> u16 {
            let key = key.map(RecordKey);
            let Fixture { partitioning, metadata, accumulator, stream } = self;
            let partition = partitioning.partition(ORDERS, key, metadata, accumulator, stream);
            let value = RecordValue::Data(RecordId(0));
            accumulator.append(
                partition,
                Record { key, value, size_bytes: 100, timestamp_ms: 0 },
                Instant::START,
            );
            partitioning.appended(ORDERS, key, 100, accumulator);
            partition.partition
        }
    }

    #[test]
    fn the_bytes_of_a_key_are_its_decimal_digits() {
        for number in [0, 7, 10, 4_294_967_295] {
            assert_eq!(Digits::of(number).as_bytes(), number.to_string().as_bytes());
        }
    }

    /// PA1.
    #[test]
    fn a_key_goes_to_its_partition_even_if_nobody_leads_it() {
        let mut fixture = Fixture::new(&[], None);
        let key = (0..).find(|&key| fixture.send(Some(key)) == 2).unwrap();
        assert_eq!(Fixture::new(&[], Some(2)).send(Some(key)), 2);
    }

    /// PA2.
    #[test]
    fn records_without_a_key_stick_to_a_partition_for_a_batch_or_two() {
        let mut fixture = Fixture::new(&[("batch.size", "400")], None);
        let sent: Vec<_> = (0..40).map(|_| fixture.send(None)).collect();
        let runs: Vec<_> =
            sent.chunk_by(|before, after| before == after).map(<[u16]>::len).collect();
        // A batch takes three records, so none is ever exactly full: they switch at twice `batch.size`.
        assert!(runs.iter().all(|run| run % 8 == 0), "{sent:?}");
        assert!(runs.len() > 1, "{sent:?}");
    }

    #[test]
    fn records_without_a_key_avoid_partitions_without_a_leader() {
        let mut fixture = Fixture::new(&[("batch.size", "0")], Some(2));
        let sent: Vec<_> = (0..100).map(|_| fixture.send(None)).collect();
        assert!(
            [0, 1, 3].iter().all(|partition| sent.contains(partition)) && !sent.contains(&2),
            "{sent:?}"
        );
    }

    #[test]
    fn a_long_queue_gets_fewer_records_if_partitioning_is_adaptive() {
        let sent_to_the_longest = |adaptive| {
            let config =
                [("batch.size", "0"), ("partitioner.adaptive.partitioning.enable", adaptive)];
            let mut fixture = Fixture::new(&config, None);
            let key_of = |partition| {
                (0..).find(|&key| Fixture::new(&[], None).send(Some(key)) == partition).unwrap()
            };
            (0..PARTITIONS)
                .for_each(|partition| assert_eq!(fixture.send(Some(key_of(partition))), partition));
            let key = key_of(0);
            (0..200).for_each(|_| assert_eq!(fixture.send(Some(key)), 0));
            (0..100).filter(|_| fixture.send(None) == 0).count()
        };
        assert!(sent_to_the_longest("true") < 5);
        assert!(sent_to_the_longest("false") > 15);
    }

    #[test]
    fn keys_can_be_ignored() {
        let mut fixture =
            Fixture::new(&[("batch.size", "0"), ("partitioner.ignore.keys", "true")], None);
        let sent: Vec<_> = (0..100).map(|_| fixture.send(Some(7))).collect();
        assert!((0..PARTITIONS).all(|partition| sent.contains(&partition)), "{sent:?}");
    }
}
