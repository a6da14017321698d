//! The final read: no group, no commits, every partition from its beginning to where its log ends when asked.

use std::collections::BTreeMap;

use crate::client::consumer::position::FetchState;
use crate::client::consumer::reader::Reader;
use crate::ids::{Offset, TopicPartition};
use crate::message::ListOffsetsTarget;
use crate::note::Note;
use crate::process::Ctx;

/// A reader that stops at the end.
#[derive(Clone, Default, Debug)]
pub struct Drain {
    ends: BTreeMap<TopicPartition, Offset>,
}

impl Drain {
    /// Takes what has arrived and drops the partitions that are read.
    pub fn run(&mut self, reader: &mut Reader, ctx: &mut Ctx<'_>) {
        self.find_ends(reader);
        for (partition, records) in reader.poll(usize::MAX) {
            ctx.note(Note::FinalRead { partition, records });
        }
        self.drop_read(reader, ctx);
    }

    /// First where the log ends, then from where to read.
    fn find_ends(&mut self, reader: &mut Reader) {
        for assigned in &mut reader.partitions {
            match (assigned.state(), assigned.position()) {
                (FetchState::Initializing, _) => assigned.request_reset(ListOffsetsTarget::Latest),
                (FetchState::Fetching, Some(position))
                    if !self.ends.contains_key(&assigned.partition) =>
                {
                    self.ends.insert(assigned.partition, position.offset);
                    assigned.request_reset(ListOffsetsTarget::Earliest);
                }
                _ => {}
            }
        }
    }

    fn drop_read(&self, reader: &mut Reader, ctx: &mut Ctx<'_>) {
        reader.partitions.retain(|assigned| {
            let partition = assigned.partition;
            let Some((&end, position)) = self.ends.get(&partition).zip(assigned.position()) else {
                return true;
            };
            let is_read = position.offset >= end;
            if is_read {
                ctx.note(Note::Drained { partition, end });
            }
            !is_read
        });
    }
}
