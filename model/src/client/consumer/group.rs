//! A consumer of a group, with partitions assigned by hand: resumes from the committed offsets, hands records to the
//! application and commits. As Kafka's `ConsumerCoordinator` and `ClassicKafkaConsumer.poll`, without rebalancing.

use ktrial_sim::time::Instant;

use crate::client::backoff::ExponentialBackoff;
use crate::client::connections::Destination;
use crate::client::consumer::application::{Activity, Application, ManualCommit, Processing};
use crate::client::consumer::commit::{CommitEnd, CommitId, CommitKind, CommitOffset, Committer};
use crate::client::consumer::coordinator::CoordinatorLookup;
use crate::client::consumer::position::{AssignedPartition, FetchState, Position};
use crate::client::consumer::reader::{InFlight, Reader};
use crate::config::ConsumerConfig;
use crate::error_code::ErrorCode;
use crate::ids::{BrokerId, GroupId, TopicPartition};
use crate::message::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse, Request,
};
use crate::note::Note;
use crate::probe::Probe;
use crate::process::Ctx;

/// The group's half of a consumer.
#[derive(Clone, Debug)]
pub struct Group {
    id: GroupId,
    max_poll_records: usize,
    backoff: ExponentialBackoff,
    coordinator: CoordinatorLookup,
    committer: Committer,
    application: Application,
    committed: CommittedLookup,
    is_closing: bool,
    has_committed_at_close: bool,
}

/// The question for the group's committed offsets.
#[derive(Clone, Debug)]
struct CommittedLookup {
    is_in_flight: bool,
    failures: u32,
    retry_at: Instant,
}

impl Group {
    /// About to poll for the first time.
    pub fn new(
        id: GroupId,
        config: &ConsumerConfig,
        processing: Processing,
        reader: &Reader,
        now: Instant,
    ) -> Self {
        Group {
            id,
            max_poll_records: config.max_poll_records as usize,
            backoff: reader.backoff(),
            coordinator: CoordinatorLookup::new(reader.backoff()),
            committer: Committer::new(config, reader.backoff(), now),
            application: Application::new(processing),
            committed: CommittedLookup {
                is_in_flight: false,
                failures: 0,
                retry_at: Instant::START,
            },
            is_closing: false,
            has_committed_at_close: false,
        }
    }

    /// The application is to close the consumer when it polls next.
    pub fn close(&mut self) {
        self.is_closing = true;
    }

    /// A connection is gone, or did not come about.
    pub fn disconnected(&mut self, from: Destination, ctx: &mut Ctx<'_>) {
        if self.coordinator.is_lost(from) {
            ctx.probe(Probe::CoordinatorMoved);
        }
    }

    /// A request got no answer.
    pub fn failed(&mut self, request: &InFlight, ctx: &mut Ctx<'_>) {
        match request {
            InFlight::FindCoordinator => self.coordinator.lookup_failed(ctx.now(), ctx.random()),
            InFlight::OffsetFetch => self.committed_lookup_failed(ctx),
            InFlight::OffsetCommit(id) => {
                self.commit_answered(*id, ErrorCode::NetworkException, ctx)
            }
            InFlight::Metadata
            | InFlight::Fetch(_)
            | InFlight::ListOffsets(_)
            | InFlight::OffsetsForLeaderEpoch(_) => {}
        }
    }

    fn committed_lookup_failed(&mut self, ctx: &mut Ctx<'_>) {
        let backoff = self.backoff;
        let committed = &mut self.committed;
        committed.is_in_flight = false;
        committed.failures += 1;
        committed.retry_at = ctx.now() + backoff.after(committed.failures, ctx.random());
    }

    /// The answer to who coordinates the group.
    pub fn coordinator_found(
        &mut self,
        error: ErrorCode,
        coordinator: Option<BrokerId>,
        ctx: &mut Ctx<'_>,
    ) {
        self.coordinator.found(error, coordinator, ctx.now(), ctx.random());
    }

    /// The group's committed offsets.
    pub fn offsets_fetched(
        &mut self,
        response: &OffsetFetchResponse,
        from: Destination,
        reader: &mut Reader,
        ctx: &mut Ctx<'_>,
    ) {
        if response.error != ErrorCode::None {
            self.suspect_coordinator(response.error, from, ctx);
            self.committed_lookup_failed(ctx);
            return;
        }
        self.committed = CommittedLookup { is_in_flight: false, failures: 0, retry_at: ctx.now() };
        let noted = response.offsets.iter();
        let offsets = noted.map(|(it, committed)| (*it, committed.map(|(offset, _)| offset)));
        ctx.note(Note::CommittedFetched { group: self.id, offsets: offsets.collect() });
        for &(partition, committed) in &response.offsets {
            match committed {
                Some((offset, offset_epoch)) => {
                    reader.resume(partition, Position { offset, offset_epoch }, ctx)
                }
                None => reader.reset(partition, ctx),
            }
        }
    }

    /// The answer to a commit: the first error of any partition counts for all.
    pub fn offsets_committed(
        &mut self,
        id: CommitId,
        response: &OffsetCommitResponse,
        from: Destination,
        ctx: &mut Ctx<'_>,
    ) {
        let errors = response.partitions.iter().map(|&(_, error)| error);
        let error =
            errors.fold(
                ErrorCode::None,
                |first, error| if first == ErrorCode::None { error } else { first },
            );
        if error == ErrorCode::CoordinatorNotAvailable {
            ctx.probe(Probe::CommitTimedOut);
        }
        self.suspect_coordinator(error, from, ctx);
        self.commit_answered(id, error, ctx);
    }

    fn suspect_coordinator(&mut self, error: ErrorCode, from: Destination, ctx: &mut Ctx<'_>) {
        let is_suspect = matches!(
            error,
            ErrorCode::NotCoordinator
                | ErrorCode::CoordinatorNotAvailable
                | ErrorCode::RequestTimedOut
        );
        if is_suspect {
            self.disconnected(from, ctx);
        }
    }

    fn commit_answered(&mut self, id: CommitId, error: ErrorCode, ctx: &mut Ctx<'_>) {
        if let Some(end) = self.committer.answered(id, error, ctx.now(), ctx.random()) {
            self.commit_ended(end, ctx);
        }
    }

    fn commit_ended(&mut self, end: CommitEnd, ctx: &mut Ctx<'_>) {
        ctx.note(Note::CommitEnded { group: self.id, commit: end.id, error: end.error });
        if self.application.activity() == Activity::Committing(end.id) {
            // Whatever came of it, the application goes on: it logs an error and does not stop.
            self.application.process(ctx.now());
        }
    }

    /// Lets the application run as far as it gets, and sends whatever can be sent. Whether the consumer is closed.
    pub fn run(&mut self, reader: &mut Reader, ctx: &mut Ctx<'_>) -> bool {
        while let Some(end) = self.committer.expire(ctx.now()) {
            ctx.probe(Probe::CommitTimedOut);
            self.commit_ended(end, ctx);
        }
        let is_closed = self.run_application(reader, ctx);
        self.find_coordinator(reader, ctx);
        self.fetch_committed(reader, ctx);
        self.send_commit(reader, ctx);
        is_closed
    }

    fn run_application(&mut self, reader: &mut Reader, ctx: &mut Ctx<'_>) -> bool {
        loop {
            let goes_on = match self.application.activity() {
                Activity::Committing(_) => false,
                Activity::Processing(_) => self.process(reader, ctx),
                Activity::Polling if self.is_closing => return self.closes(reader, ctx),
                Activity::Polling => self.poll(reader, ctx),
            };
            if !goes_on {
                return false;
            }
        }
    }

    /// `poll()`. Whether it returned records.
    fn poll(&mut self, reader: &mut Reader, ctx: &mut Ctx<'_>) -> bool {
        if self.committer.auto_commits_now(ctx.now()) {
            self.begin_commit(CommitKind::Auto, reader, ctx);
        }
        let polled = reader.poll(self.max_poll_records);
        if polled.is_empty() {
            return false;
        }
        self.application.polled(&polled);
        for (partition, records) in polled {
            ctx.note(Note::Polled { group: self.id, partition, records });
        }
        if self.application.manual_commit() == ManualCommit::BeforeProcessing {
            self.commit_sync(reader, ctx);
        } else {
            self.application.process(ctx.now());
        }
        true
    }

    /// Works on the records it holds. Whether it got through them.
    fn process(&mut self, reader: &Reader, ctx: &mut Ctx<'_>) -> bool {
        while !self.application.is_through() {
            let Some(record) = self.application.processed(ctx.now()) else { return false };
            let (group, partition) = (self.id, record.partition);
            ctx.note(Note::Processed {
                group,
                partition,
                offset: record.offset,
                record: record.id,
            });
        }
        if self.application.manual_commit() == ManualCommit::AfterProcessing {
            self.commit_sync(reader, ctx);
        } else {
            self.application.process(ctx.now());
        }
        true
    }

    /// `commitSync()`.
    fn commit_sync(&mut self, reader: &Reader, ctx: &mut Ctx<'_>) {
        match self.begin_commit(CommitKind::Sync, reader, ctx) {
            Some(commit) => self.application.commit(commit),
            None => self.application.process(ctx.now()),
        }
    }

    /// Commits every position (`SubscriptionState.allConsumed`).
    fn begin_commit(
        &mut self,
        kind: CommitKind,
        reader: &Reader,
        ctx: &mut Ctx<'_>,
    ) -> Option<CommitId> {
        let offset = |(partition, position): (TopicPartition, Position)| -> CommitOffset {
            (partition, position.offset, position.offset_epoch)
        };
        let offsets: Vec<_> = reader.positions().map(offset).collect();
        let noted = offsets.iter().map(|&(partition, offset, _)| (partition, offset)).collect();
        let commit = self.committer.begin(kind, offsets, ctx.now())?;
        ctx.note(Note::CommitInvoked { group: self.id, commit, offsets: noted });
        Some(commit)
    }

    /// `close()`: with `enable.auto.commit`, a last `commitSync()`.
    fn closes(&mut self, reader: &Reader, ctx: &mut Ctx<'_>) -> bool {
        if !self.committer.is_automatic()
            || std::mem::replace(&mut self.has_committed_at_close, true)
        {
            return true;
        }
        match self.begin_commit(CommitKind::Sync, reader, ctx) {
            Some(commit) => {
                self.application.commit(commit);
                false
            }
            None => true,
        }
    }

    fn find_coordinator(&mut self, reader: &mut Reader, ctx: &mut Ctx<'_>) {
        if ctx.now() < self.coordinator.next_lookup_at() {
            return;
        }
        let Some(to) = reader.least_loaded(ctx) else { return };
        let request = Request::FindCoordinator(self.id);
        if reader.connections.ready(to, ctx)
            && reader.connections.send(to, request, InFlight::FindCoordinator, ctx).is_ok()
        {
            self.coordinator.lookup_sent();
        }
    }

    fn fetch_committed(&mut self, reader: &mut Reader, ctx: &mut Ctx<'_>) {
        let is_initializing =
            |assigned: &&AssignedPartition| assigned.state() == FetchState::Initializing;
        let Some(to) = self.coordinator.known() else { return };
        if self.committed.is_in_flight || ctx.now() < self.committed.retry_at {
            return;
        }
        let partitions: Vec<_> = reader
            .partitions
            .iter()
            .filter(is_initializing)
            .map(|assigned| assigned.partition)
            .collect();
        if partitions.is_empty() || !reader.connections.ready(to, ctx) {
            return;
        }
        let request =
            Request::OffsetFetch(OffsetFetchRequest { group: self.id, partitions }.into());
        self.committed.is_in_flight =
            reader.connections.send(to, request, InFlight::OffsetFetch, ctx).is_ok();
        if self.committed.is_in_flight {
            ctx.note(Note::CommittedInvoked { group: self.id });
        }
    }

    fn send_commit(&mut self, reader: &mut Reader, ctx: &mut Ctx<'_>) {
        let Some(to) = self.coordinator.known() else { return };
        let Some(commit) = self.committer.next_to_send(ctx.now()) else { return };
        if reader.connections.ready(to, ctx) {
            let request = OffsetCommitRequest { group: self.id, offsets: commit.offsets.clone() };
            let in_flight = InFlight::OffsetCommit(commit.id);
            if reader
                .connections
                .send(to, Request::OffsetCommit(request.into()), in_flight, ctx)
                .is_ok()
            {
                commit.sent();
            }
        }
    }

    /// When something is due that nothing else brings.
    pub fn next_deadline(&self, now: Instant) -> Instant {
        let is_polling = self.application.activity() == Activity::Polling;
        let auto_commit_at =
            if is_polling { self.committer.auto_commit_at() } else { Instant::NEVER };
        let due = [
            auto_commit_at,
            self.coordinator.next_lookup_at(),
            self.committed.retry_at,
            self.committer.next_deadline(),
            self.application.next_deadline(),
        ];
        due.into_iter().filter(|&at| at > now).min().unwrap_or(Instant::NEVER)
    }
}
