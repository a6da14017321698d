//! The simulated disk of one host: files in a page cache, durable only when flushed, written back, or lucky.
//!
//! A [`Disk`] is owned data without events or clock: whoever drives it (the kernel's context) says what time it is, asks how
//! long a flush takes, and completes it then. A file is a sequence of typed entries with byte sizes and positions, so
//! nothing is encoded; damage is decided per 4 KiB page and 512 B sector and surfaces as an [`Entry`] that is not intact.
//!
//! - A *process crash* loses nothing: the cache is the kernel's. There is no call for it.
//! - A *power loss* ([`Disk::power_loss`]) leaves what a flush made durable and a drawn part of the rest ([`DiskOutcome`]).
//! - [`DiskFaults`] make operations fail or wait; rot and the loss of the whole disk are calls of their own.
//!
//! What it does not do: misdirected writes, flushes that lie.
//!
//! ```
//! use ktrial_sim::disk::{Disk, DiskOptions, Entry};
//! use ktrial_sim::random::{Address, Purpose, Streams};
//! use ktrial_sim::time::Instant;
//!
//! let mut stream = Streams::new(1).stream(Address::new(Purpose::DiskDamage, 0));
//! let mut disk = Disk::new(DiskOptions::default(), &mut stream);
//! let now = Instant::START;
//! disk.append(now, "log", 'a', 100)?;
//! let ticket = disk.begin_flush("log")?;
//! disk.append(now, "log", 'b', 100)?;
//! disk.complete_flush(now, ticket)?;
//! disk.power_loss(now, &mut stream);
//!
//! let log = disk.file("log").expect("a flushed file survives");
//! assert_eq!(log.entry(0), Some(Entry::Intact(&'a'))); // 'b' may be there, or not, or in part
//! # Ok::<(), ktrial_sim::disk::DiskError>(())
//! ```

mod directory;
mod fault;
mod file;
mod flush;
mod image;
mod media;
mod options;
mod page;
mod power_loss;
mod write_back;

use std::fmt::Debug;

pub use fault::{DiskError, DiskFaults};
pub use file::File;
pub use flush::FlushTicket;
pub use image::Entry;
pub use options::DiskOptions;
pub use power_loss::{DiskOutcome, PowerLossReport};

use crate::random::Stream;
use crate::time::{Duration, Instant};
use directory::{Change, Directory};
use image::{Damage, Image};
use power_loss::PowerLoss;
use write_back::WriteBack;

/// The disk of one host, with files named by `F` that hold entries `E`. Its clone costs little however full it is.
#[derive(Clone, Debug)]
pub struct Disk<F, E> {
    /// What is wrong with it; set and cleared from outside.
    pub faults: DiskFaults,
    options: DiskOptions,
    write_back: WriteBack,
    directory: Directory<F, E>,
    next_file: u64,
    used_bytes: u64,
    boots: u64,
}

impl<F: Copy + Ord + Debug, E: Clone> Disk<F, E> {
    /// An empty disk. Takes one draw, which fixes when its pages are written back.
    pub fn new(options: DiskOptions, stream: &mut Stream) -> Self {
        Disk {
            faults: DiskFaults::default(),
            write_back: WriteBack::new(&options, stream),
            options,
            directory: Directory::empty(),
            next_file: 0,
            used_bytes: 0,
            boots: 0,
        }
    }

    /// The file of that name.
    pub fn file(&self, name: F) -> Option<&File<E>> {
        self.directory.files.get(&name)
    }

    /// Whether there is a file of that name.
    pub fn exists(&self, name: F) -> bool {
        self.directory.files.contains_key(&name)
    }

    /// All files, in the order of their names.
    pub fn files(&self) -> impl DoubleEndedIterator<Item = (F, &File<E>)> {
        self.directory.files.iter().map(|(&name, file)| (name, file))
    }

    /// Bytes of all files together.
    pub fn used_bytes(&self) -> u64 {
        self.used_bytes
    }

    /// Adds `entry` of `bytes` bytes at the end of `name`, which is created if absent. Returns the position at which the
    /// entry begins. To be durable it needs a flush.
    ///
    /// # Errors
    /// [`DiskError::NoSpace`] if not all of it fits; the part that does is written and reads as [`Entry::Cut`], until it
    /// is truncated away.
    ///
    /// # Panics
    /// If `bytes` is zero.
    pub fn append(
        &mut self,
        now: Instant,
        name: F,
        entry: E,
        bytes: u32,
    ) -> Result<u64, DiskError> {
        self.check_writable()?;
        if u64::from(bytes) > self.room() {
            self.append_what_fits(now, name, entry);
            return Err(DiskError::NoSpace);
        }
        Ok(self.write(now, name, entry, bytes))
    }

    /// Creates `name` without an entry; does nothing if it exists.
    pub fn create(&mut self, now: Instant, name: F) -> Result<(), DiskError> {
        self.check_writable()?;
        if !self.exists(name) {
            let file = self.new_file();
            self.add(now, name, file);
        }
        Ok(())
    }

    /// Keeps the first `keep_entries` entries of `name`. Until the next flush a power loss may bring the others back.
    pub fn truncate(
        &mut self,
        now: Instant,
        name: F,
        keep_entries: usize,
    ) -> Result<(), DiskError> {
        self.check_writable()?;
        let file = self.directory.files.get_mut(&name).ok_or(DiskError::NotFound)?;
        let bytes_before = file.bytes();
        file.truncate(now, keep_entries, &self.write_back);
        self.used_bytes -= bytes_before - file.bytes();
        Ok(())
    }

    /// Removes `name`. Until the directory is flushed a power loss may bring it back.
    pub fn remove(&mut self, now: Instant, name: F) -> Result<(), DiskError> {
        self.check_writable()?;
        let file = self.directory.files.remove(&name).ok_or(DiskError::NotFound)?;
        self.used_bytes -= file.bytes();
        self.directory.record(now, Change::Remove(name, file), &self.write_back);
        Ok(())
    }

    /// Gives `from` the name `to`, in place of what had that name. Durable once the directory, or the file under its new
    /// name, is flushed; what is in the file is not flushed by it.
    pub fn rename(&mut self, now: Instant, from: F, to: F) -> Result<(), DiskError> {
        self.check_writable()?;
        if from == to {
            return if self.exists(from) { Ok(()) } else { Err(DiskError::NotFound) };
        }
        let file = self.directory.files.remove(&from).ok_or(DiskError::NotFound)?;
        let overwritten = self.put(to, file);
        self.directory.record(now, Change::Rename { from, to, overwritten }, &self.write_back);
        Ok(())
    }

    /// Replaces the content of `name` at once, as by writing another file, flushing it, renaming it over this one and
    /// flushing the directory (Kafka's `CheckpointFile`). The process sees the new content at once. After a power loss
    /// before the ticket is completed there is either the old content or the new, whole; after it, the new.
    pub fn replace(
        &mut self,
        now: Instant,
        name: F,
        entries: impl IntoIterator<Item = (E, u32)>,
    ) -> Result<FlushTicket<F>, DiskError> {
        let bytes = self.swap_in(now, name, entries, Image::settle)?;
        let mut ticket = self.begin_flush(name)?;
        ticket.bytes = bytes;
        Ok(ticket)
    }

    /// As [`replace`](Disk::replace), but nothing is flushed: until something is, a power loss may leave the old content,
    /// the new content, or the new file with its content lost in part or whole (KAFKA-16541).
    pub fn replace_unflushed(
        &mut self,
        now: Instant,
        name: F,
        entries: impl IntoIterator<Item = (E, u32)>,
    ) -> Result<(), DiskError> {
        self.swap_in(now, name, entries, |_| ())?;
        Ok(())
    }

    /// How long an append, truncation, renaming or removal at `now` holds up the process: not at all unless stalled, for
    /// it ends in the page cache.
    pub fn write_duration(&self, now: Instant) -> Duration {
        self.faults.stretch(now, Duration::ZERO)
    }

    /// The host loses power at `now`: afterwards the disk is what a boot finds. Flushes under way are void.
    pub fn power_loss(&mut self, now: Instant, stream: &mut Stream) -> PowerLossReport {
        let report = PowerLoss::new(now, &self.write_back, stream).strike(&mut self.directory);
        self.used_bytes = self.directory.files.values().map(File::bytes).sum();
        self.boots += 1;
        report
    }

    fn check_writable(&self) -> Result<(), DiskError> {
        if self.faults.write_error { Err(DiskError::Io) } else { Ok(()) }
    }

    /// Bytes that still fit.
    fn room(&self) -> u64 {
        self.options.capacity_bytes.min(self.faults.capacity_bytes).saturating_sub(self.used_bytes)
    }

    fn write(&mut self, now: Instant, name: F, entry: E, bytes: u32) -> u64 {
        self.used_bytes += u64::from(bytes);
        if let Some(file) = self.directory.files.get_mut(&name) {
            return file.image.append(now, entry, bytes);
        }
        let mut file = self.new_file();
        let position = file.image.append(now, entry, bytes);
        self.add(now, name, file);
        position
    }

    fn append_what_fits(&mut self, now: Instant, name: F, entry: E) {
        let room = u32::try_from(self.room()).expect("what fits is shorter than the entry");
        if room > 0 {
            self.write(now, name, entry, room);
            let file = self.directory.files.get_mut(&name).expect("a written file exists");
            file.image.damage.insert(file.len() - 1, Damage::Cut);
        }
    }

    fn new_file(&mut self) -> File<E> {
        self.next_file += 1;
        File::empty(self.next_file)
    }

    fn add(&mut self, now: Instant, name: F, file: File<E>) {
        let there = self.directory.files.insert(name, file);
        assert!(there.is_none(), "{name:?} is created once");
        self.directory.record(now, Change::Create(name), &self.write_back);
    }

    /// Puts `file` under `name` and returns what it displaced.
    fn put(&mut self, name: F, file: File<E>) -> Option<File<E>> {
        let overwritten = self.directory.files.insert(name, file);
        self.used_bytes -= overwritten.as_ref().map_or(0, File::bytes);
        overwritten
    }

    /// Writes a new file and renames it to `name`; returns its size. `finish` decides how durable its content is.
    fn swap_in(
        &mut self,
        now: Instant,
        name: F,
        entries: impl IntoIterator<Item = (E, u32)>,
        finish: impl FnOnce(&mut Image<E>),
    ) -> Result<u64, DiskError> {
        self.check_writable()?;
        let mut file = self.new_file();
        for (entry, bytes) in entries {
            file.image.append(now, entry, bytes);
        }
        let bytes = file.bytes();
        if bytes > self.room() {
            return Err(DiskError::NoSpace);
        }
        finish(&mut file.image);
        self.used_bytes += bytes;
        let overwritten = self.put(name, file);
        self.directory.record(now, Change::Replace(name, overwritten), &self.write_back);
        Ok(bytes)
    }
}
