//! The application that uses a consumer: one thread that polls, processes and commits.
//!
//! ```text
//!   auto                poll -> process ... process -> poll (commits what the polls before it handed out)
//!   before processing   poll -> commitSync -> process ... process -> poll
//!   after processing    poll -> process ... process -> commitSync -> poll
//! ```

use std::collections::VecDeque;

use ktrial_sim::time::{Duration, Instant};

use crate::client::consumer::commit::CommitId;
use crate::client::consumer::fetcher::PolledRecords;
use crate::ids::{Offset, RecordId, TopicPartition};

/// What the application of a consumer does.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct Processing {
    /// When it commits by itself.
    pub commit: ManualCommit,
    /// How long it works on one record.
    pub time_per_record: Duration,
}

/// When the application calls `commitSync()`.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ManualCommit {
    /// It does not: offsets are committed by `enable.auto.commit`, or not at all.
    Never,
    /// After each poll, before it processes what it got: at most once.
    BeforeProcessing,
    /// When it has processed what it got from a poll: at least once.
    AfterProcessing,
}

/// A record in the application's hands.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub struct HeldRecord {
    /// Where it was read.
    pub partition: TopicPartition,
    /// Its offset.
    pub offset: Offset,
    /// What it says.
    pub id: RecordId,
}

/// What the application is doing.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Activity {
    /// It is in `poll()`.
    Polling,
    /// It works on its first record until then.
    Processing(Instant),
    /// It is in `commitSync()`.
    Committing(CommitId),
}

/// The state of the application.
#[derive(Clone, Debug)]
pub struct Application {
    processing: Processing,
    activity: Activity,
    held: VecDeque<HeldRecord>,
}

impl Application {
    /// About to poll for the first time.
    pub fn new(processing: Processing) -> Self {
        Application { processing, activity: Activity::Polling, held: VecDeque::new() }
    }

    /// What it is doing.
    pub fn activity(&self) -> Activity {
        self.activity
    }

    /// When it calls `commitSync()`.
    pub fn manual_commit(&self) -> ManualCommit {
        self.processing.commit
    }

    /// `poll()` returned records.
    pub fn polled(&mut self, polled: &[PolledRecords]) {
        for (partition, records) in polled {
            let held = |&(offset, id)| HeldRecord { partition: *partition, offset, id };
            self.held.extend(records.iter().map(held));
        }
    }

    /// Begins to work on what it holds, or to poll if that is nothing.
    pub fn process(&mut self, now: Instant) {
        self.activity = match self.held.front() {
            Some(_) => Activity::Processing(now + self.processing.time_per_record),
            None => Activity::Polling,
        };
    }

    /// It calls `commitSync()`.
    pub fn commit(&mut self, commit: CommitId) {
        self.activity = Activity::Committing(commit);
    }

    /// It is done with the first record, if it is by now, and goes on to the next.
    pub fn processed(&mut self, now: Instant) -> Option<HeldRecord> {
        let Activity::Processing(until) = self.activity else { return None };
        let record = if now >= until { self.held.pop_front() } else { None };
        if record.is_some() {
            self.activity = Activity::Processing(until + self.processing.time_per_record);
        }
        record
    }

    /// Whether it has worked on everything it got.
    pub fn is_through(&self) -> bool {
        self.held.is_empty()
    }

    /// When it is done with the record it works on.
    pub fn next_deadline(&self) -> Instant {
        match self.activity {
            Activity::Processing(until) => until,
            Activity::Polling | Activity::Committing(_) => Instant::NEVER,
        }
    }
}
