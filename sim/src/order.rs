//! Which of several simultaneous events goes first: a policy, so that interleavings can be searched.
//!
//! Time in nanoseconds makes true ties rare; the searching policies therefore round all times up to a *horizon*, within
//! which anything may overtake anything (except on one connection, which stays in order).

use serde::{Deserialize, Serialize};

use crate::node_id::NodeId;
use crate::queue::TIE_BREAKS;
use crate::random::{Address, Purpose, Stream, Streams};
use crate::time::{Duration, Instant};

/// How simultaneous events are ordered.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Order {
    /// As they were scheduled.
    #[default]
    Fifo,
    /// At random, each node with its own stream.
    Random {
        /// Events less than this apart are simultaneous.
        horizon: Duration,
    },
    /// By priorities of nodes, drawn once and lowered at a few random moments (PCT, Burckhardt et al. 2010): a bug that
    /// needs `depth` ordering decisions is hit with a chance that does not shrink with the length of the run.
    Pct {
        /// Events less than this apart are simultaneous.
        horizon: Duration,
        /// One more than the number of moments at which a priority drops.
        depth: u32,
        /// Over how many events those moments are spread.
        events: u32,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct TieBreaker {
    horizon: Duration,
    policy: Policy,
}

#[derive(Clone, Debug)]
enum Policy {
    Fifo,
    Random(Vec<Stream>),
    Pct { priorities: Vec<u32>, drops: Vec<u32>, drawn: u32, lowest: u32 },
}

/// Entity of the stream that draws PCT's priorities; no node has this number.
const PCT_ENTITY: u64 = 1 << 32;

impl TieBreaker {
    pub(crate) fn new(order: &Order, nodes: usize, streams: &Streams) -> Self {
        match *order {
            Order::Fifo => TieBreaker { horizon: Duration::ZERO, policy: Policy::Fifo },
            Order::Random { horizon } => {
                TieBreaker { horizon, policy: Policy::Random(tie_streams(nodes, streams)) }
            }
            Order::Pct { horizon, depth, events } => {
                TieBreaker { horizon, policy: pct(nodes, depth, events, streams) }
            }
        }
    }

    /// `at`, rounded up to the horizon.
    #[inline]
    pub(crate) fn quantised(&self, at: Instant) -> Instant {
        let (nanos, horizon) = (at.as_nanos(), self.horizon.as_nanos());
        if horizon == 0 { at } else { Instant::from_nanos(nanos.div_ceil(horizon) * horizon) }
    }

    /// The tie-break of the next event scheduled for `node`.
    #[inline]
    pub(crate) fn draw(&mut self, node: NodeId) -> u32 {
        match &mut self.policy {
            Policy::Fifo => 0,
            Policy::Random(streams) => streams[node.index()].next_u64() as u32 % TIE_BREAKS,
            Policy::Pct { priorities, drops, drawn, lowest } => {
                *drawn += 1;
                if drops.last() == Some(drawn) {
                    drops.pop();
                    *lowest += 1;
                    priorities[node.index()] = *lowest;
                }
                priorities[node.index()]
            }
        }
    }

    pub(crate) fn redraw(&mut self, streams: &Streams) {
        if let Policy::Random(ties) = &mut self.policy {
            *ties = tie_streams(ties.len(), streams);
        }
    }
}

fn tie_streams(nodes: usize, streams: &Streams) -> Vec<Stream> {
    let stream = |node| streams.stream(Address::new(Purpose::TieBreak, node as u64));
    (0..nodes).map(stream).collect()
}

fn pct(nodes: usize, depth: u32, events: u32, streams: &Streams) -> Policy {
    let mut stream = streams.stream(Address::new(Purpose::TieBreak, PCT_ENTITY));
    let mut priorities: Vec<u32> = (0..nodes as u32).collect();
    stream.shuffle(&mut priorities);
    let drop = |_| stream.between(1, u64::from(events.max(1))) as u32;
    let mut drops: Vec<u32> = (1..depth).map(drop).collect();
    drops.sort_unstable_by(|a, b| b.cmp(a));
    drops.dedup();
    Policy::Pct { priorities, drops, drawn: 0, lowest: nodes as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn a_horizon_makes_neighbours_simultaneous() {
        let ties = TieBreaker::new(&Order::Random { horizon: MILLI }, 1, &Streams::new(0));
        let rounded = ties.quantised(Instant::from_nanos(1_000_001));
        assert_eq!(rounded, Instant::from_nanos(2_000_000));
        assert_eq!(ties.quantised(Instant::from_nanos(1_999_999)), rounded);
    }

    #[test]
    fn a_node_draws_the_same_ties_whatever_the_others_do() {
        let draws = |noise: u32| {
            let order = Order::Random { horizon: MILLI };
            let mut ties = TieBreaker::new(&order, 2, &Streams::new(7));
            (0..noise).for_each(|_| _ = ties.draw(NodeId(1)));
            [ties.draw(NodeId(0)), ties.draw(NodeId(0))]
        };
        assert_eq!(draws(0), draws(5));
    }

    #[test]
    fn pct_drops_a_priority_below_all_others() {
        let order = Order::Pct { horizon: MILLI, depth: 2, events: 10 };
        let mut ties = TieBreaker::new(&order, 3, &Streams::new(1));
        let drawn: Vec<u32> = (0..10).map(|_| ties.draw(NodeId(0))).collect();
        assert!(drawn[0] < 3);
        assert_eq!(*drawn.last().expect("ten draws"), 4);
    }
}
