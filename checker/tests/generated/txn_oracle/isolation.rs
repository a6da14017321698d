//! Who read of which transaction, when, and what is left of it at rest.

use super::known::{Fate, Known, Sent};
use crate::step::{Records, Step};
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::history::{Isolation, LogEntryKind};
use std::cmp::Reverse;

/// Nothing from an offset on may be read before a step, for a transaction's sake.
struct Wait {
    offset: i64,
    txn: usize,
    until: usize,
}

impl Known<'_> {
    pub fn isolation(&self) -> Vec<Kind> {
        let txns = 0..self.txns.len();
        let mut found: Vec<Kind> = txns.clone().filter_map(|txn| self.misread(txn)).collect();
        found.extend(txns.filter_map(|txn| self.incomplete(txn)));
        if self.isolation == Isolation::ReadCommitted {
            found.extend(self.passed().map(|_| Kind::LastStableOffsetPassed));
        }
        found
    }

    fn misread(&self, txn: usize) -> Option<Kind> {
        let is_of = |sent: &Sent, key| sent.txn == Some(txn) && sent.key == key;
        let first = self
            .reads
            .iter()
            .find(|read| self.send_of(read.value).is_some_and(|sent| is_of(sent, read.place.0)))?;
        if self.txns[txn].fate != Fate::Aborted {
            return (first.at < self.open_until(txn)).then_some(Kind::EarlyRead);
        }
        let is_there = |sent: &Sent| !sent.failed && self.is_at_rest(sent) == Some(true);
        let is_visible = self.sent_in(txn).any(is_there);
        Some(if is_visible { Kind::AbortedVisible } else { Kind::AbortedTransactionRead })
    }

    fn incomplete(&self, txn: usize) -> Option<Kind> {
        let sends = self.sent_in(txn).filter(|sent| !sent.failed);
        let at_rest: Vec<_> = sends.map(|sent| self.is_at_rest(sent)).collect();
        let has = |state| at_rest.contains(&state);
        match (has(Some(true)), has(None)) {
            _ if !self.is_committed(txn) || !has(Some(false)) => None,
            (true, _) => Some(Kind::TornTransaction),
            (false, false) => Some(Kind::LostTransaction),
            (false, true) => None,
        }
    }

    /// Whether the log at rest has a record, if that is known.
    fn is_at_rest(&self, sent: &Sent) -> Option<bool> {
        let &(start, ..) = self.rest.get(&sent.key)?;
        let is_read = sent.offset.is_some() || start == 0;
        match self.place_of(sent) {
            Some(_) => Some(true),
            None => (is_read && !self.may_be_gone(sent)).then_some(false),
        }
    }

    /// What polls of consecutive offsets should have waited for longest and did not, unless they got records of it.
    fn passed(&self) -> impl Iterator<Item = Wait> {
        let polls = self.steps.iter().enumerate().filter_map(|(at, step)| match step {
            Step::Poll { key, records, .. } => Some((at, *key, records)),
            _ => None,
        });
        polls.flat_map(move |(at, key, records)| {
            runs(records).into_iter().filter_map(move |last| {
                let mut waits = self.waits(key, last);
                waits.retain(|wait| wait.offset <= last.0);
                let longest =
                    waits.into_iter().max_by_key(|wait| (wait.until, Reverse(wait.offset)))?;
                let is_of = |sent: &Sent| sent.txn == Some(longest.txn) && sent.key == key;
                let is_read = |value| self.send_of(value).is_some_and(is_of);
                let is_passed =
                    at < longest.until && !records.iter().any(|&(_, value)| is_read(value));
                is_passed.then_some(longest)
            })
        })
    }

    /// What readers of a partition had to wait for: commits that producers asked for, and, if the log at rest is the one
    /// that they read, what dumps show to be decided late.
    fn waits(&self, key: u32, last: (i64, u64)) -> Vec<Wait> {
        let held = self.log.iter().filter(|(place, _)| place.0 == key);
        let asked = held.filter_map(|(&(_, offset), &value)| {
            let txn = self.send_of(value)?.txn?;
            let is_known = self.txns[txn].told == Fate::Committed;
            is_known.then(|| Wait { offset, txn, until: self.open_until(txn) })
        });
        let mut waits: Vec<Wait> = asked.collect();
        let place = (key, last.0);
        if self.visible.contains(&place) && self.log[&place] == last.1 {
            waits.extend(self.marked(key));
        }
        waits
    }

    /// A marker was not written before all that lies below it was sent.
    fn marked(&self, key: u32) -> impl Iterator<Item = Wait> {
        let is_here = move |dump: usize| matches!(self.steps[dump - 1], Step::Dump { key: of, .. } if of == key);
        let markers = self.markers().into_iter().filter(move |marker| is_here(marker.dump));
        markers.filter_map(move |marker| {
            let lying = self.lying_in(key).into_iter();
            let lying = lying.filter(|&(offset, _)| offset < marker.offset);
            let left = self.left().into_iter().filter_map(|(dump, of, entry)| {
                let is_left = entry.kind == LogEntryKind::AbortedData && dump == marker.dump;
                let is_below = is_left && entry.offset.0 < marker.offset;
                let sent = self.send_of(entry.value?.0).filter(|sent| sent.key == of)?;
                is_below.then_some(sent.at)
            });
            let until = lying.map(|(_, sent)| sent.at).chain(left).max()?;
            Some(Wait { offset: marker.first, txn: marker.txn, until })
        })
    }
}

/// The last records of the runs of consecutive offsets.
fn runs(records: &Records) -> Vec<(i64, u64)> {
    let ends = |&at: &usize| records.get(at + 1).is_none_or(|next| next.0 != records[at].0 + 1);
    (0..records.len()).filter(ends).map(|at| records[at]).collect()
}
