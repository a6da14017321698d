//! Which producer, as brokers know it, each send was made as, and which lives of it came after which.

use super::Evidence;
use super::sends::SendId;
use crate::history::{History, OpId, ProducerRef, TransactionalId, What};

/// Who sent what, as brokers know them.
pub(crate) struct Producers<'h> {
    history: &'h History,
    /// By send.
    of_send: Vec<Option<ProducerRef>>,
}

/// A producer across its lives: whoever has its `transactional.id`, or else its producer id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lineage {
    Transactional(TransactionalId),
    Idempotent(i64),
}

impl<'h> Producers<'h> {
    /// Follows every process; none if no process told its producer. O(events).
    pub(crate) fn follow(evidence: &Evidence<'h>) -> Option<Self> {
        let history = evidence.history;
        if !history.knows_producers() {
            return None;
        }
        let mut current = vec![None; history.sessions().count()];
        let mut of_send = Vec::new();
        for (_, event) in history.events() {
            match event.what {
                What::ProducerInitialized { producer } => {
                    current[event.process.0 as usize] = Some(producer);
                }
                What::SendInvoked { .. } => of_send.push(current[event.process.0 as usize]),
                _ => {}
            }
        }
        Some(Producers { history, of_send })
    }

    /// The producer a send was made as.
    pub(crate) fn of(&self, send: SendId) -> Option<ProducerRef> {
        self.of_send[send.0 as usize]
    }

    pub(crate) fn lineage(&self, producer: ProducerRef) -> Lineage {
        let producer = self.history.producer(producer);
        producer.transactional_id.map_or(Lineage::Idempotent(producer.id), Lineage::Transactional)
    }

    /// Whether brokers fence `older` once they know `newer`, a life of the same lineage: its epoch is lower, or it had a
    /// producer id that was given up.
    pub(crate) fn is_older(&self, older: ProducerRef, newer: ProducerRef) -> bool {
        let (old, new) = (self.history.producer(older), self.history.producer(newer));
        if old.id == new.id { old.epoch < new.epoch } else { older < newer }
    }

    /// Every life of every producer, with the event that began it.
    pub(crate) fn lives(&self) -> impl Iterator<Item = (OpId, ProducerRef)> {
        self.history.events().filter_map(|(op, event)| match event.what {
            What::ProducerInitialized { producer } => Some((op, producer)),
            _ => None,
        })
    }

    /// `producer 7 (epoch 2)`, or `producer orders-tx (epoch 2)` if it has a `transactional.id`.
    pub(crate) fn name(&self, producer: ProducerRef) -> String {
        let producer = self.history.producer(producer);
        let name = match producer.transactional_id {
            Some(id) => self.history.transactional_ids()[id.0 as usize].clone(),
            None => producer.id.to_string(),
        };
        format!("producer {name} (epoch {})", producer.epoch)
    }
}
