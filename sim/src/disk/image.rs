//! The content of a file: its entries, which of them are durable, and which are damaged.

use std::collections::BTreeMap;

use super::page::Page;
use crate::chunked::Chunked;
use crate::time::Instant;

/// One entry as a process finds it on disk.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Entry<'a, E> {
    /// As it was written.
    Intact(&'a E),
    /// Its end is missing, for the file ended inside it: after a power loss, or when the disk was full.
    Cut,
    /// Some of its sectors read as zeros, others as written.
    Torn,
    /// All of it reads as zeros.
    Zeroed,
    /// Readable, but not what was written; the value is what a reader without a checksum would take it for.
    Corrupt(&'a E),
}

/// What happened to an entry that is not intact; see the variants of [`Entry`].
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) enum Damage {
    Cut,
    Torn,
    Zeroed,
    Corrupt,
}

/// An entry with the position of its end and the time it was appended.
#[derive(Clone, Debug)]
pub(super) struct Slot<E> {
    pub(super) entry: E,
    pub(super) end: u64,
    pub(super) at: Instant,
}

/// What a process sees in a file, and what it cannot see: how much of that is on the platter.
#[derive(Clone, Debug)]
pub(super) struct Image<E> {
    pub(super) slots: Chunked<Slot<E>>,
    /// By index of the entry; nearly always empty.
    pub(super) damage: BTreeMap<usize, Damage>,
    /// How many entries a flush has made durable. Entries after them may be durable too, by write-back.
    pub(super) durable_len: usize,
    /// Pages a failed flush has marked clean, by page number.
    pub(super) orphans: Vec<Page>,
}

impl<E: Clone> Image<E> {
    /// A file without a byte.
    pub(super) fn empty() -> Self {
        Image {
            slots: Chunked::new(),
            damage: BTreeMap::new(),
            durable_len: 0,
            orphans: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.slots.last().map_or(0, |slot| slot.end)
    }

    /// Where entry `index` begins, which is where the one before it ends.
    pub(super) fn start(&self, index: usize) -> u64 {
        index.checked_sub(1).map_or(0, |before| self.slots[before].end)
    }

    pub(super) fn durable_bytes(&self) -> u64 {
        self.start(self.durable_len)
    }

    pub(super) fn entry(&self, index: usize) -> Option<Entry<'_, E>> {
        let entry = &self.slots.get(index)?.entry;
        Some(match self.damage.get(&index) {
            None => Entry::Intact(entry),
            Some(Damage::Cut) => Entry::Cut,
            Some(Damage::Torn) => Entry::Torn,
            Some(Damage::Zeroed) => Entry::Zeroed,
            Some(Damage::Corrupt) => Entry::Corrupt(entry),
        })
    }

    pub(super) fn append(&mut self, at: Instant, entry: E, bytes: u32) -> u64 {
        assert!(bytes > 0, "an entry occupies at least one byte");
        let position = self.bytes();
        self.slots.push(Slot { entry, end: position + u64::from(bytes), at });
        position
    }

    /// Keeps the first `keep` entries. Cutting into a page rewrites it, so it is dirty again.
    pub(super) fn truncate(&mut self, keep: usize) {
        self.slots.truncate(keep);
        self.damage.split_off(&keep);
        self.durable_len = self.durable_len.min(keep);
        let bytes = self.bytes();
        self.orphans.retain(|page| page.end <= bytes);
    }

    /// Keeps the first `size` bytes; an entry across the cut stays as [`Damage::Cut`].
    pub(super) fn cut(&mut self, size: u64) {
        assert!(size <= self.bytes(), "a cut does not lengthen a file");
        let whole = self.slots.partition_point(|slot| slot.end <= size);
        let across = self.slots.get(whole).filter(|_| self.start(whole) < size).cloned();
        self.truncate(whole);
        if let Some(slot) = across {
            self.slots.push(Slot { end: size, ..slot });
            self.damage.insert(whole, Damage::Cut);
        }
    }

    /// A flush has made the first `len` entries durable.
    pub(super) fn flushed(&mut self, len: usize) {
        assert!(len <= self.len(), "only what is there can be flushed");
        self.durable_len = self.durable_len.max(len);
    }

    /// All of it is durable, as after a restart: what the platter holds is what the process reads.
    pub(super) fn settle(&mut self) {
        self.durable_len = self.len();
        self.orphans.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image() -> Image<char> {
        let mut image = Image::empty();
        "abc".chars().for_each(|entry| assert!(image.append(Instant::START, entry, 10) < 30));
        image
    }

    #[test]
    fn a_cut_within_an_entry_leaves_its_beginning() {
        let mut image = image();
        image.cut(15);
        assert_eq!((image.len(), image.bytes()), (2, 15));
        assert_eq!(image.entry(1), Some(Entry::Cut));
        assert_eq!(image.append(Instant::START, 'd', 10), 15);
    }

    #[test]
    fn a_cut_between_entries_damages_none() {
        let mut image = image();
        image.cut(20);
        assert_eq!((image.len(), image.bytes()), (2, 20));
        assert_eq!(image.entry(1), Some(Entry::Intact(&'b')));
    }

    #[test]
    fn truncating_a_damaged_entry_away_makes_room_for_an_intact_one() {
        let mut image = image();
        image.damage.insert(1, Damage::Zeroed);
        image.truncate(1);
        image.append(Instant::START, 'd', 10);
        assert_eq!(image.entry(1), Some(Entry::Intact(&'d')));
    }

    #[test]
    fn truncating_below_what_is_flushed_lowers_what_is_flushed() {
        let mut image = image();
        image.flushed(3);
        image.truncate(1);
        image.append(Instant::START, 'd', 10);
        assert_eq!((image.durable_len, image.durable_bytes()), (1, 10));
    }
}
