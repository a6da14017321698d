//! Valid histories: perfect logs with pipelining producers, readers that seek, a group that hands partitions over, and an
//! end of all faults after which everything works. What else happens is drawn from the seed, each thing alone at times:
//! see [`Feature`].

mod brokers;
mod bystander;
mod clients;
mod features;
mod log;
mod members;
mod producers;
mod readers;
mod rebalances;
mod rest;
mod world;

use super::random::Random;
use super::step::Step;
use clients::Producer;
pub use features::{Feature, Features};
pub use world::Size;
use world::World;

/// A valid history of this size.
#[allow(dead_code, reason = "benches and examples have what any log has")]
pub fn valid(seed: u64, size: Size) -> Vec<Step> {
    let mut random = Random(seed);
    let features = Features::drawn(&mut random);
    World::new(random, size, features).live()
}

/// A valid history of this size in which just this happens.
#[allow(dead_code, reason = "laws draw what happens")]
pub fn valid_with(seed: u64, size: Size, features: Features) -> Vec<Step> {
    World::new(Random(seed), size, features).live()
}

impl World {
    fn live(mut self) -> Vec<Step> {
        self.start();
        (0..self.size.turns).for_each(|_| self.turn());
        self.come_to_rest();
        self.steps
    }

    fn start(&mut self) {
        if self.has(Feature::Clocks) {
            let error_ms = 1 + self.random.below(50) as u64;
            self.steps.push(Step::Clocks { error_ms });
        }
        for client in 0..self.size.producers {
            let process = self.open(client, None);
            self.producers.push(Producer::new(process));
        }
        (0..self.size.readers).for_each(|client| self.join_reader(client));
        (0..self.size.members).for_each(|client| self.join_member(client));
        self.join_bystander();
        if self.size.members > 0 {
            let members = 0..self.size.members;
            self.rebalance(members.cycle().take(self.size.partitions as usize).collect());
        }
    }

    fn turn(&mut self) {
        if self.has(Feature::SilentBystander) && self.random.percent(10) {
            let key = self.key();
            self.read_beside(key);
            return;
        }
        match self.random.below(20) {
            0..10 if self.size.producers > 0 => self.producer_turn(),
            10..14 if self.size.readers > 0 => self.reader_turn(),
            14..19 if self.size.members > 0 => self.member_turn(),
            19 => self.broker_turn(),
            _ => {}
        }
    }
}
