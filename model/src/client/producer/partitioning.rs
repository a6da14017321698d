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
    use super::*;

    #[test]
    fn the_bytes_of_a_key_are_its_decimal_digits() {
        for number in [0, 7, 10, 4_294_967_295] {
            assert_eq!(Digits::of(number).as_bytes(), number.to_string().as_bytes());
        }
    }
}
