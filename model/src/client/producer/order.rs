//! Notices when a retried batch stands in the log behind one that was filled after it: a probe, no behaviour.

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
    was_retried: bool,
}

impl Acked {
    /// Whether the one that was filled first stands behind the other, and got there by a retry. (Without one it was the log
    /// that went back: a leader that lost its end gives offsets out again.)
    fn is_reordered(self, other: Acked) -> bool {
        let (first, second) =
            if self.sequence < other.sequence { (self, other) } else { (other, self) };
        first.sequence < second.sequence && first.offset > second.offset && first.was_retried
    }
}

impl AckedOrder {
    /// Takes an acknowledged batch. Whether a retry put it and the newest one before it out of order.
    pub fn is_reordered(&mut self, batch: &ProducerBatch, base_offset: Option<Offset>) -> bool {
        let Some(offset) = base_offset else { return false };
        let ProducerBatch { partition, sequence, .. } = *batch;
        let acked = Acked { partition, sequence, offset, was_retried: batch.attempts > 0 };
        let Some(newest) =
            self.newest.iter_mut().find(|newest| newest.partition == acked.partition)
        else {
            self.newest.push(acked);
            return false;
        };
        let is_reordered = acked.is_reordered(*newest);
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

    fn acked(order: &mut AckedOrder, sequence: u64, attempts: u32, offset: Option<u64>) -> bool {
        let record = Record {
            key: None,
            value: RecordValue::Data(RecordId(0)),
            size_bytes: 1,
            timestamp_ms: 0,
        };
        let mut batch =
            ProducerBatch::new(ORDERS_0, Batch::new([record].into()), sequence, at(0), 0);
        batch.attempts = attempts;
        order.is_reordered(&batch, offset.map(Offset))
    }

    #[test]
    fn what_was_filled_first_stands_first_whichever_is_acknowledged_first() {
        let mut order = AckedOrder::default();
        assert!(!acked(&mut order, 1, 0, Some(11)));
        assert!(!acked(&mut order, 0, 1, Some(10)));
        assert!(!acked(&mut order, 2, 0, Some(12)));
    }

    #[test]
    fn a_retry_that_stands_behind_its_successor_is_noticed_either_way() {
        let mut order = AckedOrder::default();
        acked(&mut order, 1, 1, Some(10));
        assert!(acked(&mut order, 0, 1, Some(11)), "the retry is acknowledged last");
        assert!(acked(&mut order, 2, 0, Some(9)), "the successor is acknowledged last");
        assert!(!acked(&mut order, 3, 0, None), "with acks=0 nobody knows");
    }

    #[test]
    fn a_log_that_went_back_is_no_reordering() {
        let mut order = AckedOrder::default();
        acked(&mut order, 0, 0, Some(10));
        assert!(!acked(&mut order, 1, 0, Some(7)));
        assert!(!acked(&mut order, 2, 1, Some(6)), "what came before was not retried");
    }
}
