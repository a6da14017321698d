//! What a log and a partition need of the process they live in: its disk, its clock, and somewhere to tell what happened.
//!
//! The kernel's context is the one [`Host`] of a trial. Tests of this folder drive logs on a bare disk instead.

use ktrial_sim::actor::Actor;
use ktrial_sim::context::Context;
use ktrial_sim::disk::{DiskError, File};
use ktrial_sim::time::Instant;

use super::FlushRound;
use crate::file::{FileEntry, FileName};
use crate::ids::{Offset, TopicPartition};
use crate::note::Note;
use crate::probe::Probe;

/// Handed back when an asynchronous disk operation of a log or of the log manager has ended.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum LogToken {
    /// One file of a flush: for `Partition::flush_completed` (or [`UnifiedLog::flush_completed`](super::UnifiedLog)).
    Flush(TopicPartition, FlushRound),
    /// A checkpoint, or a removal, that nobody waits for: if it failed, the broker halts.
    Checkpoint,
    /// A write of a clean shutdown: for [`LogManager::shutdown_write_completed`](super::LogManager).
    ShutdownWrite,
}

/// The process a log lives in. All writes are to the page cache; only flushes and replacements take time.
pub trait Host {
    /// The monotonic clock.
    fn now(&self) -> Instant;
    /// A file as the process sees it.
    fn file(&self, name: FileName) -> Option<&File<FileEntry>>;
    /// Base offsets of a partition's segments, ascending.
    fn segment_bases(&self, partition: TopicPartition) -> Vec<Offset>;
    /// Adds an entry at the end of a file, which is created if absent.
    fn append(&mut self, name: FileName, entry: FileEntry, bytes: u32) -> Result<(), DiskError>;
    /// Keeps the first entries of a file.
    fn truncate(&mut self, name: FileName, keep_entries: usize) -> Result<(), DiskError>;
    /// Removes files, and begins to make that durable: on a journalled file system the next fsync of anything does, and
    /// Kafka writes a checkpoint within seconds.
    fn remove(&mut self, names: &[FileName]) -> Result<(), DiskError>;
    /// Replaces a file at once; the token comes back when that is durable.
    fn replace(
        &mut self,
        name: FileName,
        entries: Vec<(FileEntry, u32)>,
        token: LogToken,
    ) -> Result<(), DiskError>;
    /// Makes what is in a file durable; the token comes back.
    fn flush(&mut self, name: FileName, token: LogToken) -> Result<(), DiskError>;
    /// Tells the world outside.
    fn note(&mut self, note: Note);
    /// Counts a rare thing.
    fn probe(&mut self, probe: Probe);
}

impl<A> Host for Context<'_, A>
where
    A: Actor<File = FileName, Entry = FileEntry, Note = Note, Probe = Probe>,
    A::Token: From<LogToken>,
{
    fn now(&self) -> Instant {
        Context::now(self)
    }

    fn file(&self, name: FileName) -> Option<&File<FileEntry>> {
        self.disk().file(name)
    }

    fn segment_bases(&self, partition: TopicPartition) -> Vec<Offset> {
        self.disk().files().filter_map(|(name, _)| name.segment_base(partition)).collect()
    }

    fn append(&mut self, name: FileName, entry: FileEntry, bytes: u32) -> Result<(), DiskError> {
        Context::append(self, name, entry, bytes).map(drop)
    }

    fn truncate(&mut self, name: FileName, keep_entries: usize) -> Result<(), DiskError> {
        Context::truncate(self, name, keep_entries)
    }

    fn remove(&mut self, names: &[FileName]) -> Result<(), DiskError> {
        names.iter().try_for_each(|&name| Context::remove(self, name))?;
        self.flush_directory(LogToken::Checkpoint.into());
        Ok(())
    }

    fn replace(
        &mut self,
        name: FileName,
        entries: Vec<(FileEntry, u32)>,
        token: LogToken,
    ) -> Result<(), DiskError> {
        Context::replace(self, name, entries, Some(token.into()))
    }

    fn flush(&mut self, name: FileName, token: LogToken) -> Result<(), DiskError> {
        Context::flush(self, name, token.into())
    }

    fn note(&mut self, note: Note) {
        Context::note(self, note)
    }

    fn probe(&mut self, probe: Probe) {
        Context::probe(self, probe)
    }
}
