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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::scripted::{ORDERS_0, at};
    use crate::ids::RecordId;
    use crate::record::{Batch, Record, RecordValue};

    fn acked(order: &mut AckedOrder, sequence: u64, offset: Option<u64>) -> bool {
        let record = Record {
            key: None,
            value: RecordValue::Data(RecordId(0)),
            size_bytes: 1,
            timestamp_ms: 0,
        };
        let batch = ProducerBatch::new(ORDERS_0, Batch::new([record].into()), sequence, at(0), 0);
        order.is_reordered(&batch, offset.map(Offset))
    }

    #[test]
    fn what_was_filled_first_stands_first_whichever_is_acknowledged_first() {
        let mut order = AckedOrder::default();
        assert!(!acked(&mut order, 1, Some(11)));
        assert!(!acked(&mut order, 0, Some(10)));
        assert!(!acked(&mut order, 2, Some(12)));
    }

    #[test]
    fn a_retry_that_stands_behind_its_successor_is_noticed_either_way() {
        let mut order = AckedOrder::default();
        acked(&mut order, 1, Some(10));
        assert!(acked(&mut order, 0, Some(11)), "the retry is acknowledged last");
        assert!(acked(&mut order, 2, Some(9)), "the successor is acknowledged last");
        assert!(!acked(&mut order, 3, None), "with acks=0 nobody knows");
    }
}
