//! The order of records: of a producer's, of a consumer's, in real time.

use super::{Oracle, Place, Sent};
use crate::step::Step;
use ktrial_checker::anomaly::AnomalyKind as Kind;
use std::collections::BTreeMap;

impl Oracle<'_> {
    pub(super) fn producer_order(&self, found: &mut Vec<Kind>) {
        for (n, later) in self.sent.iter().enumerate() {
            let Some(place) = self.place_of(later) else { continue };
            let is_same = |sent: &&Sent| (sent.process, sent.key) == (later.process, later.key);
            let ahead = self.sent[..n].iter().filter(is_same);
            let ahead: Vec<_> = ahead.filter(|sent| self.place_of(sent) > Some(place)).collect();
            let both_acked = later.acked && ahead.iter().any(|earlier| earlier.acked);
            let kind = if both_acked { Kind::OutOfOrder } else { Kind::LateAppend };
            found.extend((!ahead.is_empty()).then_some(kind));
        }
    }

    fn acked_at(&self, sent: &Sent) -> Option<usize> {
        let is_ack = |step: &Step| matches!(*step, Step::Ack { value, .. } if value == sent.value);
        self.steps.iter().position(is_ack).filter(|_| sent.acked)
    }

    /// Whether before step `at` somebody was told of, or read, a record at a place that `wanted` says yes to. A record
    /// that was told of has a session.
    fn was_known(&self, at: usize, wanted: impl Fn(Place, u64, Option<u32>) -> bool) -> bool {
        let told =
            self.sent.iter().filter(|sent| self.acked_at(sent).is_some_and(|acked| acked < at));
        let told = told
            .filter_map(|sent| Some(((sent.key, sent.offset?), sent.value, Some(sent.process))));
        let read = self.reads.iter().filter(|read| read.at < at);
        let mut known = told.chain(read.map(|read| (read.place, read.value, None)));
        known.any(|(place, value, by)| wanted(place, value, by))
    }

    pub(super) fn backdated(&self, found: &mut Vec<Kind>) {
        for sent in &self.sent {
            let Some(lies) = self.place_of(sent) else { continue };
            let above = self.was_known(sent.at, |place, value, by| {
                let is_there = self.visible.contains(&place) && self.log[&place] == value;
                is_there && place.0 == sent.key && place.1 > lies && by != Some(sent.process)
            });
            let is_below_end = self.was_told_end(sent.at, sent.key, |end| end > lies);
            found.extend((above || is_below_end).then_some(Kind::BackdatedAppend));
        }
    }

    /// Whether before step `at` somebody was told that a log ends where `wanted` says yes to.
    fn was_told_end(&self, at: usize, of: u32, wanted: impl Fn(i64) -> bool) -> bool {
        let mut told = self.steps[..at].iter().filter_map(end_told);
        told.any(|(_, key, end)| key == of && wanted(end))
    }

    pub(super) fn stale_ends(&self, found: &mut Vec<Kind>) {
        for (id, key, end) in self.steps.iter().filter_map(end_told) {
            let asks =
                |step: &Step| matches!(*step, Step::AskBound { id: asked, .. } if asked == id);
            let asked = self.steps.iter().position(asks).expect("answered questions were asked");
            let passed = self.was_known(asked, |place, _, _| place.0 == key && place.1 >= end);
            let told_more = self.was_told_end(asked, key, |before| before > end);
            found.extend((passed || told_more).then_some(Kind::StaleEnd));
        }
    }

    pub(super) fn consumer_order(&self, found: &mut Vec<Kind>) {
        let mut positions: BTreeMap<(u32, u32), i64> = BTreeMap::new();
        for step in self.steps {
            match step {
                Step::Assign { process, keys } => {
                    positions.retain(|(owner, key), _| owner != process || keys.contains(key));
                }
                Step::Position { process, key, offset, .. } => {
                    positions.insert((*process, *key), *offset);
                }
                Step::Poll { process, key, records } => {
                    for (n, &(offset, _)) in records.iter().enumerate() {
                        let next = positions.insert((*process, *key), offset + 1).unwrap_or(offset);
                        let left_out = (next..offset).any(|skipped| {
                            let place = (*key, skipped);
                            self.visible.contains(&place) && (n > 0 || self.gone(place).is_none())
                        });
                        let (back, ahead) = match n {
                            0 => (Kind::NonmonotonicPoll, Kind::PollSkip),
                            _ => (Kind::InternalNonmonotonic, Kind::InternalSkip),
                        };
                        found.extend((offset < next).then_some(back));
                        found.extend(left_out.then_some(ahead));
                    }
                }
                _ => {}
            }
        }
    }
}

/// The question, the partition and the end that an answer told.
fn end_told(step: &Step) -> Option<(u32, u32, i64)> {
    match *step {
        Step::AnswerBound { id, key, offset } => Some((id, key, offset)),
        _ => None,
    }
}
