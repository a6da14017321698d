//! Producers: they pipeline sends, learn what became of them or not, and die.

use super::super::step::Step;
use super::clients::{InFlight, Producer, Stray};
use super::features::Feature;
use super::world::World;

/// Of each partition: so few that most records have a later one with their key.
const MESSAGE_KEYS: usize = 4;
const IN_FLIGHT_MAX: usize = 5;

impl World {
    pub(super) fn producer_turn(&mut self) {
        let who = self.random.below(self.producers.len());
        match self.random.below(100) {
            0..35 if self.producers[who].in_flight.len() < IN_FLIGHT_MAX => self.send(who),
            35..70 => self.append(who),
            70..98 => self.complete(who),
            _ => self.restart_producer(who),
        }
    }

    fn send(&mut self, who: usize) {
        let key = self.key();
        self.values += 1;
        let (value, process) = (self.values, self.producers[who].process);
        self.steps.push(Step::Send { process, key, value });
        if self.has(Feature::Compaction) {
            let message_key = key * MESSAGE_KEYS as u32 + self.random.below(MESSAGE_KEYS) as u32;
            self.message_keys.insert(value, message_key);
            self.steps.push(Step::MessageKey { key: message_key });
        }
        self.producers[who].in_flight.push_back(InFlight { value, key, appended: None });
    }

    fn append(&mut self, who: usize) {
        let Producer { process, ref in_flight } = self.producers[who];
        let Some(next) = in_flight.iter().position(|send| send.appended.is_none()) else { return };
        let InFlight { value, key, .. } = in_flight[next];
        let offset = self.append_record(process, key, value);
        self.producers[who].in_flight[next].appended = Some(offset);
    }

    fn complete(&mut self, who: usize) {
        let process = self.producers[who].process;
        let Some(send) = self.producers[who].in_flight.pop_front() else { return };
        let (luck, value) = (self.random.below(100), send.value);
        self.steps.push(match send.appended {
            Some(_) if luck < 10 => Step::GiveUp { value },
            Some(_) if luck < 15 => Step::Ack { value, offset: None },
            Some(offset) => Step::Ack { value, offset: Some(offset) },
            None if luck < 50 => Step::Fail { value },
            None => Step::GiveUp { value },
        });
        if send.appended.is_none() && luck >= 50 {
            self.stray(process, send);
        }
    }

    fn stray(&mut self, process: u32, send: InFlight) {
        if self.has(Feature::Strays) && send.appended.is_none() {
            self.strays.push(Stray::Send { process, send });
        }
    }

    fn restart_producer(&mut self, who: usize) {
        self.steps.push(Step::Crash { process: self.producers[who].process });
        let process = self.open(who, None);
        let dead = std::mem::replace(&mut self.producers[who], Producer::new(process));
        dead.in_flight.into_iter().for_each(|send| self.stray(dead.process, send));
    }

    /// Whatever is under way arrives and is answered.
    pub(super) fn flush(&mut self) {
        for who in 0..self.producers.len() {
            while !self.producers[who].in_flight.is_empty() {
                self.append(who);
                self.complete(who);
            }
        }
    }
}
