//! One occurrence of a recipe: its draws, and the faults they become.
//!
//! Every occurrence draws the same number of values, used or not, so that a change of one setting does not move the next
//! occurrence. Victims are found by ballot: each target casts one from a stream of its own, the highest is hit. Taking a
//! node out of the fleet thus changes only the faults it had its part in.

use super::kind::{Direction, Fault, FlushErrorMode, Traffic};
use super::recipe::Recipe;
use super::span::Span;
use super::spell::Spell;
use crate::node_id::NodeId;
use crate::random::Stream;
use crate::time::{Duration, Instant};

/// What an occurrence draws besides its begin and its victims.
pub(super) struct Occurrence {
    /// How long it lasts; nothing if it happens at one instant.
    pub(super) length: Duration,
    /// How hard, in the recipe's unit.
    severity: u64,
    /// Bits for what is left to chance: sign, direction.
    coin: u64,
}

/// A target's draw for one occurrence.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ballot {
    bits: u64,
    node: NodeId,
    /// Whether the node may be struck; else it can only be the other end of a link.
    is_target: bool,
}

impl Ballot {
    /// The ballot of `node`, from its own stream.
    pub(super) fn cast(node: NodeId, is_target: bool, stream: &mut Stream) -> Self {
        Ballot { bits: stream.next_u64(), node, is_target }
    }

    /// One of two sides; independent of the rank.
    fn is_heads(self) -> bool {
        self.bits & 1 == 1
    }
}

impl Occurrence {
    /// Draws an occurrence of `recipe`; always three values.
    pub(super) fn draw(
        recipe: Recipe,
        on_ms: Option<Span>,
        severity: Option<Span>,
        stream: &mut Stream,
    ) -> Self {
        let length_ns = on_ms.map_or(Span { min: 0, max: 0 }, |on| Span {
            min: Duration::from_millis(on.min).as_nanos(),
            max: Duration::from_millis(on.max).as_nanos(),
        });
        let severity = severity.or(recipe.usual_severity()).unwrap_or(Span { min: 0, max: 0 });
        Occurrence {
            length: Duration::from_nanos(stream.between(length_ns.min, length_ns.max)),
            severity: stream.between(severity.min, severity.max),
            coin: stream.next_u64(),
        }
    }

    /// The spells of this occurrence of `recipe` from `begin` on; none if there are too few ballots for it.
    pub(super) fn spells(
        &self,
        recipe: Recipe,
        begin: Instant,
        mut ballots: Vec<Ballot>,
    ) -> Vec<Spell> {
        ballots.sort_unstable_by(|a, b| b.cmp(a));
        if recipe == Recipe::SwizzleClog {
            return self.swizzle(begin, &ballots);
        }
        let fault = self.fault(recipe, &ballots);
        fault.map(|fault| Spell { begin, end: begin + self.length, fault }).into_iter().collect()
    }

    /// The fault of a recipe that gives one, for ballots from the highest down.
    pub(super) fn fault(&self, recipe: Recipe, ranked: &[Ballot]) -> Option<Fault> {
        let node = ranked.iter().find(|ballot| ballot.is_target)?.node;
        let peer = ranked.iter().map(|ballot| ballot.node).find(|&other| other != node);
        let span = Duration::from_millis(self.severity);
        Some(match recipe {
            Recipe::Crash => Fault::Crash { node },
            Recipe::PowerLoss => Fault::PowerLoss { nodes: vec![node] },
            Recipe::CorrelatedPowerLoss => Fault::PowerLoss { nodes: nodes_of(ranked, |_| true) },
            Recipe::Pause => Fault::Pause { node },
            Recipe::Partition => partition(ranked, Direction::Both)?,
            Recipe::OneWayPartition => partition(ranked, Direction::LeftToRight)?,
            Recipe::Isolate => Fault::Isolate { node, traffic: self.traffic() },
            Recipe::FlappingLink => Fault::FlappingLink { a: node, b: peer?, up: span, down: span },
            Recipe::SlowLink => Fault::SlowLink {
                from: node,
                to: peer?,
                extra_latency_mean: span,
                both_ways: self.coin & 1 == 1,
            },
            Recipe::SwizzleClog => return None,
            Recipe::ConnectionReset => Fault::ConnectionReset { a: node, b: peer? },
            Recipe::OneSidedClose => Fault::OneSidedClose { node, peer: peer? },
            Recipe::SlowDisk => Fault::SlowDisk { node, factor: self.small() },
            Recipe::DiskStall => Fault::DiskStall { node },
            Recipe::WriteError => Fault::WriteError { node },
            Recipe::FlushError => Fault::FlushError { node, mode: FlushErrorMode::KeepsDirty },
            Recipe::LostFlush => Fault::FlushError { node, mode: FlushErrorMode::MarksClean },
            Recipe::FullDisk => Fault::FullDisk { node, left_bytes: self.severity * 1024 },
            Recipe::DiskLoss => Fault::DiskLoss { node },
            Recipe::BitRot => Fault::BitRot { node, sectors: self.small() },
            Recipe::ClockJump => Fault::ClockJump { node, by_ms: self.signed() },
            Recipe::ClockDrift => {
                let ppm = i32::try_from(self.signed()).expect("a drift is below 1,000,000 ppm");
                Fault::ClockDrift { node, ppm }
            }
            Recipe::SlowCpu => Fault::SlowCpu { node, factor: self.small() },
            Recipe::Shutdown => Fault::Shutdown { node },
        })
    }

    /// Clogs some nodes one after another, and when all are clogged for the drawn length, heals them in another order.
    fn swizzle(&self, begin: Instant, ranked: &[Ballot]) -> Vec<Spell> {
        let stagger = Duration::from_millis(self.severity);
        let clogged: Vec<Ballot> =
            ranked.iter().copied().filter(|ballot| ballot.is_heads()).collect();
        let mut healed = clogged.clone();
        healed.sort_unstable_by_key(|ballot| (ballot.bits.rotate_left(32), ballot.node));
        let all_clogged = begin + stagger * (clogged.len() as u64).saturating_sub(1);
        let clog = |(turn, ballot): (usize, &Ballot)| {
            let heal_turn = healed
                .iter()
                .position(|other| other == ballot)
                .expect("every clogged node is healed");
            let fault = Fault::Isolate { node: ballot.node, traffic: self.traffic() };
            let end = all_clogged + self.length + stagger * heal_turn as u64;
            Spell { begin: begin + stagger * turn as u64, end, fault }
        };
        clogged.iter().enumerate().map(clog).collect()
    }

    fn traffic(&self) -> Traffic {
        match self.coin % 4 {
            0 => Traffic::Inbound,
            1 => Traffic::Outbound,
            _ => Traffic::Both,
        }
    }

    fn small(&self) -> u32 {
        u32::try_from(self.severity).expect("a valid profile has severities below 2^32")
    }

    /// The severity, forward or back.
    fn signed(&self) -> i64 {
        let forward = i64::from(self.small());
        if self.coin & 1 == 1 { forward } else { -forward }
    }
}

/// Each target on the side its ballot says; nothing if all are on the same.
fn partition(ranked: &[Ballot], direction: Direction) -> Option<Fault> {
    let (left, right) =
        (nodes_of(ranked, Ballot::is_heads), nodes_of(ranked, |ballot| !ballot.is_heads()));
    (!left.is_empty() && !right.is_empty()).then_some(Fault::Partition { left, right, direction })
}

/// The nodes of the chosen ballots, ascending.
fn nodes_of(ballots: &[Ballot], chosen: impl Fn(Ballot) -> bool) -> Vec<NodeId> {
    let mut nodes: Vec<NodeId> =
        ballots.iter().filter(|&&ballot| chosen(ballot)).map(|ballot| ballot.node).collect();
    nodes.sort_unstable();
    nodes
}
