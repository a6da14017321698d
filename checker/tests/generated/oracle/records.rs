//! What lies at an offset, and what is said of it.

use super::{Oracle, Place, Sent};
use ktrial_checker::anomaly::AnomalyKind as Kind;
use ktrial_checker::history::Value;
use std::collections::BTreeSet;

impl Oracle<'_> {
    fn unsound(&self, key: u32, value: u64) -> Option<Kind> {
        match self.send_of(value) {
            _ if value == Value::CORRUPT.0 => Some(Kind::Corrupt),
            None => Some(Kind::Phantom),
            Some(sent) if sent.key != key => Some(Kind::WrongPartition),
            Some(sent) if sent.failed => Some(Kind::AbortedRead),
            Some(_) => None,
        }
    }

    pub(super) fn slots(&self, found: &mut Vec<Kind>) {
        let read: BTreeSet<_> = self.reads.iter().map(|read| (read.place, read.value)).collect();
        for (place, value) in read {
            let holds = self.log[&place];
            match self.unsound(place.0, value) {
                Some(kind) => found.push(kind),
                None if holds != value => {
                    found
                        .extend(self.unsound(place.0, holds).is_none().then_some(Kind::Divergence));
                }
                None => self.sound_slot(
                    place,
                    self.send_of(value).expect("a sound value was sent"),
                    found,
                ),
            }
        }
    }

    fn sound_slot(&self, place: Place, sent: &Sent, found: &mut Vec<Kind>) {
        let reads =
            self.reads.iter().filter(|read| (read.place, read.value) == (place, sent.value));
        found.extend(
            (reads.map(|read| read.at).min() < Some(sent.at)).then_some(Kind::ReadBeforeSend),
        );
        match self.place_of(sent) {
            Some(first) if first != place.1 && self.visible.contains(&place) => {
                let twice = self.was_read((place.0, first), sent.value);
                found.push(if twice { Kind::Duplicate } else { Kind::AckedOffsetConflict });
            }
            None if !sent.acked && self.is_retained(place) => found.push(Kind::UnstableRead),
            _ => {}
        }
    }

    pub(super) fn misplaced(&self, found: &mut Vec<Kind>) {
        for sent in &self.sent {
            let Some(offset) = sent.offset else { continue };
            let (place, lies) = ((sent.key, offset), self.place_of(sent));
            let lost = self.rest.contains_key(&sent.key) && lies.is_none();
            let seen = self.was_read(place, sent.value);
            let taken = self.log[&place] != sent.value;
            let elsewhere = lies
                .is_some_and(|lies| lies != offset && self.was_read((sent.key, lies), sent.value));
            let conflict = if taken { !lost && !seen } else { !seen && elsewhere };
            found.extend(conflict.then_some(Kind::AckedOffsetConflict));
        }
    }
}
