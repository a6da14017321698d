//! Flushes: how what a process wrote becomes durable, or fails to.
//!
//! A flush covers what was there when it began. Between its begin and its completion the process goes on, and a power loss
//! treats everything as unflushed.

use std::fmt::Debug;

use super::file::{File, FlushedPart};
use super::{Disk, DiskError};
use crate::fault::FlushErrorMode;
use crate::random::Stream;
use crate::time::{Duration, Instant};

/// A flush under way: what it will have made durable when it completes.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct FlushTicket<F> {
    target: FlushTarget<F>,
    names_below: u64,
    pub(super) bytes: u64,
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
    /// Begins to make durable what `name` holds now, and that it exists under this name. Nothing is, until
    /// [`complete_flush`](Disk::complete_flush); what is appended in between is not covered.
    pub fn begin_flush(&self, name: F) -> Result<FlushTicket<F>, DiskError> {
        let file = self.file(name).ok_or(DiskError::NotFound)?;
        let target = FlushTarget::File { name, id: file.id, part: file.begin_flush() };
        Ok(self.ticket(target, file.unflushed_bytes()))
    }

    /// Begins to make durable every creation, renaming and removal until now.
    pub fn begin_directory_flush(&self) -> FlushTicket<F> {
        self.ticket(FlushTarget::Directory, 0)
    }

    /// What `ticket` covers is durable, or the flush fails as the faults in force now say. The flush of a file that was
    /// removed meanwhile succeeds.
    ///
    /// # Errors
    /// [`DiskError::Io`] while [`DiskFaults::flush_error`](super::DiskFaults::flush_error) is set, and for a ticket from before a power loss.
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
            Some(FlushErrorMode::MarksClean) => self.mark_clean(now, ticket),
            Some(FlushErrorMode::KeepsDirty) => {}
        }
        Err(DiskError::Io)
    }

    /// How long a flush of `bytes` that begins at `now` takes on this disk. Draws once.
    pub fn flush_duration(&self, now: Instant, bytes: u64, stream: &mut Stream) -> Duration {
        self.faults.stretch(now, self.options.flush_duration(bytes, stream))
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
