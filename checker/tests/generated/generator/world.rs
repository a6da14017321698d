//! The world of a history: logs, clients, and what has been told so far.

use super::super::random::Random;
use super::super::step::{Records, Step};
use super::clients::{Member, Producer, Reader, Stray};
use super::features::{Feature, Features};
use super::log::{Log, NO_RECORD};
use std::collections::BTreeMap;

/// How large a history is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub partitions: u32,
    pub producers: usize,
    pub readers: usize,
    pub members: usize,
    pub turns: usize,
    /// The most records a poll returns.
    pub poll_max: usize,
}

pub(super) struct World {
    pub(super) random: Random,
    pub(super) size: Size,
    pub(super) features: Features,
    pub(super) steps: Vec<Step>,
    pub(super) logs: Vec<Log>,
    pub(super) producers: Vec<Producer>,
    pub(super) readers: Vec<Reader>,
    pub(super) members: Vec<Member>,
    /// The member of another group.
    pub(super) bystander: Option<Reader>,
    /// The member that has each partition, as the coordinator knows.
    pub(super) owners: Vec<usize>,
    pub(super) generation: i32,
    pub(super) strays: Vec<Stray>,
    /// The last record of each process in each partition.
    pub(super) last_appended: BTreeMap<(u32, u32), u64>,
    /// By value.
    pub(super) message_keys: BTreeMap<u64, u32>,
    pub(super) processes: u32,
    pub(super) values: u64,
    pub(super) ids: u32,
}

impl World {
    pub(super) fn new(random: Random, size: Size, features: Features) -> Self {
        World {
            random,
            size,
            features,
            steps: Vec::new(),
            logs: (0..size.partitions).map(|_| Log::default()).collect(),
            producers: Vec::new(),
            readers: Vec::new(),
            members: Vec::new(),
            bystander: None,
            owners: Vec::new(),
            generation: 0,
            strays: Vec::new(),
            last_appended: BTreeMap::new(),
            message_keys: BTreeMap::new(),
            processes: 0,
            values: NO_RECORD,
            ids: 0,
        }
    }

    pub(super) fn has(&self, feature: Feature) -> bool {
        self.features.has(feature)
    }

    pub(super) fn open(&mut self, client: usize, group: Option<u32>) -> u32 {
        self.steps.push(Step::Open { client: client as u32, group });
        self.processes += 1;
        self.processes - 1
    }

    pub(super) fn id(&mut self) -> u32 {
        self.ids += 1;
        self.ids
    }

    pub(super) fn key(&mut self) -> u32 {
        self.random.below(self.size.partitions as usize) as u32
    }

    /// What a poll returns.
    pub(super) fn records_from(&mut self, key: u32, position: i64) -> Records {
        let max = 1 + self.random.below(self.size.poll_max);
        self.logs[key as usize].records_from(position, max)
    }
}
