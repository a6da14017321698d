//! The example protocol set up for tests, and an observer that remembers what the tests ask for.

#![allow(dead_code, reason = "every test binary uses its own part")]

use std::collections::BTreeMap;

use ktrial_sim::actor::Event;
use ktrial_sim::disk::Entry;
use ktrial_sim::example::{Ledger, LedgerFile, LedgerMessage, LedgerNote, Role};
use ktrial_sim::fault::{Anchor, Fault, FaultPlan, Heal, PlannedFault};
use ktrial_sim::node_id::NodeId;
use ktrial_sim::observer::{Death, FaultPhase, Observer, Stamp};
use ktrial_sim::sim::Sim;
use ktrial_sim::time::{Duration, Instant};
use ktrial_sim::{NodeSetup, Options};

pub const PRIMARY: NodeId = NodeId(0);
pub const BACKUP: NodeId = NodeId(1);
pub const CLIENT: NodeId = NodeId(2);

pub type LedgerSim = Sim<Ledger, Witness>;

/// Remembers everything the tests ask about.
#[derive(Clone, Debug, Default)]
pub struct Witness {
    pub acknowledged: Vec<u64>,
    pub handled: BTreeMap<(NodeId, NodeId), Vec<u64>>,
    pub lines: Vec<String>,
    pub faults: Vec<String>,
    pub deaths: Vec<(NodeId, Death)>,
    pub boots: Vec<NodeId>,
}

impl Witness {
    pub fn latencies(&self, between: (NodeId, NodeId)) -> Vec<u64> {
        self.handled.get(&between).cloned().unwrap_or_default()
    }

    /// Events at `node` whose debug text contains `text`.
    pub fn count(&self, node: NodeId, text: &str) -> usize {
        let prefix = format!("{node} ");
        self.lines.iter().filter(|line| line.starts_with(&prefix) && line.contains(text)).count()
    }
}

impl Observer<Ledger> for Witness {
    fn booted(&mut self, stamp: Stamp) {
        self.boots.push(stamp.node);
    }

    fn handling(&mut self, stamp: Stamp, event: &Event<Ledger>, peer: Option<NodeId>) {
        if let (Event::Message(_, LedgerMessage::Add(_) | LedgerMessage::Copy(..)), Some(peer)) =
            (event, peer)
        {
            self.handled.entry((peer, stamp.node)).or_default().push(stamp.at.as_nanos());
        }
        self.lines.push(format!("{} {} {event:?}", stamp.node, stamp.at));
    }

    fn noted(&mut self, _: Stamp, note: &LedgerNote) {
        let LedgerNote::Acknowledged(number) = note;
        self.acknowledged.push(*number);
    }

    fn died(&mut self, stamp: Stamp, death: Death) {
        self.deaths.push((stamp.node, death));
    }

    fn fault(&mut self, _: Stamp, fault: &PlannedFault, phase: FaultPhase) {
        self.faults.push(format!("{} {phase:?}", fault.id));
    }
}

pub fn ledger_world(seed: u64, count: u64) -> LedgerSim {
    world_with_options(seed, count, Options::default())
}

pub fn world_with_options(seed: u64, count: u64, options: Options) -> LedgerSim {
    Sim::new(seed, options, nodes(count, 1), Witness::default())
}

pub fn world_with_second_client(seed: u64, count: u64) -> LedgerSim {
    Sim::new(seed, Options::default(), nodes(count, 2), Witness::default())
}

fn nodes(count: u64, clients: usize) -> Vec<NodeSetup<Ledger>> {
    let servers = [Role::Primary { backup: BACKUP }, Role::Backup];
    let client = Role::Client { primary: PRIMARY, count };
    let roles = servers.into_iter().chain(std::iter::repeat_n(client, clients));
    let setup = |(index, role)| NodeSetup {
        name: format!("node-{index}"),
        spec: Some(role),
        start_at: Instant::from_nanos(index as u64),
    };
    roles.enumerate().map(setup).collect()
}

pub fn at(millis: u64) -> Anchor {
    Anchor::At(Instant::START + Duration::from_millis(millis))
}

pub fn crash(node: NodeId) -> Fault {
    Fault::Crash { node }
}

pub fn plan(faults: Vec<(Anchor, Heal, Fault)>) -> FaultPlan {
    let planned =
        |(index, (begin, heal, kind))| PlannedFault { id: index as u32, begin, heal, kind };
    FaultPlan { faults: faults.into_iter().enumerate().map(planned).collect(), core: None }
}

pub fn acknowledged(sim: &LedgerSim) -> &[u64] {
    &sim.observer().acknowledged
}

/// The intact lines on a node's disk.
pub fn ledger_on(sim: &LedgerSim, node: NodeId) -> Vec<u64> {
    let Some(file) = sim.disk(node).file(LedgerFile) else { return Vec::new() };
    file.entries_from(0)
        .filter_map(|entry| match entry {
            Entry::Intact(number) => Some(*number),
            _ => None,
        })
        .collect()
}
