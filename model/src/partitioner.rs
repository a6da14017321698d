//! Which partition a record goes to. As Kafka's `BuiltInPartitioner` (KIP-480, KIP-794) and `Utils.murmur2`.
//!
//! A record with a key goes to the partition its key hashes to, available or not. Keyless records stick to one
//! partition until `batch.size` bytes went there, then move on to another one drawn at random, shorter queues with
//! greater odds ([`adaptive_partition`], Kafka's default) or all with the same ([`random_partition`]):
//!
//! ```text
//!            0 ........ batch.size ........ 2 * batch.size
//! stays      | always   | if the batch is   |
//! switches   |          | complete          | always
//! ```
//!
//! Nothing here draws: the caller passes the random number, so that it comes from an addressed stream.

/// The partition of a keyed record among all `partition_count` partitions of its topic.
///
/// # Panics
/// If the topic has no partitions.
pub fn partition_for_key(key: &[u8], partition_count: u32) -> u32 {
    assert!(partition_count > 0, "a topic has at least one partition");
    to_positive(murmur2::murmur2(key, murmur2::KAFKA_SEED)) % partition_count
}

/// One of the partitions that have a leader, or of all when none has, each as likely as the others.
///
/// # Panics
/// If `available` is empty and `partition_count` is zero.
pub fn random_partition(draw: u32, available: &[u32], partition_count: u32) -> u32 {
    let draw = to_positive(draw);
    if available.is_empty() {
        assert!(partition_count > 0, "a topic has at least one partition");
        return draw % partition_count;
    }
    available[draw as usize % available.len()]
}

/// The batches that wait in the accumulator for one partition that has a leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionQueue {
    /// The partition's number.
    pub partition: u32,
    /// How many batches wait.
    pub batches: u32,
}

/// One of the partitions in `queues`, the likelier the fewer batches wait for it: the longest queue has the weight 1,
/// one that is shorter by n batches n + 1. As `BuiltInPartitioner.updatePartitionLoadStats`, which Kafka consults with
/// `partitioner.adaptive.partitioning.enable` once every partition of the topic has had a batch; until then, and when
/// no partition has a leader, it is [`random_partition`].
///
/// # Panics
/// If `queues` is empty.
pub fn adaptive_partition(draw: u32, queues: &[PartitionQueue]) -> u32 {
    let longest = queues.iter().map(|queue| queue.batches).max();
    let longest = longest.expect("the caller has seen a partition with a leader");
    let weight = |queue: &PartitionQueue| u64::from(longest - queue.batches) + 1;
    let mut ticket = u64::from(to_positive(draw)) % queues.iter().map(weight).sum::<u64>();
    for queue in queues {
        match ticket.checked_sub(weight(queue)) {
            Some(rest) => ticket = rest,
            None => return queue.partition,
        }
    }
    unreachable!("a ticket is less than the sum of the weights")
}

/// Clears the sign of what Java sees as a signed number; not its absolute value.
fn to_positive(number: u32) -> u32 {
    number & 0x7fff_ffff
}

/// The partition that keyless records of one topic stick to at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StickyPartition {
    partition: u32,
    produced_bytes: u64,
}

impl StickyPartition {
    /// Sticks to `partition`, with nothing produced to it yet.
    pub fn new(partition: u32) -> Self {
        Self { partition, produced_bytes: 0 }
    }

    /// Where the next keyless record goes.
    pub fn partition(&self) -> u32 {
        self.partition
    }

    /// Counts `appended_bytes` just appended to the partition; true if the next record goes elsewhere, which means
    /// that the caller makes a new one. `batch_complete` is whether the partition has no batch that waits for more
    /// records: switching in the middle of one would make batches small. Since batches also leave by `linger.ms`, the
    /// caller asks once more, with no bytes, before the next record. A `batch_size` of zero counts as one, as in Kafka.
    pub fn is_used_up(
        &mut self,
        appended_bytes: u32,
        batch_size: u32,
        batch_complete: bool,
    ) -> bool {
        self.produced_bytes += u64::from(appended_bytes);
        let batch_size = u64::from(batch_size.max(1));
        let enough = self.produced_bytes >= batch_size && batch_complete;
        enough || self.produced_bytes >= batch_size * 2
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The vectors of Kafka's own `UtilsTest.testMurmur2`.
    const MURMUR2: &[(&str, i32)] = &[
        ("21", -973_932_308),
        ("foobar", -790_332_482),
        ("a-little-bit-long-string", -985_981_536),
        ("a-little-bit-longer-string", -1_486_304_829),
        ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        ("abc", 479_470_107),
    ];

    #[test]
    fn keys_hash_as_kafkas_do() {
        for &(key, hash) in MURMUR2 {
            assert_eq!(murmur2::murmur2(key.as_bytes(), murmur2::KAFKA_SEED) as i32, hash, "{key}");
        }
    }

    /// The hash of `21` is -973932308: without its sign bit 1173551340, which is 3 modulo 7; negated it would be 6.
    #[test]
    fn a_negative_hash_loses_its_sign_bit_and_is_not_negated() {
        assert_eq!(partition_for_key(b"21", 7), 3);
    }

    #[test]
    fn a_keyless_record_goes_to_a_partition_with_a_leader_if_there_is_one() {
        assert_eq!(random_partition(4, &[2, 5, 9], 10), 5);
        assert_eq!(random_partition(4, &[], 10), 4);
    }

    fn queues(batches: &[u32]) -> Vec<PartitionQueue> {
        let numbered = (0..).zip(batches);
        numbered.map(|(partition, &batches)| PartitionQueue { partition, batches }).collect()
    }

    #[test]
    fn a_partition_is_the_likelier_the_shorter_its_queue() {
        let drawn: Vec<_> =
            (0..9).map(|draw| adaptive_partition(draw, &queues(&[0, 3, 1]))).collect();
        assert_eq!(drawn, [0, 0, 0, 0, 1, 2, 2, 2, 0]);
    }

    #[test]
    fn a_partition_is_left_at_the_batch_boundary_after_batch_size() {
        let mut sticky = StickyPartition::new(3);
        assert_eq!(sticky.partition(), 3);
        assert!(!sticky.is_used_up(99, 100, true), "not enough produced");
        assert!(!sticky.is_used_up(1, 100, false), "in the middle of a batch");
        assert!(sticky.is_used_up(0, 100, true), "enough, and the batch has left since");
    }

    #[test]
    fn a_partition_is_left_at_twice_batch_size_whatever_the_batch() {
        let mut sticky = StickyPartition::new(0);
        assert!(!sticky.is_used_up(199, 100, false));
        assert!(sticky.is_used_up(1, 100, false));
    }

    #[test]
    fn without_batching_every_record_goes_elsewhere() {
        assert!(StickyPartition::new(0).is_used_up(2, 0, false));
    }

    proptest! {
        #[test]
        fn a_key_always_goes_to_the_same_existing_partition(key: Vec<u8>, count in 1..=u32::MAX) {
            let partition = partition_for_key(&key, count);
            prop_assert!(partition < count);
            prop_assert_eq!(partition, partition_for_key(&key, count));
        }

        #[test]
        fn every_partition_is_drawn_equally_often(count in 1_u32..50) {
            let mut drawn = vec![0; count as usize];
            for draw in 0..count * 3 {
                drawn[random_partition(draw, &[], count) as usize] += 1;
            }
            prop_assert!(drawn.iter().all(|&times| times == 3), "{:?}", drawn);
        }

        #[test]
        fn equal_queues_are_drawn_as_without_adapting(draw: u32, batches: u32, count in 1_usize..9) {
            let adaptive = adaptive_partition(draw, &queues(&vec![batches; count]));
            prop_assert_eq!(adaptive, random_partition(draw, &[], count as u32));
        }

        #[test]
        fn a_draw_of_any_sign_picks_an_available_partition(
            draw: u32,
            available in prop::collection::vec(0_u32..9, 1..5),
        ) {
            prop_assert!(available.contains(&random_partition(draw, &available, 9)));
        }
    }
}
