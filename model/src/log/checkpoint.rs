//! Files that hold one offset per log: high watermarks and recovery points. As `OffsetCheckpointFile`.
//!
//! They are written aside, flushed and renamed, so a power loss leaves the old file or the new one, never a mixture. A
//! damaged file (bit rot) counts as empty, as `LogManager` does with recovery points.

use std::collections::BTreeMap;

use ktrial_sim::disk::Entry;

use super::host::{Host, LogToken};
use super::storage_error;
use crate::error_code::ErrorCode;
use crate::file::{CHECKPOINT_LINE_BYTES, FileEntry, FileName};
use crate::ids::{Offset, TopicPartition};
use crate::probe::Probe;

/// One offset per log.
pub type CheckpointedOffsets = BTreeMap<TopicPartition, Offset>;

/// The offsets in checkpoint file `name`: none if it is absent or damaged.
pub fn read(name: FileName, host: &mut impl Host) -> CheckpointedOffsets {
    let Some(file) = host.file(name) else { return CheckpointedOffsets::new() };
    let lines: Option<CheckpointedOffsets> = file
        .entries_from(0)
        .map(|entry| match entry {
            Entry::Intact(&FileEntry::CheckpointedOffset(partition, offset)) => {
                Some((partition, offset))
            }
            _ => None,
        })
        .collect();
    lines.unwrap_or_else(|| {
        host.probe(Probe::CheckpointUnreadable);
        CheckpointedOffsets::new()
    })
}

/// Writes checkpoint file `name`; the token comes back when it is durable.
///
/// # Errors
/// [`ErrorCode::KafkaStorageError`] if the disk fails.
pub fn write(
    name: FileName,
    offsets: impl IntoIterator<Item = (TopicPartition, Offset)>,
    token: LogToken,
    host: &mut impl Host,
) -> Result<(), ErrorCode> {
    let entries = offsets
        .into_iter()
        .map(|(partition, offset)| FileEntry::CheckpointedOffset(partition, offset));
    host.replace(name, lines(entries), token).map_err(storage_error)
}

/// Sets one log's offset in checkpoint file `name` and leaves the others as they are. Errors as [`write`].
pub(super) fn update(
    name: FileName,
    partition: TopicPartition,
    offset: Offset,
    host: &mut impl Host,
) -> Result<(), ErrorCode> {
    let mut offsets = read(name, host);
    offsets.insert(partition, offset);
    write(name, offsets, LogToken::Checkpoint, host)
}

/// Entries of a checkpoint file with their sizes.
pub(super) fn lines(entries: impl Iterator<Item = FileEntry>) -> Vec<(FileEntry, u32)> {
    entries.map(|entry| (entry, CHECKPOINT_LINE_BYTES)).collect()
}
