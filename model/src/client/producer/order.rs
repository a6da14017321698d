//! Notices when acknowledged batches stand in the log in another order than they were filled: a probe, no behaviour.

use crate::client::producer::batch::ProducerBatch;
use crate::ids::{Offset, TopicPartition};

/// Of each partition, the newest batch that was acknowledged.
#[derive(Clone, Default, Debug)]
pub struct AckedOrder {
    newest: Vec<Acked>,
}

#[derive(Copy, Clone, Debug)]
struct Acked {
    partition: TopicPartition,
    sequence: u64,
    offset: Offset,
}

impl AckedOrder {
    /// Takes an acknowledged batch. Whether it and the newest one before it are out of order.
    pub fn is_reordered(&mut self, batch: &ProducerBatch, base_offset: Option<Offset>) -> bool {
        let Some(offset) = base_offset else { return false };
        let acked = Acked { partition: batch.partition, sequence: batch.sequence, offset };
        let Some(newest) =
            self.newest.iter_mut().find(|newest| newest.partition == acked.partition)
        else {
            self.newest.push(acked);
            return false;
        };
        let is_reordered = (acked.sequence > newest.sequence) != (acked.offset > newest.offset);
        if acked.sequence > newest.sequence {
            *newest = acked;
        }
        is_reordered
    }
}
