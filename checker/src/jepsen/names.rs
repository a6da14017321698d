//! The names behind an operation's numbers, as EDN writes them.

use super::op::{Key, Process, Value};
use crate::interner::Interner;

/// What partitions, processes and values are called.
#[derive(Clone, Debug, Default)]
pub struct Names {
    keys: Interner,
    processes: Interner,
    /// By partition: a value is unique in its partition only.
    values: Interner,
    /// The partition of each value, and how many characters before its name say so.
    of_values: Vec<(Key, usize)>,
    scratch: String,
}

impl Names {
    /// The number of a partition, given on first mention.
    pub(super) fn key(&mut self, edn: &str) -> Key {
        Key(self.keys.intern(edn))
    }

    /// The number of a process, given on first mention.
    pub(super) fn process(&mut self, edn: &str) -> Process {
        Process(self.processes.intern(edn))
    }

    /// The number of a value in a partition, given on first mention.
    pub(super) fn value(&mut self, key: Key, edn: &str) -> Value {
        self.scratch.clear();
        self.scratch.push_str(&key.0.to_string());
        self.scratch.push(' ');
        let before = self.scratch.len();
        self.scratch.push_str(edn);
        let value = Value(self.values.intern(&self.scratch));
        if value.0 as usize == self.of_values.len() {
            self.of_values.push((key, before));
        }
        value
    }

    /// A process that does not exist yet, called by the first number from `next` on that is free.
    pub(super) fn new_process(&mut self, next: &mut u32) -> Process {
        loop {
            let (before, process) = (self.processes.len(), self.process(&next.to_string()));
            *next += 1;
            if self.processes.len() > before {
                return process;
            }
        }
    }

    /// What a partition is called.
    #[must_use]
    pub fn of_key(&self, key: Key) -> &str {
        self.keys.text(key.0).expect("its name gave it its number")
    }

    /// What a process is called.
    #[must_use]
    pub fn of_process(&self, process: Process) -> &str {
        self.processes.text(process.0).expect("its name gave it its number")
    }

    /// What a value is called.
    #[must_use]
    pub fn of_value(&self, value: Value) -> &str {
        let (_, before) = self.of_values[value.0 as usize];
        &self.values.text(value.0).expect("its name gave it its number")[before..]
    }

    /// The partition that a value belongs to.
    #[must_use]
    pub fn key_of(&self, value: Value) -> Key {
        self.of_values[value.0 as usize].0
    }

    /// How many partitions there are.
    #[must_use]
    pub fn keys(&self) -> u32 {
        self.keys.len()
    }

    /// How many values there are, those of all partitions together.
    #[must_use]
    pub fn values(&self) -> usize {
        self.of_values.len()
    }
}
