//! What was complete when an operation began: the operations that prove how far a log had reached.

use crate::history::{Offset, OpId, ProcessId, Time};

/// An operation that was complete at some time, and how far the log reached then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Done {
    pub(crate) time: Time,
    pub(crate) op: OpId,
    /// The session, if the operation is an append of it.
    pub(crate) appender: Option<ProcessId>,
    /// The log reached at least to here.
    pub(crate) end: Offset,
}

impl Done {
    fn is_of_another_than(&self, other: &Done) -> bool {
        self.appender.is_none() || self.appender != other.appender
    }
}

/// The foremost completions of two different sessions: one of them is not the asker's, whose own appends are judged by
/// the [order of producers](crate::judges::producer_order).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Completed {
    pub(crate) first: Option<Done>,
    of_another: Option<Done>,
}

impl Completed {
    /// Adds a completion; `leads` says whether its first argument is to be named before the second.
    pub(crate) fn add(&mut self, done: Done, leads: impl Fn(&Done, &Done) -> bool) {
        match self.first {
            Some(first) if !leads(&done, &first) => {
                let is_foremost = self.of_another.is_none_or(|other| leads(&done, &other));
                if is_foremost && done.is_of_another_than(&first) {
                    self.of_another = Some(done);
                }
            }
            Some(first) if first.is_of_another_than(&done) => {
                (self.first, self.of_another) = (Some(done), Some(first));
            }
            _ => self.first = Some(done),
        }
    }

    /// The foremost completion that is no append of `process`.
    pub(crate) fn apart_from(&self, process: ProcessId) -> Option<Done> {
        self.first.filter(|done| done.appender != Some(process)).or(self.of_another)
    }
}
