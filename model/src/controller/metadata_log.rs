//! The controller's durable log of metadata records, the only thing it remembers over a restart.
//!
//! ```text
//! append --- linger ---> file --- flush ---> committed: told to brokers, answered, noted
//!   (memory)        (page cache)        (disk)
//! ```
//!
//! As a `KafkaRaftClient` that is its quorum's only voter, with its `BatchAccumulator`: records gather for
//! `controller.quorum.append.linger.ms`, are written and flushed together, one flush at a time. What is not flushed when
//! the controller dies may or may not be there when it comes back; then it counts. There are no snapshots.

use ktrial_sim::disk::DiskError;
use ktrial_sim::time::Duration;

use crate::file::{FileEntry, FileName};
use crate::ids::MetadataOffset;
use crate::metadata::MetadataRecord;
use crate::mutant::Mutant;
use crate::process::{Ctx, DiskToken, Timer};

use super::{ControllerSpec, ControllerTimer};

/// Bytes of a record in its batch, roughly.
const RECORD_BYTES: u32 = 96;

/// The log's ends and what is not in the file yet.
#[derive(Clone, Debug)]
pub struct MetadataLog {
    linger: Duration,
    gathered: Vec<MetadataRecord>,
    /// The linger is over, but the flush before is not.
    is_due: bool,
    written: MetadataOffset,
    is_flushing: bool,
    committed: MetadataOffset,
}

impl MetadataLog {
    /// Opens the log and returns what it holds, of which nothing counts as committed before it is flushed again. It is
    /// cut at the first entry that did not survive.
    pub fn open(spec: &ControllerSpec, ctx: &mut Ctx<'_>) -> (Self, Vec<MetadataRecord>) {
        let records = readable(ctx, MetadataOffset(0));
        let written = MetadataOffset(records.len() as u64);
        let mut log = MetadataLog {
            linger: Duration::from_millis(spec.cluster.config.controller_quorum_append_linger_ms),
            gathered: Vec::new(),
            is_due: false,
            written,
            is_flushing: false,
            committed: MetadataOffset(0),
        };
        if ctx.disk().exists(FileName::MetadataLog) && log.cut_and_flush(ctx).is_err() {
            ctx.exit();
        }
        (log, records)
    }

    fn cut_and_flush(&mut self, ctx: &mut Ctx<'_>) -> Result<(), DiskError> {
        ctx.truncate(FileName::MetadataLog, self.written.0 as usize)?;
        self.flush(ctx)
    }

    /// The offset of the next record: what is gathered counts.
    pub fn end_offset(&self) -> MetadataOffset {
        MetadataOffset(self.written.0 + self.gathered.len() as u64)
    }

    /// The end of what is durable.
    pub fn committed(&self) -> MetadataOffset {
        self.committed
    }

    /// Adds records in memory; they will be written together with others.
    pub fn append(&mut self, records: Vec<MetadataRecord>, ctx: &mut Ctx<'_>) {
        if self.gathered.is_empty() && !records.is_empty() {
            ctx.set_timer(self.linger, Timer::Controller(ControllerTimer::AppendLinger));
        }
        self.gathered.extend(records);
    }

    /// Enough records have gathered: writes and flushes them, once the flush before is over.
    pub fn linger_elapsed(
        &mut self,
        spec: &ControllerSpec,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), DiskError> {
        self.is_due = true;
        self.maybe_write(spec, ctx)
    }

    /// A flush is over: everything before `end_offset` is committed. What came due meanwhile is written.
    pub fn flushed(
        &mut self,
        end_offset: MetadataOffset,
        spec: &ControllerSpec,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), DiskError> {
        assert!(self.committed <= end_offset && end_offset <= self.written, "flushes end in order");
        self.committed = end_offset;
        self.is_flushing = false;
        self.maybe_write(spec, ctx)
    }

    fn maybe_write(&mut self, spec: &ControllerSpec, ctx: &mut Ctx<'_>) -> Result<(), DiskError> {
        if !self.is_due || self.is_flushing {
            return Ok(());
        }
        self.is_due = false;
        for record in std::mem::take(&mut self.gathered) {
            ctx.append(FileName::MetadataLog, FileEntry::Metadata(Box::new(record)), RECORD_BYTES)?;
            self.written.0 += 1;
        }
        if spec.cluster.mutation.is(Mutant::SkipMetadataFlush) {
            self.committed = self.written;
            return Ok(());
        }
        self.flush(ctx)
    }

    fn flush(&mut self, ctx: &mut Ctx<'_>) -> Result<(), DiskError> {
        self.is_flushing = true;
        ctx.flush(FileName::MetadataLog, DiskToken::MetadataLog(self.written.0))
    }

    /// Committed records from `offset` on.
    pub fn committed_from(&self, offset: MetadataOffset, ctx: &Ctx<'_>) -> Vec<MetadataRecord> {
        let mut records = readable(ctx, offset);
        records.truncate(self.committed.0.saturating_sub(offset.0) as usize);
        records
    }
}

/// The records of the file from `offset` up to the first entry that is damaged.
fn readable(ctx: &Ctx<'_>, offset: MetadataOffset) -> Vec<MetadataRecord> {
    let Some(file) = ctx.disk().file(FileName::MetadataLog) else { return Vec::new() };
    (offset.0 as usize..file.len())
        .map_while(|index| match file.intact(index)? {
            FileEntry::Metadata(record) => Some(MetadataRecord::clone(record)),
            FileEntry::Batch(_)
            | FileEntry::EpochStart(..)
            | FileEntry::CheckpointedOffset(..)
            | FileEntry::CleanShutdown(_) => None,
        })
        .collect()
}
