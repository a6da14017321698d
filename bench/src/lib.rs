//! The same ping-pong on three simulators, and how fast each moves its messages.
//!
//! A ring of nodes; every node pings the next one, waits for the answer and pings again, [`Ring::rounds`] times. A message
//! is [`MESSAGE_BYTES`] bytes and takes 1 to 10 ms of simulated time. One file per simulator: [`on_ktrial`],
//! [`on_madsim`], [`on_turmoil`]. What each does for its messages differs and is told there.

pub mod on_ktrial;
pub mod on_madsim;
pub mod on_turmoil;

/// Bytes of a ping and of its answer.
pub const MESSAGE_BYTES: usize = 32;

/// Shortest and longest time a message is under way, in milliseconds.
pub const LATENCY_MS: (u64, u64) = (1, 10);

/// One workload: how many nodes, how often each pings.
#[derive(Copy, Clone, Debug)]
pub struct Ring {
    /// Nodes in the ring; at least two.
    pub nodes: u16,
    /// Pings of each node.
    pub rounds: u64,
}

impl Ring {
    /// Pings and answers of all nodes.
    pub fn messages(self) -> u64 {
        2 * u64::from(self.nodes) * self.rounds
    }

    /// Whom a node pings.
    pub fn next(self, node: u16) -> u16 {
        (node + 1) % self.nodes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_simulator_finishes_the_ring() {
        let ring = Ring { nodes: 3, rounds: 4 };
        assert_eq!(on_ktrial::run(1, ring), ring.messages());
        assert_eq!(on_madsim::run_datagrams(1, ring), ring.messages());
        assert_eq!(on_madsim::run_streams(1, ring), ring.messages());
        assert_eq!(on_turmoil::run(1, ring), ring.messages());
    }
}
