//! What a power loss leaves on the platter.
//!
//! Write-back has no order, so of the pages that were dirty any may be there, and the size of the file is metadata with a
//! fate of its own. One page in the middle may be missing while its neighbours are not; a size that survived pages which
//! did not leaves zeros (delayed allocation); a page that was being written has some of its sectors.
//!
//! ```text
//! flushed          │ kept     dropped   torn           kept │        size lost from here
//! ████████████████ │ ████████ ........  ████....  ████████  │ ░░░░░░░░░░░░░░░░
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use super::directory::{Change, Directory};
use super::file::File;
use super::image::{Damage, Image};
use super::page::{PAGE, Page};
use super::write_back::{SECTOR, WriteBack, pages_at_risk};
use crate::random::Stream;
use crate::time::Instant;

/// Something that can come of a power loss; a probe for coverage.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum DiskOutcome {
    /// Luck: all that was dirty had just been written.
    EverythingKept,
    /// The opposite: of what was dirty, nothing had been written.
    NothingKept,
    /// A dirty page was not written though the file reaches past it: zeros in the middle.
    PageDropped,
    /// A page was written in part.
    TornPage,
    /// A page holds something that was never written to it.
    GarbagePage,
    /// The file ends in zeros: its size was durable, its last page was not.
    ZeroFilledTail,
    /// The file is shorter than it was.
    SuffixLost,
    /// The content from before a truncation is back.
    TruncateUndone,
    /// A file that had been created is not there.
    CreateUndone,
    /// A file that had been removed is there.
    RemoveUndone,
    /// A file has its old name, or the content from before it was replaced.
    RenameUndone,
    /// Pages that a failed flush had marked clean are zeros.
    MarkedCleanLost,
}

/// What a power loss did to a disk.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct PowerLossReport {
    /// What happened at least once.
    pub outcomes: BTreeSet<DiskOutcome>,
    /// Entries at the end of files that are not there any more.
    pub entries_lost: u64,
    /// Entries that are there but not intact, counting those damaged now.
    pub entries_damaged: u64,
}

/// How much of what is dirty survives.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Fate {
    Everything,
    Part,
    Nothing,
}

/// Bytes of a page that do not hold what was written to them.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
struct BadRange {
    start: u64,
    end: u64,
    is_garbage: bool,
}

/// A power loss while it happens.
pub(super) struct PowerLoss<'a> {
    now: Instant,
    write_back: &'a WriteBack,
    stream: &'a mut Stream,
    report: PowerLossReport,
}

impl<'a> PowerLoss<'a> {
    pub(super) fn new(now: Instant, write_back: &'a WriteBack, stream: &'a mut Stream) -> Self {
        PowerLoss { now, write_back, stream, report: PowerLossReport::default() }
    }

    /// Turns `directory` into what a boot finds.
    pub(super) fn strike<F: Copy + Ord + Debug, E: Clone>(
        mut self,
        directory: &mut Directory<F, E>,
    ) -> PowerLossReport {
        let fate = self.draw_fate([1, 8, 1]);
        self.report.outcomes.extend(match fate {
            Fate::Everything => Some(DiskOutcome::EverythingKept),
            Fate::Part => None,
            Fate::Nothing => Some(DiskOutcome::NothingKept),
        });
        self.strike_names(directory, fate);
        for file in directory.files.values_mut() {
            let fate = if fate == Fate::Part { self.draw_fate([1, 3, 1]) } else { fate };
            self.strike_file(file, fate);
        }
        self.report
    }

    fn draw_fate(&mut self, weights: [u32; 3]) -> Fate {
        [Fate::Everything, Fate::Part, Fate::Nothing][self.stream.weighted(&weights)]
    }

    /// Whether a change survives that write-back makes durable at `due`.
    fn survives(&mut self, fate: Fate, due: Instant) -> bool {
        due <= self.now
            || match fate {
                Fate::Everything => true,
                Fate::Part => self.stream.chance(1, 2),
                Fate::Nothing => false,
            }
    }

    fn strike_names<F: Copy + Ord + Debug, E: Clone>(
        &mut self,
        directory: &mut Directory<F, E>,
        fate: Fate,
    ) {
        let mut undone = BTreeSet::new();
        let note = |change: &Change<F, E>| {
            undone.insert(match change {
                Change::Create(_) => DiskOutcome::CreateUndone,
                Change::Remove(..) => DiskOutcome::RemoveUndone,
                Change::Rename { .. } | Change::Replace(..) => DiskOutcome::RenameUndone,
            });
        };
        directory.power_loss(self.write_back, |due| self.survives(fate, due), note);
        self.report.outcomes.extend(undone);
    }

    fn strike_file<E: Clone>(&mut self, file: &mut File<E>, fate: Fate) {
        if file.undo_truncations(|due| self.survives(fate, due)) {
            self.report.outcomes.insert(DiskOutcome::TruncateUndone);
        }
        let image = &mut file.image;
        let pages = pages_at_risk(file.id, image, image.len(), self.now, self.write_back);
        let size = self.surviving_size(image, &pages, fate);
        let bad: Vec<BadRange> = pages
            .iter()
            .filter(|page| page.durable_until < size)
            .filter_map(|page| self.strike_page(page, size, fate))
            .collect();
        self.mark(image, &bad);
        self.shorten(image, size);
        if bad.last().is_some_and(|last| last.end == size && !last.is_garbage) {
            self.report.outcomes.insert(DiskOutcome::ZeroFilledTail);
        }
        image.settle();
    }

    /// The size the file has on the platter, in bytes: at least what is known to be there, at most what the process saw.
    fn surviving_size<E: Clone>(&mut self, image: &Image<E>, pages: &[Page], fate: Fate) -> u64 {
        let (least, most) = (durable_size(image, pages), image.bytes());
        let pages_between = most.div_ceil(PAGE) - least / PAGE;
        match fate {
            Fate::Everything => most,
            Fate::Nothing => least,
            Fate::Part if least == most || self.stream.chance(1, 2) => most,
            Fate::Part => match self.stream.below(pages_between) {
                0 => least,
                more => (least / PAGE + more) * PAGE,
            },
        }
    }

    /// What a page at risk lost of the first `size` bytes, if anything. A page marked clean loses all of it, whatever the
    /// luck.
    fn strike_page(&mut self, page: &Page, size: u64, fate: Fate) -> Option<BadRange> {
        let end = page.end.min(size);
        let all = BadRange { start: page.durable_until, end, is_garbage: false };
        if page.orphaned {
            self.report.outcomes.insert(DiskOutcome::MarkedCleanLost);
            return Some(all);
        }
        match fate {
            Fate::Everything => None,
            Fate::Nothing => self.dropped(all),
            Fate::Part => match self.stream.weighted(&[10, 6, 1, 1, 1]) {
                0 => None,
                1 => self.dropped(all),
                2 => {
                    let written_to = self.draw_sector(page);
                    self.torn(BadRange { start: all.start.max(written_to), ..all })
                }
                3 => {
                    let written_from = self.draw_sector(page);
                    self.torn(BadRange { end: all.end.min(written_from), ..all })
                }
                _ => self.garbage(all),
            },
        }
    }

    /// A sector boundary within `page`, neither its start nor its end.
    fn draw_sector(&mut self, page: &Page) -> u64 {
        page.start() + SECTOR * self.stream.between(1, PAGE / SECTOR - 1)
    }

    fn dropped(&mut self, range: BadRange) -> Option<BadRange> {
        self.report.outcomes.insert(DiskOutcome::PageDropped);
        Some(range)
    }

    fn torn(&mut self, range: BadRange) -> Option<BadRange> {
        let is_torn = range.start < range.end;
        self.report.outcomes.extend(is_torn.then_some(DiskOutcome::TornPage));
        is_torn.then_some(range)
    }

    fn garbage(&mut self, range: BadRange) -> Option<BadRange> {
        self.report.outcomes.insert(DiskOutcome::GarbagePage);
        Some(BadRange { is_garbage: true, ..range })
    }

    /// Ends the file at `size`.
    fn shorten<E: Clone>(&mut self, image: &mut Image<E>, size: u64) {
        let len = image.len();
        if size < image.bytes() {
            self.report.outcomes.insert(DiskOutcome::SuffixLost);
            image.cut(size);
        }
        self.report.entries_lost += (len - image.len()) as u64;
        self.report.entries_damaged += image.damage.len() as u64;
    }

    /// Marks the entries that overlap bad ranges.
    fn mark<E: Clone>(&mut self, image: &mut Image<E>, bad: &[BadRange]) {
        let mut bytes_by_entry: BTreeMap<usize, (u64, bool)> = BTreeMap::new();
        for range in bad {
            let first = image.slots.partition_point(|slot| slot.end <= range.start);
            for index in (first..image.len()).take_while(|&index| image.start(index) < range.end) {
                let overlap =
                    range.end.min(image.slots[index].end) - range.start.max(image.start(index));
                let (bytes, is_garbage) = bytes_by_entry.entry(index).or_default();
                *bytes += overlap;
                *is_garbage |= range.is_garbage;
            }
        }
        for (index, (bytes, is_garbage)) in bytes_by_entry {
            let is_all = bytes == image.slots[index].end - image.start(index);
            let damage = match (is_garbage, is_all) {
                (true, _) => Damage::Corrupt,
                (false, true) => Damage::Zeroed,
                (false, false) => Damage::Torn,
            };
            image.damage.entry(index).or_insert(damage);
        }
    }
}

/// The size that is certainly on the platter: up to the last byte that is.
fn durable_size<E: Clone>(image: &Image<E>, pages: &[Page]) -> u64 {
    let mut size = image.bytes();
    for page in pages.iter().rev() {
        if page.end != size {
            break;
        }
        size = page.durable_until;
        if size > page.start() {
            break;
        }
    }
    size.max(image.durable_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Entry;

    fn image(entry_bytes: &[u32]) -> Image<usize> {
        let mut image = Image::empty();
        for (index, &bytes) in entry_bytes.iter().enumerate() {
            image.append(Instant::START, index, bytes);
        }
        image
    }

    fn page(index: u64, durable_until: u64, end: u64) -> Page {
        Page { index, durable_until, end, orphaned: false }
    }

    #[test]
    fn the_durable_size_reaches_the_last_byte_written() {
        let image = image(&[10_000]);
        let (first, second, third) = (page(0, 0, 4096), page(1, 4096, 8192), page(2, 8192, 10_000));
        assert_eq!(durable_size(&image, &[]), 10_000);
        assert_eq!(durable_size(&image, &[first, second]), 10_000, "the last page is written");
        assert_eq!(durable_size(&image, &[first, third]), 8192, "page 1 is written");
        assert_eq!(durable_size(&image, &[first, page(1, 5000, 8192), third]), 5000);
        assert_eq!(durable_size(&image, &[first, second, third]), 0);
    }

    #[test]
    fn entries_are_marked_by_what_became_of_their_bytes() {
        let mut image = image(&[1000, 1000, 1000, 1000]);
        let mut stream = crate::random::Streams::new(0)
            .stream(crate::random::Address::new(crate::random::Purpose::DiskDamage, 0));
        let write_back = WriteBack::new(&crate::disk::DiskOptions::default(), &mut stream);
        let zeros = BadRange { start: 500, end: 2000, is_garbage: false };
        let garbage = BadRange { start: 2999, end: 3000, is_garbage: true };
        PowerLoss::new(Instant::START, &write_back, &mut stream)
            .mark(&mut image, &[zeros, garbage]);
        let read: Vec<_> = (0..4).filter_map(|index| image.entry(index)).collect();
        assert_eq!(read, [Entry::Torn, Entry::Zeroed, Entry::Corrupt(&2), Entry::Intact(&3)]);
    }
}
