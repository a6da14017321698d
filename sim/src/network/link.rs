//! Directed links: latency with a permanent part, jitter and a long tail; bandwidth; and whether the link is cut.

use serde::{Deserialize, Serialize};

use crate::node_id::NodeId;
use crate::random::{Address, Purpose, Stream, Streams, exponential_from_bits};
use crate::time::{Duration, Instant};

/// How long segments take. Static asymmetry between links finds bugs that independent jitter averages away.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LatencyModel {
    /// Least permanent latency of a directed link; each link draws its own, once.
    pub permanent_min: Duration,
    /// Greatest permanent latency of a directed link.
    pub permanent_max: Duration,
    /// Mean of the exponential jitter of each segment.
    pub jitter_mean: Duration,
    /// How many segments in a million take the long tail.
    pub tail_per_million: u32,
    /// Mean of the exponential tail.
    pub tail_mean: Duration,
}

impl Default for LatencyModel {
    /// One data centre: 100 to 400 µs, 50 µs jitter, one segment in a thousand 10 ms late.
    fn default() -> Self {
        LatencyModel {
            permanent_min: Duration::from_micros(100),
            permanent_max: Duration::from_micros(400),
            jitter_mean: Duration::from_micros(50),
            tail_per_million: 1_000,
            tail_mean: Duration::from_millis(10),
        }
    }
}

/// The network as a whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NetworkOptions {
    /// How long segments take.
    pub latency: LatencyModel,
    /// Bytes per second of each directed link; 0 means unlimited.
    pub bandwidth: u64,
    /// Shortest time an end keeps retransmitting before it gives the connection up.
    pub give_up_min: Duration,
    /// Longest such time; each occasion draws between the two.
    pub give_up_max: Duration,
    /// Longest time between two retransmissions: how late held traffic arrives after a link heals.
    pub retransmit_max: Duration,
}

impl Default for NetworkOptions {
    /// A gigabyte per second; 5 to 30 s of retransmission, every 4 s at the latest.
    fn default() -> Self {
        NetworkOptions {
            latency: LatencyModel::default(),
            bandwidth: 1_000_000_000,
            give_up_min: Duration::from_secs(5),
            give_up_max: Duration::from_secs(30),
            retransmit_max: Duration::from_secs(4),
        }
    }
}

/// A directed link, made on first use: its stream is its own, so links never used cost and change nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    character: Option<Box<Character>>,
    /// How many faults cut this link.
    cuts: u16,
    /// Mean of the extra exponential latency that faults add.
    pub(crate) slowness: Duration,
    /// The wire is free again then.
    free_at: Instant,
}

#[derive(Clone, Debug)]
struct Character {
    stream: Stream,
    permanent: Duration,
}

/// All directed links between the nodes.
#[derive(Clone, Debug)]
pub(crate) struct LinkTable {
    /// By `from * nodes + to`.
    links: Vec<Link>,
    nodes: usize,
    /// Sum of all cuts: as long as it is zero, nobody has to look.
    cuts: u32,
}

impl LinkTable {
    pub(crate) fn new(nodes: usize) -> Self {
        LinkTable { links: vec![Link::default(); nodes * nodes], nodes, cuts: 0 }
    }

    pub(crate) fn link_mut(&mut self, from: NodeId, to: NodeId) -> &mut Link {
        &mut self.links[from.index() * self.nodes + to.index()]
    }

    #[inline]
    pub(crate) fn is_cut(&self, from: NodeId, to: NodeId) -> bool {
        self.cuts > 0 && self.links[from.index() * self.nodes + to.index()].cuts > 0
    }

    /// One fault more cuts the link.
    pub(crate) fn cut(&mut self, from: NodeId, to: NodeId) {
        self.cuts += 1;
        self.link_mut(from, to).cuts += 1;
    }

    /// One fault less cuts the link. True if it was the last.
    pub(crate) fn mend(&mut self, from: NodeId, to: NodeId) -> bool {
        let link = self.link_mut(from, to);
        link.cuts = link.cuts.checked_sub(1).expect("a link is mended as often as it was cut");
        let is_whole = link.cuts == 0;
        self.cuts -= 1;
        is_whole
    }

    /// From the next segment on, draws come from the streams' present epoch.
    pub(crate) fn redraw(&mut self, streams: &Streams) {
        for (index, link) in self.links.iter_mut().enumerate() {
            if let Some(character) = &mut link.character {
                let (from, to) = (index / self.nodes, index % self.nodes);
                let address = Address::link(Purpose::LinkLatency, from as u16, to as u16);
                character.stream = streams.stream(address);
            }
        }
    }
}

impl Link {
    /// When a segment of `bytes` sent at `now` reaches the other host, if the link is not cut.
    pub(crate) fn arrival(
        &mut self,
        now: Instant,
        bytes: u64,
        options: &NetworkOptions,
        ends: (NodeId, NodeId),
        streams: &Streams,
    ) -> Instant {
        let departed = self.transmit(now, bytes, options.bandwidth);
        let latency = &options.latency;
        let character =
            self.character.get_or_insert_with(|| Box::new(Character::new(latency, ends, streams)));
        let mut delay = character.permanent + character.jitter(latency);
        if !self.slowness.is_zero() {
            delay += Duration::from_nanos(character.stream.exponential(self.slowness.as_nanos()));
        }
        departed + delay
    }

    fn transmit(&mut self, now: Instant, bytes: u64, bandwidth: u64) -> Instant {
        if bandwidth == 0 {
            return now;
        }
        let start = now.max(self.free_at);
        self.free_at =
            start + Duration::from_nanos(bytes.saturating_mul(1_000_000_000) / bandwidth);
        self.free_at
    }
}

const UPPER_HALF: u64 = 0xffff_ffff_0000_0000;

impl Character {
    fn new(latency: &LatencyModel, (from, to): (NodeId, NodeId), streams: &Streams) -> Self {
        let mut once = streams.stream(Address::link(Purpose::LinkCharacter, from.0, to.0));
        let (low, high) = (latency.permanent_min.as_nanos(), latency.permanent_max.as_nanos());
        Character {
            stream: streams.stream(Address::link(Purpose::LinkLatency, from.0, to.0)),
            permanent: Duration::from_nanos(once.between(low, high.max(low))),
        }
    }

    /// One draw for both: its upper half is the jitter, its lower half says whether the tail comes on top.
    fn jitter(&mut self, latency: &LatencyModel) -> Duration {
        let bits = self.stream.next_u64();
        let (upper, lower) = (bits & UPPER_HALF, bits & !UPPER_HALF);
        let jitter = exponential_from_bits(upper, latency.jitter_mean.as_nanos());
        let is_in_tail = (lower * 1_000_000) >> 32 < u64::from(latency.tail_per_million);
        let tail =
            if is_in_tail { self.stream.exponential(latency.tail_mean.as_nanos()) } else { 0 };
        Duration::from_nanos(jitter + tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(link: &mut Link, bytes: u64, options: &NetworkOptions) -> Vec<u64> {
        let streams = Streams::new(3);
        (0..50)
            .map(|_| {
                link.arrival(Instant::START, bytes, options, (NodeId(0), NodeId(1)), &streams)
                    .as_nanos()
            })
            .collect()
    }

    #[test]
    fn every_segment_takes_at_least_the_permanent_part() {
        let options = NetworkOptions { bandwidth: 0, ..NetworkOptions::default() };
        assert!(
            arrivals(&mut Link::default(), 100, &options).iter().all(|&nanos| nanos >= 100_000)
        );
    }

    #[test]
    fn a_narrow_link_queues() {
        let options = NetworkOptions { bandwidth: 1_000, ..NetworkOptions::default() };
        let last = *arrivals(&mut Link::default(), 1_000, &options).last().expect("fifty arrivals");
        assert!(last >= 50_000_000_000, "fifty segments of a second each");
    }

    #[test]
    fn two_directions_have_their_own_character() {
        let (streams, latency) = (Streams::new(3), LatencyModel::default());
        let there = Character::new(&latency, (NodeId(0), NodeId(1)), &streams);
        let back = Character::new(&latency, (NodeId(1), NodeId(0)), &streams);
        assert_ne!(there.permanent, back.permanent);
    }
}
