//! A segment: the part of a log that lies in one file. As `LogSegment`, without its indexes: entries of a simulated file
//! are found by offset at once.

use ktrial_sim::disk::{Entry, File};

use super::host::Host;
use crate::file::{FileEntry, FileName};
use crate::ids::{Offset, TopicPartition};
use crate::record::Batch;

/// What a log remembers of one segment; the batches are on disk only.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Segment {
    /// Offset of its first record, and its name.
    pub base_offset: Offset,
    /// Its size in bytes.
    pub size_bytes: u64,
}

impl Segment {
    /// A segment without a batch.
    pub fn empty(base_offset: Offset) -> Self {
        Segment { base_offset, size_bytes: 0 }
    }

    /// Its file.
    pub fn file_name(&self, partition: TopicPartition) -> FileName {
        FileName::Segment(partition, self.base_offset)
    }

    /// Its batches. An empty segment may have no file yet.
    pub fn batches<'h>(&self, partition: TopicPartition, host: &'h impl Host) -> Batches<'h> {
        Batches(host.file(self.file_name(partition)))
    }
}

/// The batches of one segment as the disk holds them.
#[derive(Copy, Clone, Debug)]
pub struct Batches<'h>(Option<&'h File<FileEntry>>);

impl<'h> Batches<'h> {
    /// How many there are, damaged ones included.
    pub fn len(self) -> usize {
        self.0.map_or(0, File::len)
    }

    /// Their size in bytes.
    pub fn size_bytes(self) -> u64 {
        self.0.map_or(0, File::bytes)
    }

    /// Batch `index` if it is there and its checksum holds.
    pub fn intact(self, index: usize) -> Option<&'h Batch> {
        match self.0?.intact(index)? {
            FileEntry::Batch(batch) => Some(batch),
            _ => None,
        }
    }

    /// Batch `index` as its header reads, whether or not the checksum holds; `None` if there is nothing readable.
    pub fn readable(self, index: usize) -> Option<&'h Batch> {
        match self.0?.entry(index)? {
            Entry::Intact(FileEntry::Batch(batch)) | Entry::Corrupt(FileEntry::Batch(batch)) => {
                Some(batch)
            }
            _ => None,
        }
    }

    /// Index of the first batch that ends beyond `offset`.
    pub fn index_of(self, offset: Offset) -> usize {
        let ends_before = |entry: &FileEntry| matches!(entry, FileEntry::Batch(batch) if batch.next_offset() <= offset);
        self.0.map_or(0, |file| file.partition_point(ends_before))
    }

    /// The offset after the last readable one of the first `count` batches; `base_offset` if there is none.
    pub fn end_offset(self, count: usize, base_offset: Offset) -> Offset {
        (0..count)
            .rev()
            .find_map(|index| self.readable(index))
            .map_or(base_offset, Batch::next_offset)
    }

    /// Byte position at which batch `index` begins, or at which the last one ends.
    pub fn position(self, index: usize) -> u64 {
        self.0.map_or(0, |file| file.position(index))
    }
}
