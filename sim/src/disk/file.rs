//! One file as its process sees it, with the truncations that a power loss may undo.

use super::Entry;
use super::image::Image;
use super::write_back::{WriteBack, pages_at_risk};
use crate::time::Instant;

/// A sequence of entries with byte positions.
#[derive(Clone, Debug)]
pub struct File<E> {
    /// Which file this is, whatever its name becomes.
    pub(super) id: u64,
    pub(super) image: Image<E>,
    /// Truncations since the last flush, oldest first.
    truncations: Vec<Truncation<E>>,
    next_truncation: u64,
}

/// A truncation, and the content it may fall back to.
#[derive(Clone, Debug)]
struct Truncation<E> {
    number: u64,
    /// When write-back makes it durable.
    due: Instant,
    keep: usize,
    /// `None` once it is known to be durable.
    before: Option<Image<E>>,
}

/// How much of a file a flush covers: what was there when it began.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub(super) struct FlushedPart {
    len: usize,
    truncations: u64,
}

impl<E: Clone> File<E> {
    pub(super) fn empty(id: u64) -> Self {
        File { id, image: Image::empty(), truncations: Vec::new(), next_truncation: 0 }
    }

    /// How many entries there are, damaged ones included.
    pub fn len(&self) -> usize {
        self.image.len()
    }

    /// Whether the file has no entry, which is also to have no byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The size of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.image.bytes()
    }

    /// Entry `index` as it reads now, or `None` past the end.
    pub fn entry(&self, index: usize) -> Option<Entry<'_, E>> {
        self.image.entry(index)
    }

    /// Entry `index` if it is there and undamaged.
    pub fn intact(&self, index: usize) -> Option<&E> {
        match self.entry(index) {
            Some(Entry::Intact(entry)) => Some(entry),
            _ => None,
        }
    }

    /// The entries from `index` on as they read now, in order.
    pub fn entries_from(&self, index: usize) -> impl Iterator<Item = Entry<'_, E>> {
        (index..self.len()).map_while(|index| self.entry(index))
    }

    /// Byte position at which entry `index` begins; that of the end of the file for `index == len()`.
    ///
    /// # Panics
    /// If `index > len()`.
    pub fn position(&self, index: usize) -> u64 {
        self.image.start(index)
    }

    /// The index of the first entry for which `is_before` is false, the file being ordered by it. Looks at what was
    /// written, damaged or not, as an index that is kept in memory would.
    pub fn partition_point(&self, mut is_before: impl FnMut(&E) -> bool) -> usize {
        self.image.slots.partition_point(|slot| is_before(&slot.entry))
    }

    /// How many entries, from the first, a flush has made durable.
    pub fn flushed_entries(&self) -> usize {
        self.image.durable_len
    }

    /// Bytes that no flush has made durable (write-back may have).
    pub fn unflushed_bytes(&self) -> u64 {
        self.bytes() - self.image.durable_bytes()
    }

    /// The indices of entries that a flush has made durable and nothing has damaged.
    pub(super) fn flushed_intact(&self) -> impl Iterator<Item = usize> {
        (0..self.flushed_entries()).filter(|&index| self.intact(index).is_some())
    }

    /// Keeps the first `keep` entries; remembers the others until the truncation is durable.
    pub(super) fn truncate(&mut self, at: Instant, keep: usize, write_back: &WriteBack) {
        if keep >= self.len() {
            return;
        }
        self.forget_durable(at);
        let number = self.next_truncation;
        self.next_truncation += 1;
        let due = write_back.due(at, [self.id, u64::MAX, number]);
        self.truncations.push(Truncation { number, due, keep, before: Some(self.image.clone()) });
        self.image.truncate(keep);
    }

    /// Lets go of the contents that can no longer come back.
    fn forget_durable(&mut self, now: Instant) {
        let durable =
            self.truncations.iter().take_while(|truncation| truncation.due <= now).count();
        self.truncations[..durable].iter_mut().for_each(|truncation| truncation.before = None);
    }

    /// Truncations become durable in order: the first that does not survive is undone, and all later ones with it. Asks
    /// `survives` with the instant at which write-back makes each durable; returns whether one was undone.
    pub(super) fn undo_truncations(&mut self, mut survives: impl FnMut(Instant) -> bool) -> bool {
        let mut truncations = std::mem::take(&mut self.truncations).into_iter();
        let undone = truncations
            .find_map(|Truncation { due, before, .. }| before.filter(|_| !survives(due)));
        undone.map(|before| self.image = before).is_some()
    }

    pub(super) fn begin_flush(&self) -> FlushedPart {
        FlushedPart { len: self.len(), truncations: self.next_truncation }
    }

    /// `part` is durable. Truncations made since the flush began may still be undone, back to what it made durable. A flush
    /// that a later one has overtaken adds nothing.
    pub(super) fn complete_flush(&mut self, part: FlushedPart) {
        let flushed_truncations = self.next_truncation - self.truncations.len() as u64;
        if part.truncations < flushed_truncations {
            return;
        }
        self.truncations.retain(|truncation| truncation.number >= part.truncations);
        let mut durable = part.len;
        for truncation in &mut self.truncations {
            truncation.before.iter_mut().for_each(|before| before.flushed(durable));
            durable = durable.min(truncation.keep);
        }
        self.image.flushed(durable);
    }

    /// The pages of `part` that are dirty at `now` are marked clean: no flush and no write-back will write them.
    pub(super) fn mark_clean(&mut self, part: FlushedPart, now: Instant, write_back: &WriteBack) {
        let len = part.len.min(self.len());
        let mut pages = pages_at_risk(self.id, &self.image, len, now, write_back);
        pages.iter_mut().for_each(|page| page.orphaned = true);
        self.image.orphans = pages;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::DiskOptions;
    use crate::random::{Address, Purpose, Streams};

    /// A file of five entries, truncated to three after the flush `part` began, then to one; the first truncation is
    /// durable, the second is not.
    fn file_truncated_during_a_flush() -> (File<char>, FlushedPart) {
        let mut stream = Streams::new(1).stream(Address::new(Purpose::DiskDamage, 0));
        let write_back = WriteBack::new(&DiskOptions::default(), &mut stream);
        let mut file = File::empty(0);
        "abcde"
            .chars()
            .for_each(|entry| assert!(file.image.append(Instant::START, entry, 10) < 50));
        let part = file.begin_flush();
        file.truncate(Instant::START, 3, &write_back);
        file.image.append(Instant::START, 'x', 10);
        file.truncate(file.truncations[0].due, 1, &write_back);
        (file, part)
    }

    fn read(file: &File<char>) -> String {
        (0..file.len()).filter_map(|index| file.intact(index)).collect()
    }

    #[test]
    fn a_flush_covers_only_what_no_truncation_since_has_touched() {
        let (mut file, part) = file_truncated_during_a_flush();
        file.complete_flush(part);
        assert_eq!(file.flushed_entries(), 1);
        assert!(file.undo_truncations(|_| false), "the second truncation can be undone");
        assert_eq!((read(&file).as_str(), file.flushed_entries()), ("abcx", 3));
    }

    #[test]
    fn truncations_become_durable_in_order() {
        let (mut file, _) = file_truncated_during_a_flush();
        assert!(!file.undo_truncations(|_| true));
        assert_eq!(read(&file), "a");
    }

    #[test]
    fn a_flush_overtaken_by_a_later_one_adds_nothing() {
        let (mut file, overtaken) = file_truncated_during_a_flush();
        let later = file.begin_flush();
        file.complete_flush(later);
        file.image.append(Instant::START, 'y', 10);
        file.complete_flush(overtaken);
        assert_eq!(file.flushed_entries(), 1);
    }
}
