//! The simulated disk of one host: files in a page cache, durable only when flushed, written back, or lucky.
//!
//! A [`Disk`] is owned data without events or clock: whoever drives it (the kernel's context) says what time it is, asks how
//! long a flush takes, and completes it then. A file is a sequence of typed entries with byte sizes and positions, so
//! nothing is encoded; damage is decided per 4 KiB page and 512 B sector and surfaces as an [`Entry`] that is not intact.
//!
//! - A *process crash* loses nothing: the cache is the kernel's. There is no call for it.
//! - A *power loss* ([`Disk::power_loss`]) leaves what a flush made durable and a drawn part of the rest ([`power_loss`]).
//! - [`DiskFaults`] make operations fail or wait; rot and the loss of the whole disk are calls of their own.
//!
//! What it does not do: partial appends when the disk is full, misdirected writes, flushes that lie.
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
mod image;
mod options;
mod power_loss;
mod write_back;

use std::fmt::Debug;

pub use fault::{DiskError, DiskFaults, FlushError};
pub use file::File;
pub use image::Entry;
pub use options::DiskOptions;
pub use power_loss::{DiskOutcome, PowerLossReport};

use crate::random::Stream;
use crate::time::{Duration, Instant};
use directory::{Change, Directory};
use file::FlushedPart;
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

/// A flush under way: what it will have made durable when it completes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct FlushTicket<F> {
    target: FlushTarget<F>,
    names_below: u64,
    bytes: u64,
    boots: u64,
}

/// What a flush is of.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum FlushTarget<F> {
    File { name: F, id: u64, part: FlushedPart },
    Directory,
}

impl<F> FlushTicket<F> {
    /// Bytes the flush has to write, for [`Disk::flush_duration`].
    pub fn bytes(&self) -> u64 {
        self.bytes
    }
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
    /// # Panics
    /// If `bytes` is zero.
    pub fn append(
        &mut self,
        now: Instant,
        name: F,
        entry: E,
        bytes: u32,
    ) -> Result<u64, DiskError> {
        self.admit(u64::from(bytes))?;
        self.used_bytes += u64::from(bytes);
        if let Some(file) = self.directory.files.get_mut(&name) {
            return Ok(file.image.append(now, entry, bytes));
        }
        let mut file = self.new_file();
        let position = file.image.append(now, entry, bytes);
        self.directory.files.insert(name, file);
        self.directory.record(now, Change::Create(name), &self.write_back);
        Ok(position)
    }

    /// Creates `name` without an entry; does nothing if it exists.
    pub fn create(&mut self, now: Instant, name: F) -> Result<(), DiskError> {
        self.admit(0)?;
        if !self.exists(name) {
            let file = self.new_file();
            self.directory.files.insert(name, file);
            self.directory.record(now, Change::Create(name), &self.write_back);
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
        self.admit(0)?;
        let file = self.directory.files.get_mut(&name).ok_or(DiskError::NotFound)?;
        let bytes_before = file.bytes();
        file.truncate(now, keep_entries, &self.write_back);
        self.used_bytes -= bytes_before - file.bytes();
        Ok(())
    }

    /// Removes `name`. Until the directory is flushed a power loss may bring it back.
    pub fn remove(&mut self, now: Instant, name: F) -> Result<(), DiskError> {
        self.admit(0)?;
        let file = self.directory.files.remove(&name).ok_or(DiskError::NotFound)?;
        self.used_bytes -= file.bytes();
        self.directory.record(now, Change::Remove(name, file), &self.write_back);
        Ok(())
    }

    /// Gives `from` the name `to`, in place of what had that name. Durable once the directory, or the file under its new
    /// name, is flushed; what is in the file is not flushed by it.
    pub fn rename(&mut self, now: Instant, from: F, to: F) -> Result<(), DiskError> {
        self.admit(0)?;
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
        let ticket = self.begin_flush(name)?;
        Ok(FlushTicket { bytes, ..ticket })
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

    /// Begins to make durable what `name` holds now, and that it exists under this name. Nothing is, until
    /// [`complete_flush`](Disk::complete_flush); what is appended in between is not covered.
    pub fn begin_flush(&mut self, name: F) -> Result<FlushTicket<F>, DiskError> {
        let file = self.file(name).ok_or(DiskError::NotFound)?;
        let target = FlushTarget::File { name, id: file.id, part: file.begin_flush() };
        Ok(self.ticket(target, file.unflushed_bytes()))
    }

    /// Begins to make durable every creation, renaming and removal until now.
    pub fn begin_directory_flush(&mut self) -> FlushTicket<F> {
        self.ticket(FlushTarget::Directory, 0)
    }

    /// What `ticket` covers is durable, or the flush fails as the faults in force now say. The flush of a file that was
    /// removed meanwhile succeeds.
    ///
    /// # Errors
    /// [`DiskError::Io`] while [`DiskFaults::flush_error`] is set, and for a ticket from before a power loss.
    pub fn complete_flush(
        &mut self,
        now: Instant,
        ticket: FlushTicket<F>,
    ) -> Result<(), DiskError> {
        if ticket.boots != self.boots {
            return Err(DiskError::Io);
        }
        match self.faults.flush_error {
            None => {
                self.make_durable(ticket);
                return Ok(());
            }
            Some(FlushError::MarksClean) => self.mark_clean(now, ticket),
            Some(FlushError::KeepsDirty) => {}
        }
        Err(DiskError::Io)
    }

    /// How long a flush of `bytes` that begins at `now` takes on this disk. Draws once.
    pub fn flush_duration(&self, now: Instant, bytes: u64, stream: &mut Stream) -> Duration {
        self.faults.stretch(now, self.options.flush_duration(bytes, stream))
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

    /// A sector rots under one flushed, intact entry of the files that `may_rot` admits, each entry equally likely. From
    /// now on it reads as [`Entry::Corrupt`]. Returns its file and index, or `None` if there is no such entry.
    pub fn rot(
        &mut self,
        stream: &mut Stream,
        mut may_rot: impl FnMut(F) -> bool,
    ) -> Option<(F, usize)> {
        let sealed: Vec<(F, usize)> = self
            .files()
            .filter(|&(name, _)| may_rot(name))
            .flat_map(|(name, file)| file.flushed_intact().map(move |index| (name, index)))
            .collect();
        let &(name, index) = stream.choose(&sealed)?;
        assert!(self.corrupt(name, index), "an intact entry can rot");
        Some((name, index))
    }

    /// Makes entry `index` of `name` read as [`Entry::Corrupt`] from now on. False if it is not there or not intact.
    pub fn corrupt(&mut self, name: F, index: usize) -> bool {
        let Some(file) = self.directory.files.get_mut(&name) else { return false };
        let is_intact = file.intact(index).is_some();
        if is_intact {
            file.image.damage.insert(index, Damage::Corrupt);
        }
        is_intact
    }

    /// The disk is replaced by an empty one; flushes under way are void.
    pub fn lose(&mut self) {
        self.directory = Directory::empty();
        self.used_bytes = 0;
        self.boots += 1;
    }

    fn admit(&self, bytes: u64) -> Result<(), DiskError> {
        if self.faults.write_error {
            return Err(DiskError::Io);
        }
        let is_over = bytes > self.options.capacity_bytes.saturating_sub(self.used_bytes);
        if bytes > 0 && (is_over || self.faults.full) { Err(DiskError::NoSpace) } else { Ok(()) }
    }

    fn new_file(&mut self) -> File<E> {
        self.next_file += 1;
        File::empty(self.next_file)
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
        let mut file = self.new_file();
        for (entry, bytes) in entries {
            file.image.append(now, entry, bytes);
        }
        let bytes = file.bytes();
        self.admit(bytes)?;
        finish(&mut file.image);
        self.used_bytes += bytes;
        let overwritten = self.put(name, file);
        self.directory.record(now, Change::Replace(name, overwritten), &self.write_back);
        Ok(bytes)
    }

    fn ticket(&self, target: FlushTarget<F>, bytes: u64) -> FlushTicket<F> {
        FlushTicket { target, names_below: self.directory.next_number(), bytes, boots: self.boots }
    }

    fn make_durable(&mut self, ticket: FlushTicket<F>) {
        match ticket.target {
            FlushTarget::Directory => self.directory.flush_all(ticket.names_below),
            FlushTarget::File { name, id, part } => {
                self.directory.flush_name(name, ticket.names_below);
                if let Some(file) = self.find(name, id) {
                    file.complete_flush(part);
                }
            }
        }
    }

    fn mark_clean(&mut self, now: Instant, ticket: FlushTicket<F>) {
        let write_back = self.write_back;
        if let FlushTarget::File { name, id, part } = ticket.target
            && let Some(file) = self.find(name, id)
        {
            file.mark_clean(part, now, &write_back);
        }
    }

    /// File `id`, which was called `name` and may have another name by now.
    fn find(&mut self, name: F, id: u64) -> Option<&mut File<E>> {
        let is_it = |file: &File<E>| file.id == id;
        if self.file(name).is_some_and(is_it) {
            return self.directory.files.get_mut(&name);
        }
        self.directory.files.values_mut().find(|file| is_it(file))
    }
}
