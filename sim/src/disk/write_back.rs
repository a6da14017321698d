//! Background write-back: which pages have reached the platter without a flush.
//!
//! Nothing runs in the background. Each dirty page has a delay that depends on its address alone (file, page, how much of
//! it was durable before), so the question "was it written by now?" can be asked late, at the power loss, and gets the
//! same answer whatever else the disk has done.
//!
//! ```text
//! append ──► page dirty ──delay──► written ──append──► dirty again ──delay──► written
//!            durable: ----          durable: all of it then             durable: all of it now
//! ```

use super::image::Image;
use super::options::DiskOptions;
use super::page::{PAGE, Page};
use crate::random::{Stream, exponential_from_bits};
use crate::time::{Duration, Instant};

/// Bytes that the device writes at once, all or nothing.
pub(super) const SECTOR: u64 = 512;

/// The delays of one disk's write-back.
#[derive(Copy, Clone, Debug)]
pub(super) struct WriteBack {
    seed: u64,
    mean_min: Duration,
    mean_max: Duration,
}

impl WriteBack {
    pub(super) fn new(options: &DiskOptions, stream: &mut Stream) -> Self {
        let (mean_min, mean_max) = (options.write_back_mean_min, options.write_back_mean_max);
        assert!(mean_min <= mean_max, "the write-back means are a range");
        WriteBack { seed: stream.next_u64(), mean_min, mean_max }
    }

    /// How long after `dirty_since` the change at `address` is durable.
    pub(super) fn due(&self, dirty_since: Instant, address: [u64; 3]) -> Instant {
        let bits = address.into_iter().fold(self.seed, |hash, word| mix(hash ^ word));
        let spread = (self.mean_max.as_nanos() - self.mean_min.as_nanos()).saturating_add(1);
        let above_min = (u128::from(bits) * u128::from(spread)) >> 64;
        let mean = self.mean_min.as_nanos() + above_min as u64;
        dirty_since + Duration::from_nanos(exponential_from_bits(mix(bits), mean))
    }
}

/// The finalizer of splitmix64: every input bit moves every output bit.
fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// The pages of the first `len` entries that are not durable at `now`, in order.
pub(super) fn pages_at_risk<E: Clone>(
    file: u64,
    image: &Image<E>,
    len: usize,
    now: Instant,
    write_back: &WriteBack,
) -> Vec<Page> {
    let orphans = standing_orphans(image);
    let mut pages: Vec<Page> =
        DirtyPages { file, write_back, pages: Vec::new(), due: Instant::NEVER }
            .walk(image, len, now)
            .into_iter()
            .filter(|page| {
                orphans.binary_search_by_key(&page.index, |orphan| orphan.index).is_err()
            })
            .collect();
    pages.extend(orphans);
    pages.sort_unstable_by_key(|page| page.index);
    pages
}

/// The orphans that no later append has made dirty (and so writable) again.
fn standing_orphans<E: Clone>(image: &Image<E>) -> Vec<Page> {
    let bytes = image.bytes();
    let untouched = |page: &&Page| page.end == bytes.min(page.start() + PAGE);
    image.orphans.iter().filter(untouched).copied().collect()
}

/// Plays the appends to unflushed pages in order, and write-back between them.
struct DirtyPages<'a> {
    file: u64,
    write_back: &'a WriteBack,
    /// Finished pages at risk, then the one being played.
    pages: Vec<Page>,
    /// When the page being played is written.
    due: Instant,
}

impl DirtyPages<'_> {
    fn walk<E: Clone>(mut self, image: &Image<E>, len: usize, now: Instant) -> Vec<Page> {
        let durable = image.durable_bytes();
        let mut start = durable;
        for slot in
            image.slots.iter_from(image.durable_len).take(len.saturating_sub(image.durable_len))
        {
            for index in start / PAGE..=(slot.end - 1) / PAGE {
                let end = slot.end.min((index + 1) * PAGE);
                if self.pages.last().is_none_or(|page| page.index != index) {
                    self.finish(now);
                    let durable_until = durable.max(index * PAGE);
                    self.begin(Page { index, durable_until, end, orphaned: false }, slot.at);
                } else {
                    self.extend(end, slot.at);
                }
            }
            start = slot.end;
        }
        self.finish(now);
        self.pages
    }

    fn begin(&mut self, page: Page, at: Instant) {
        self.due = self.write_back.due(at, [self.file, page.index, page.durable_until]);
        self.pages.push(page);
    }

    fn extend(&mut self, end: u64, at: Instant) {
        let page = self.pages.last_mut().expect("an extended page has begun");
        if self.due <= at {
            page.durable_until = page.end;
            self.due = self.write_back.due(at, [self.file, page.index, page.durable_until]);
        }
        page.end = end;
    }

    fn finish(&mut self, now: Instant) {
        if let Some(page) = self.pages.last_mut() {
            if self.due <= now {
                page.durable_until = page.end;
            }
            self.pages.pop_if(|page| !page.is_at_risk());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Address, Purpose, Streams};

    fn write_back(seed: u64) -> WriteBack {
        let mut stream = Streams::new(seed).stream(Address::new(Purpose::DiskDamage, 0));
        WriteBack::new(&DiskOptions::default(), &mut stream)
    }

    fn at_risk(image: &Image<()>, now: Instant, write_back: &WriteBack) -> Vec<(u64, u64, u64)> {
        let pages = pages_at_risk(0, image, image.len(), now, write_back);
        pages.iter().map(|page| (page.index, page.durable_until, page.end)).collect()
    }

    #[test]
    fn a_delay_depends_on_its_address_and_seed_alone() {
        let due = |seed, address| write_back(seed).due(Instant::START, address);
        assert_eq!(due(1, [1, 2, 3]), due(1, [1, 2, 3]));
        let others = [due(2, [1, 2, 3]), due(1, [2, 1, 3]), due(1, [1, 3, 2]), due(1, [1, 2, 0])];
        assert!(others.iter().all(|&other| other != due(1, [1, 2, 3])));
    }

    #[test]
    fn delays_have_the_mean_of_the_means() {
        let write_back = write_back(1);
        let total: Duration = (0..20_000)
            .map(|page| write_back.due(Instant::START, [0, page, 0]).since(Instant::START))
            .sum();
        let mean_ms = (total / 20_000).as_millis();
        assert!((17_000..18_000).contains(&mean_ms), "{mean_ms} ms, expected 17.5 s");
    }

    #[test]
    fn unflushed_pages_are_at_risk_until_they_are_written_back() {
        let mut image = Image::empty();
        image.append(Instant::START, (), 5000);
        let write_back = write_back(1);
        assert_eq!(at_risk(&image, Instant::START, &write_back), [(0, 0, 4096), (1, 4096, 5000)]);
        image.flushed(1);
        assert_eq!(at_risk(&image, Instant::START, &write_back), []);
        image.append(Instant::START, (), 100);
        assert_eq!(at_risk(&image, Instant::START, &write_back), [(1, 5000, 5100)]);
        let due = write_back.due(Instant::START, [0, 1, 5000]);
        assert_eq!(at_risk(&image, due, &write_back), []);
    }

    #[test]
    fn a_page_written_back_is_dirty_again_from_the_next_append_on() {
        let (mut image, write_back) = (Image::empty(), write_back(1));
        image.append(Instant::START, (), 100);
        let due = write_back.due(Instant::START, [0, 0, 0]);
        image.append(due, (), 100);
        assert_eq!(at_risk(&image, due, &write_back), [(0, 100, 200)]);
    }
}
