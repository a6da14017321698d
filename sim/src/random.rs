//! Addressed randomness: every decision has an address (purpose, entity, how-many-th), none has a place in a queue.
//!
//! A [`Streams`] value is the seed; it hands out one ChaCha8 [`Stream`] per [`Address`]. Draws on one stream never move
//! another's, so taking a fault, a link or a client out of a trial leaves every other draw as it was. The address carries
//! an *epoch*: a fork that bumps the epoch of a purpose draws anew from there, and only there.
//!
//! Sampling is this file's own, in integers: no release of a random library, no platform's `libm` can change a trial.
//! The test vectors at the end are part of the trace format; a change to any of them is trace-breaking.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a stream decides. The number is part of every old trace: never renumber, only append.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u16)]
pub enum Purpose {
    /// What an actor draws for itself (jitter of its back-off, its election time-out). Entity: node and incarnation.
    Actor = 0,
    /// Delay of the n-th segment on a directed link.
    LinkLatency = 1,
    /// The permanent part of a directed link's latency, drawn once.
    LinkCharacter = 2,
    /// What dies with a connection: how much of each direction still arrives, how long each side waits.
    ConnectionFate = 3,
    /// Duration of the n-th operation of a disk.
    DiskLatency = 4,
    /// What a power loss leaves of unflushed pages.
    DiskDamage = 5,
    /// Offset and drift of a node's clocks, drawn once.
    Clock = 6,
    /// Order of events that fall on the same instant.
    TieBreak = 7,
    /// The fault plan, drawn before the trial starts.
    FaultPlan = 8,
    /// What a client asks for: keys, sizes, pauses. Entity: the client.
    Workload = 9,
    /// Free for the embedding program (topology, swarm of configurations).
    Scenario = 10,
}

impl Purpose {
    /// How many purposes there are.
    pub const COUNT: usize = 11;
}

/// Which stream: purpose and entity. Entities are below 2^40.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Address {
    /// What is decided.
    pub purpose: Purpose,
    /// For whom: a node, a directed link, a disk. Below 2^40.
    pub entity: u64,
}

impl Address {
    /// The stream of `purpose` for `entity`.
    pub const fn new(purpose: Purpose, entity: u64) -> Self {
        Address { purpose, entity }
    }

    /// The entity number of the directed link `from -> to`.
    pub const fn link(purpose: Purpose, from: u16, to: u16) -> Self {
        Address { purpose, entity: (from as u64) << 16 | to as u64 }
    }
}

/// The seed of a trial and the epoch of each purpose: the source of all streams.
#[derive(Clone, Debug)]
pub struct Streams {
    base: ChaCha8Rng,
    epochs: [u8; Purpose::COUNT],
}

impl Streams {
    /// All streams of the trial `seed`.
    pub fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(b"ktrial/1");
        Streams { base: ChaCha8Rng::from_seed(key), epochs: [0; Purpose::COUNT] }
    }

    /// The stream at `address`, from its beginning.
    ///
    /// # Panics
    /// If the entity is 2^40 or more: streams would collide.
    pub fn stream(&self, address: Address) -> Stream {
        assert!(address.entity < 1 << 40, "entity {} does not fit an address", address.entity);
        let purpose = address.purpose as u64;
        let epoch = u64::from(self.epochs[address.purpose as usize]);
        let mut rng = self.base.clone();
        rng.set_stream(purpose << 48 | epoch << 40 | address.entity);
        Stream { rng }
    }

    /// From now on, streams of `purpose` are different ones. Returns the new epoch; 256 variations wrap around.
    pub fn vary(&mut self, purpose: Purpose) -> u8 {
        let epoch = &mut self.epochs[purpose as usize];
        *epoch = epoch.wrapping_add(1);
        *epoch
    }
}

/// One addressed stream of ChaCha8 and the integer sampling on it.
#[derive(Clone, Debug)]
pub struct Stream {
    rng: ChaCha8Rng,
}

impl Stream {
    /// 64 uniform bits.
    pub fn next_u64(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// Uniform in `0..n`, without modulo bias (Lemire's multiply and reject).
    ///
    /// # Panics
    /// If `n` is zero.
    pub fn below(&mut self, n: u64) -> u64 {
        assert!(n > 0, "below(0) has no value");
        let mut wide = u128::from(self.next_u64()) * u128::from(n);
        if (wide as u64) < n {
            let rejected_below = n.wrapping_neg() % n;
            while (wide as u64) < rejected_below {
                wide = u128::from(self.next_u64()) * u128::from(n);
            }
        }
        (wide >> 64) as u64
    }

    /// Uniform in `low..=high`.
    ///
    /// # Panics
    /// If `low > high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        assert!(low <= high, "between({low}, {high}) has no value");
        match (high - low).checked_add(1) {
            Some(n) => low + self.below(n),
            None => self.next_u64(),
        }
    }

    /// True with probability `numerator / denominator`. Always one draw, whatever the odds.
    ///
    /// # Panics
    /// If `denominator` is zero.
    pub fn chance(&mut self, numerator: u64, denominator: u64) -> bool {
        self.below(denominator) < numerator
    }

    /// Exponentially distributed with mean `mean`, rounded to the nearest integer below; at most about 44 means.
    pub fn exponential(&mut self, mean: u64) -> u64 {
        exponential_from_bits(self.next_u64(), mean)
    }

    /// An index, each with probability proportional to its weight.
    ///
    /// # Panics
    /// If all weights are zero.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let total = weights.iter().map(|&weight| u64::from(weight)).sum();
        assert!(total > 0, "weighted() needs a weight above zero");
        let mut rest = self.below(total);
        for (index, &weight) in weights.iter().enumerate() {
            match rest.checked_sub(u64::from(weight)) {
                Some(less) => rest = less,
                None => return index,
            }
        }
        unreachable!("the draw is below the sum of the weights")
    }

    /// One element, each equally likely; `None` of an empty slice.
    pub fn choose<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { Some(&items[self.below(items.len() as u64) as usize]) }
    }

    /// A uniform permutation of `items` (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

/// `2^32 * log2(1 + i/256)` for i in 0..=256, by integer bisection at compile time.
const LOG2_FRACTION: [u64; 257] = log2_fraction_table();

/// ln 2 in 2^-32 units.
const LN_2: u64 = 2_977_044_472;

const fn log2_fraction_table() -> [u64; 257] {
    let mut table = [0; 257];
    let mut i = 0;
    while i < 256 {
        table[i] = log2_of_mantissa((256 + i as u64) << 23);
        i += 1;
    }
    table[256] = 1 << 32;
    table
}

/// log2 of `mantissa / 2^31` in 2^-32 units, for a mantissa in `[2^31, 2^32)`, one bit per squaring.
const fn log2_of_mantissa(mantissa: u64) -> u64 {
    let mut x = mantissa;
    let mut result = 0;
    let mut bit = 1 << 31;
    while bit > 0 {
        x = (x * x) >> 31;
        if x >= 1 << 32 {
            x >>= 1;
            result |= bit;
        }
        bit >>= 1;
    }
    result
}

/// `-ln(u) * mean` for `u` uniform in (0, 1], given as 64 bits: leading zeros give the integer part of log2, a table of 256
/// steps with linear interpolation its fraction (error below 2^-18).
pub(crate) fn exponential_from_bits(bits: u64, mean: u64) -> u64 {
    let nonzero = bits | 1;
    let zeros = u64::from(nonzero.leading_zeros());
    let mantissa = nonzero << zeros;
    let step = (mantissa >> 55) as usize & 0xff;
    let within = (mantissa >> 23) & 0xffff_ffff;
    let (low, high) = (LOG2_FRACTION[step], LOG2_FRACTION[step + 1]);
    let log2_fraction = low + (((high - low) * within) >> 32);
    let minus_log2 = ((zeros + 1) << 32) - log2_fraction;
    let minus_ln = ((u128::from(minus_log2) * u128::from(LN_2)) >> 32) as u64;
    ((u128::from(minus_ln) * u128::from(mean)) >> 32) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(seed: u64, purpose: Purpose, entity: u64) -> Stream {
        Streams::new(seed).stream(Address::new(purpose, entity))
    }

    #[test]
    fn published_vectors_of_bits() {
        let mut s = stream(0, Purpose::Actor, 0);
        assert_eq!([s.next_u64(), s.next_u64()], VECTOR_BITS);
    }

    #[test]
    fn published_vectors_of_samples() {
        let mut s = stream(42, Purpose::LinkLatency, 7);
        let below: Vec<u64> = (0..4).map(|_| s.below(1000)).collect();
        let exponential: Vec<u64> = (0..4).map(|_| s.exponential(1_000_000)).collect();
        let weighted: Vec<usize> = (0..8).map(|_| s.weighted(&[1, 0, 3])).collect();
        let mut permutation = [0, 1, 2, 3, 4, 5];
        s.shuffle(&mut permutation);
        assert_eq!(below, VECTOR_BELOW);
        assert_eq!(exponential, VECTOR_EXPONENTIAL);
        assert_eq!(weighted, VECTOR_WEIGHTED);
        assert_eq!(permutation, VECTOR_PERMUTATION);
    }

    const VECTOR_BITS: [u64; 2] = [10_665_994_981_628_596_965, 6_820_010_523_626_755_080];
    const VECTOR_BELOW: [u64; 4] = [542, 297, 193, 674];
    const VECTOR_EXPONENTIAL: [u64; 4] = [590535, 58838, 304355, 95181];
    const VECTOR_WEIGHTED: [usize; 8] = [0, 0, 2, 2, 2, 2, 2, 2];
    const VECTOR_PERMUTATION: [i32; 6] = [3, 0, 5, 4, 2, 1];

    #[test]
    fn streams_differ_by_seed_purpose_entity_and_epoch() {
        let mut streams = Streams::new(1);
        let address = Address::new(Purpose::Workload, 3);
        let before = streams.stream(address).next_u64();
        streams.vary(Purpose::Workload);
        let varied = streams.stream(address).next_u64();
        let others = [
            stream(2, Purpose::Workload, 3).next_u64(),
            stream(1, Purpose::Clock, 3).next_u64(),
            stream(1, Purpose::Workload, 4).next_u64(),
            varied,
        ];
        assert!(others.iter().all(|&draw| draw != before));
    }

    #[test]
    fn varying_one_purpose_leaves_the_others() {
        let mut streams = Streams::new(1);
        let clock = Address::new(Purpose::Clock, 0);
        let before = streams.stream(clock).next_u64();
        streams.vary(Purpose::Workload);
        assert_eq!(streams.stream(clock).next_u64(), before);
    }

    #[test]
    fn exponential_has_the_asked_mean_and_is_never_zero_divided() {
        let mut s = stream(5, Purpose::LinkLatency, 0);
        let n = 100_000;
        let mean = (0..n).map(|_| s.exponential(1_000_000)).sum::<u64>() / n;
        assert!((985_000..1_015_000).contains(&mean), "mean {mean}");
        assert_eq!(exponential_from_bits(u64::MAX, 1 << 20), 0);
        assert!(exponential_from_bits(0, 1 << 20) < 45 << 20);
    }

    #[test]
    fn exponential_follows_the_logarithm() {
        // -ln(1/2) = 0.693147, -ln(1/8) = 2.079442, in millionths of the mean.
        assert!((693_140..=693_150).contains(&exponential_from_bits(1 << 63, 1_000_000)));
        assert!((2_079_430..=2_079_445).contains(&exponential_from_bits(1 << 61, 1_000_000)));
    }

    #[test]
    fn below_is_uniform_where_modulo_would_be_biased() {
        let mut s = stream(9, Purpose::Scenario, 0);
        let n = 3u64 << 62; // a plain modulo would draw the lowest quarter twice as often
        let low = (0..30_000).filter(|_| s.below(n) < n / 3).count();
        assert!((9_600..10_400).contains(&low), "{low} of 30000 in the lowest third");
    }

    #[test]
    #[should_panic(expected = "no value")]
    fn an_empty_range_is_a_bug() {
        stream(0, Purpose::Actor, 0).between(2, 1);
    }
}
