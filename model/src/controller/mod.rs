//! The controller: one KRaft-style active controller with a durable metadata log (`QuorumController`, KIP-631).
//!
//! It decides on its newest state and tells nobody before the records are committed: answers wait in a queue for their
//! offset, brokers fetch the committed part of the log, notes go out with the commit. If it dies, what was not durable
//! never happened, and its restart begins with the log and a fresh session for every unfenced broker.
//!
//! - [`metadata_log`]: durable records.
//! - [`registration`], [`heartbeat`]: which brokers there are, and which of them live.
//! - [`replication_control`], [`alter_partition`], [`partition_change_builder`]: who leads and who is in sync.
//!
//! The cluster's topics are created when all its brokers are active for the first time. There is one controller and no
//! quorum, so it cannot be deposed: it is down, or it is the active one.

use std::collections::VecDeque;
use std::sync::Arc;

use ktrial_sim::actor::Event;
use ktrial_sim::context::TimerId;
use ktrial_sim::disk::DiskError;
use ktrial_sim::network::ConnectionId;
use ktrial_sim::time::Duration;

use crate::cluster::Cluster;
use crate::error_code::ErrorCode;
use crate::ids::{BrokerEpoch, MetadataOffset};
use crate::message::{
    AlterPartitionRequest, BrokerHeartbeatRequest, BrokerHeartbeatResponse,
    BrokerRegistrationRequest, CorrelationId, Message, MetadataFetchRequest, MetadataFetchResponse,
    Request, Response,
};
use crate::metadata::{BrokerState, MetadataRecord};
use crate::mutant::Mutant;
use crate::probe::Probe;
use crate::process::{Ctx, DiskToken, Process, Timer};

pub mod alter_partition;
mod announcement;
#[cfg(test)]
mod fixture;
pub mod heartbeat;
#[cfg(test)]
mod laws;
pub mod metadata_log;
pub mod partition_change_builder;
pub mod registration;
pub mod replication_control;

use announcement::Announcement;
use heartbeat::{NextState, Sessions};
use metadata_log::MetadataLog;
use registration::{ClusterControl, Registration, RegistrationOutcome};
use replication_control::ReplicationControl;

/// Looks for stale sessions in a session time-out.
const SESSION_CHECKS_PER_TIMEOUT: u64 = 8;

/// What a controller is started with.
#[derive(Clone, Debug)]
pub struct ControllerSpec {
    /// The cluster it controls.
    pub cluster: Arc<Cluster>,
}

/// What the controller waits for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ControllerTimer {
    /// Records have gathered for long enough.
    AppendLinger,
    /// Look for a broker whose session has ended.
    FenceStaleBroker,
    /// Look for partitions that their preferred replica does not lead.
    ElectPreferred,
    /// Look for partitions without a leader.
    ElectUnclean,
    /// The fetch that waits on the connection has waited long enough.
    MetadataFetchExpired(ConnectionId),
}

/// The controller's process.
#[derive(Clone, Debug)]
pub struct Controller {
    spec: Arc<ControllerSpec>,
    log: MetadataLog,
    cluster_control: ClusterControl,
    sessions: Sessions,
    replication: ReplicationControl,
    /// One per record that is not committed yet.
    announcements: VecDeque<Announcement>,
    /// Answers that wait until the log is committed up to an offset (`DeferredEventQueue`).
    deferred: VecDeque<Deferred>,
    parked_fetches: Vec<ParkedFetch>,
}

#[derive(Clone, Debug)]
struct Deferred {
    until: MetadataOffset,
    connection: ConnectionId,
    correlation: CorrelationId,
    response: Response,
}

/// A metadata fetch that waits for news.
#[derive(Copy, Clone, Debug)]
struct ParkedFetch {
    connection: ConnectionId,
    correlation: CorrelationId,
    fetch_offset: MetadataOffset,
    expiry: TimerId,
}

impl Controller {
    /// Reads the log back and begins a session for every unfenced broker.
    pub fn boot(spec: &Arc<ControllerSpec>, ctx: &mut Ctx<'_>) -> Self {
        let (log, records) = MetadataLog::open(spec, ctx);
        let mut controller = Controller {
            spec: Arc::clone(spec),
            log,
            cluster_control: ClusterControl::default(),
            sessions: Sessions::new(spec.session_timeout()),
            replication: ReplicationControl::new(Arc::clone(&spec.cluster)),
            announcements: VecDeque::new(),
            deferred: VecDeque::new(),
            parked_fetches: Vec::new(),
        };
        if !records.is_empty() {
            ctx.probe(Probe::ControllerRestarted);
        }
        controller.recover(&records, ctx);
        controller.set_periodic_timers(ctx);
        controller
    }

    /// Everything is announced again: a record may have become durable just before the crash, with nobody told.
    fn recover(&mut self, records: &[MetadataRecord], ctx: &Ctx<'_>) {
        for record in records {
            self.replay(record);
        }
        for announcement in &mut self.announcements {
            announcement.probe = None;
        }
        for (broker, registration) in self.cluster_control.registrations() {
            self.sessions.touch(
                broker,
                ctx.now(),
                registration.state == BrokerState::Fenced,
                MetadataOffset(0),
            );
        }
    }

    fn set_periodic_timers(&self, ctx: &mut Ctx<'_>) {
        set_timer(self.spec.session_check_interval(), ControllerTimer::FenceStaleBroker, ctx);
        set_timer(self.spec.unclean_election_interval(), ControllerTimer::ElectUnclean, ctx);
        if self.spec.cluster.config.auto_leader_rebalance_enable {
            set_timer(self.spec.imbalance_check_interval(), ControllerTimer::ElectPreferred, ctx);
        }
    }

    /// Reacts to what happened.
    pub fn handle(&mut self, event: Event<Process>, ctx: &mut Ctx<'_>) {
        match event {
            Event::Message(connection, Message::Request(correlation, request)) => {
                self.on_request(connection, correlation, request, ctx);
            }
            Event::Timer(Timer::Controller(timer)) => self.on_timer(timer, ctx),
            Event::Disk(DiskToken::MetadataLog(end_offset), result) => {
                self.on_flushed(end_offset, result, ctx)
            }
            Event::Closed(connection, _) => self.forget(connection, ctx),
            Event::Shutdown => ctx.exit(),
            // The controller opens no connection, asks nothing, and has no other timers, files or operators.
            Event::Accepted(..)
            | Event::Connected(_)
            | Event::ConnectFailed(..)
            | Event::Message(_, Message::Response(..))
            | Event::Timer(_)
            | Event::Disk(..)
            | Event::Request(_) => {}
        }
    }

    fn on_request(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        request: Request,
        ctx: &mut Ctx<'_>,
    ) {
        let response = match request {
            Request::BrokerRegistration(request) => self.register(&request, ctx),
            Request::BrokerHeartbeat(request) => {
                Response::BrokerHeartbeat(self.heartbeat(&request, ctx))
            }
            Request::AlterPartition(request) => self.alter_partition(&request, ctx),
            Request::MetadataFetch(request) => {
                return self.fetch(connection, correlation, request, ctx);
            }
            // As any server does with a request it does not serve.
            Request::Produce(_)
            | Request::Fetch(_)
            | Request::ListOffsets(_)
            | Request::OffsetsForLeaderEpoch(_)
            | Request::Metadata
            | Request::OffsetCommit(_)
            | Request::OffsetFetch(_)
            | Request::FindCoordinator(_) => return ctx.close(connection),
        };
        self.answer(connection, correlation, response, ctx);
    }

    /// B1: registers a new incarnation, if the one before it has no session left.
    fn register(&mut self, request: &BrokerRegistrationRequest, ctx: &mut Ctx<'_>) -> Response {
        let has_valid_session =
            self.cluster_control.registration(request.broker).is_some_and(|registration| {
                self.sessions.has_valid_session(request.broker, registration, ctx.now())
            });
        match self.cluster_control.judge(request, has_valid_session) {
            RegistrationOutcome::Duplicate => {
                ctx.probe(Probe::DuplicateRegistration);
                Response::BrokerRegistration(ErrorCode::DuplicateBrokerRegistration, None)
            }
            RegistrationOutcome::Known(epoch) => {
                Response::BrokerRegistration(ErrorCode::None, Some(epoch))
            }
            RegistrationOutcome::New { unclean_shutdown } => {
                let epoch = self.register_incarnation(request, unclean_shutdown, ctx);
                Response::BrokerRegistration(ErrorCode::None, Some(epoch))
            }
        }
    }

    fn register_incarnation(
        &mut self,
        request: &BrokerRegistrationRequest,
        unclean_shutdown: bool,
        ctx: &mut Ctx<'_>,
    ) -> BrokerEpoch {
        let broker = request.broker;
        let mut records = if self.spec.cluster.mutation.is(Mutant::KeepUncleanBrokerInIsr) {
            Vec::new()
        } else {
            self.replication.broker_restarted(broker, unclean_shutdown, &self.cluster_control)
        };
        let broker_epoch = BrokerEpoch(self.log.end_offset().0 + records.len() as u64);
        let incarnation = request.incarnation;
        records.push(MetadataRecord::RegisterBroker {
            broker,
            incarnation,
            broker_epoch,
            unclean_shutdown,
        });
        self.write(records, ctx);
        self.sessions.begin(broker, ctx.now());
        broker_epoch
    }

    /// B3, B4: a sign of life, and perhaps a new state.
    fn heartbeat(
        &mut self,
        request: &BrokerHeartbeatRequest,
        ctx: &mut Ctx<'_>,
    ) -> BrokerHeartbeatResponse {
        let registration =
            match self.cluster_control.check_broker_epoch(request.broker, request.broker_epoch) {
                Ok(registration) => registration,
                Err(error) => return refused_heartbeat(error),
            };
        let leads_any = self.replication.leads_any(request.broker);
        let next =
            self.sessions.next_state(request, &registration, &self.cluster_control, leads_any);
        let records = self.follow(next, request, &registration);
        self.write(records, ctx);
        let state = match next {
            NextState::Stay(state) | NextState::Become(state) => state,
            NextState::ShutdownNow => BrokerState::Fenced,
        };
        let is_fenced = state == BrokerState::Fenced;
        self.sessions.touch(request.broker, ctx.now(), is_fenced, request.metadata_offset);
        if state == BrokerState::InControlledShutdown {
            self.sessions.enter_controlled_shutdown(request.broker, self.log.end_offset());
        }
        BrokerHeartbeatResponse {
            error: ErrorCode::None,
            is_caught_up: registration.is_before(request.metadata_offset),
            is_fenced,
            should_shut_down: next == NextState::ShutdownNow,
        }
    }

    /// The records that bring a broker to its next state.
    fn follow(
        &self,
        next: NextState,
        request: &BrokerHeartbeatRequest,
        registration: &Registration,
    ) -> Vec<MetadataRecord> {
        let (broker, cluster) = (request.broker, &self.cluster_control);
        match next {
            NextState::Stay(_) => Vec::new(),
            NextState::ShutdownNow if registration.state == BrokerState::Fenced => Vec::new(),
            NextState::ShutdownNow | NextState::Become(BrokerState::Fenced) => {
                self.replication.broker_fenced(broker, registration, cluster)
            }
            NextState::Become(BrokerState::Active) => {
                self.replication.broker_unfenced(broker, registration, cluster)
            }
            NextState::Become(BrokerState::InControlledShutdown) => {
                self.replication.broker_in_controlled_shutdown(broker, registration, cluster)
            }
        }
    }

    fn alter_partition(&mut self, request: &AlterPartitionRequest, ctx: &mut Ctx<'_>) -> Response {
        let (records, response) =
            alter_partition::alter_partition(request, &self.replication, &self.cluster_control);
        if response
            .partitions
            .iter()
            .any(|(_, answer)| *answer == Err(ErrorCode::IneligibleReplica))
        {
            ctx.probe(Probe::IneligibleReplicaRefused);
        }
        self.write(records, ctx);
        Response::AlterPartition(Box::new(response))
    }

    fn on_timer(&mut self, timer: ControllerTimer, ctx: &mut Ctx<'_>) {
        match timer {
            ControllerTimer::AppendLinger => {
                let result = self.log.linger_elapsed(&self.spec, ctx);
                self.after_disk(result, ctx);
            }
            ControllerTimer::FenceStaleBroker => {
                set_timer(self.spec.session_check_interval(), timer, ctx);
                self.fence_stale_broker(ctx);
            }
            ControllerTimer::ElectPreferred => {
                set_timer(self.spec.imbalance_check_interval(), timer, ctx);
                self.write(self.replication.balance_leaders(&self.cluster_control), ctx);
            }
            ControllerTimer::ElectUnclean => {
                set_timer(self.spec.unclean_election_interval(), timer, ctx);
                self.write(self.replication.elect_unclean_leaders(&self.cluster_control), ctx);
            }
            ControllerTimer::MetadataFetchExpired(connection) => {
                self.fetch_expired(connection, ctx)
            }
        }
    }

    /// One at a time, so that the next one is fenced with the effect of this one in view.
    fn fence_stale_broker(&mut self, ctx: &mut Ctx<'_>) {
        let stale = self.sessions.stale_broker(&self.cluster_control, ctx.now());
        let registered =
            stale.and_then(|broker| Some((broker, *self.cluster_control.registration(broker)?)));
        if let Some((broker, registration)) = registered {
            let records =
                self.replication.broker_fenced(broker, &registration, &self.cluster_control);
            self.write(records, ctx);
        }
    }

    /// Makes a decision: from now on further ones see it, and once it is committed everybody does.
    fn write(&mut self, records: Vec<MetadataRecord>, ctx: &mut Ctx<'_>) {
        for record in &records {
            self.replay(record);
        }
        self.log.append(records, ctx);
    }

    fn replay(&mut self, record: &MetadataRecord) {
        self.cluster_control.replay(record);
        let before = self.replication.replay(record);
        self.announcements.push_back(Announcement::new(record, before.as_ref()));
    }

    /// Answers once everything decided so far is committed, for the answer may tell of it.
    fn answer(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        response: Response,
        ctx: &mut Ctx<'_>,
    ) {
        let until = self.log.end_offset();
        self.deferred.push_back(Deferred { until, connection, correlation, response });
        self.send_answers(ctx);
    }

    fn send_answers(&mut self, ctx: &mut Ctx<'_>) {
        let committed = self.log.committed();
        let ready = self.deferred.partition_point(|deferred| deferred.until <= committed);
        for deferred in self.deferred.drain(..ready) {
            ctx.send(
                deferred.connection,
                Message::Response(deferred.correlation, deferred.response),
            );
        }
    }

    fn on_flushed(&mut self, end_offset: u64, result: Result<(), DiskError>, ctx: &mut Ctx<'_>) {
        let result =
            result.and_then(|()| self.log.flushed(MetadataOffset(end_offset), &self.spec, ctx));
        self.after_disk(result, ctx);
    }

    /// The world learns of what is committed. A controller whose disk fails stops (`ProcessTerminatingFaultHandler`).
    fn after_disk(&mut self, result: Result<(), DiskError>, ctx: &mut Ctx<'_>) {
        if result.is_err() {
            return ctx.exit();
        }
        let uncommitted = (self.log.end_offset().0 - self.log.committed().0) as usize;
        let committed = self.announcements.len() - uncommitted;
        for Announcement { note, probe } in self.announcements.drain(..committed) {
            ctx.note(note);
            probe.into_iter().for_each(|probe| ctx.probe(probe));
        }
        self.send_answers(ctx);
        self.answer_parked_fetches(ctx);
    }

    fn fetch(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        request: MetadataFetchRequest,
        ctx: &mut Ctx<'_>,
    ) {
        let fetch_offset = request.fetch_offset;
        if fetch_offset < self.log.committed() || request.max_wait.is_zero() {
            return self.answer_fetch(connection, correlation, fetch_offset, ctx);
        }
        let expiry =
            set_timer(request.max_wait, ControllerTimer::MetadataFetchExpired(connection), ctx);
        self.parked_fetches.push(ParkedFetch { connection, correlation, fetch_offset, expiry });
    }

    fn answer_fetch(
        &self,
        connection: ConnectionId,
        correlation: CorrelationId,
        fetch_offset: MetadataOffset,
        ctx: &mut Ctx<'_>,
    ) {
        let response = MetadataFetchResponse {
            base_offset: fetch_offset,
            records: self.log.committed_from(fetch_offset, ctx),
            end_offset: self.log.committed(),
        };
        ctx.send(
            connection,
            Message::Response(correlation, Response::MetadataFetch(Box::new(response))),
        );
    }

    fn answer_parked_fetches(&mut self, ctx: &mut Ctx<'_>) {
        let committed = self.log.committed();
        let ready = self
            .parked_fetches
            .extract_if(.., |fetch| fetch.fetch_offset < committed)
            .collect::<Vec<_>>();
        for fetch in ready {
            ctx.cancel_timer(fetch.expiry);
            self.answer_fetch(fetch.connection, fetch.correlation, fetch.fetch_offset, ctx);
        }
    }

    fn fetch_expired(&mut self, connection: ConnectionId, ctx: &mut Ctx<'_>) {
        for fetch in self.take_fetches_of(connection) {
            self.answer_fetch(connection, fetch.correlation, fetch.fetch_offset, ctx);
        }
    }

    fn forget(&mut self, connection: ConnectionId, ctx: &mut Ctx<'_>) {
        for fetch in self.take_fetches_of(connection) {
            ctx.cancel_timer(fetch.expiry);
        }
    }

    fn take_fetches_of(&mut self, connection: ConnectionId) -> Vec<ParkedFetch> {
        self.parked_fetches.extract_if(.., |fetch| fetch.connection == connection).collect()
    }
}

impl ControllerSpec {
    fn session_timeout(&self) -> Duration {
        Duration::from_millis(self.cluster.config.broker_session_timeout_ms)
    }

    fn session_check_interval(&self) -> Duration {
        (self.session_timeout() / SESSION_CHECKS_PER_TIMEOUT).max(Duration::from_millis(1))
    }

    fn imbalance_check_interval(&self) -> Duration {
        Duration::from_secs(self.cluster.config.leader_imbalance_check_interval_seconds)
    }

    fn unclean_election_interval(&self) -> Duration {
        Duration::from_millis(self.cluster.config.unclean_leader_election_interval_ms)
    }
}

fn set_timer(after: Duration, timer: ControllerTimer, ctx: &mut Ctx<'_>) -> TimerId {
    ctx.set_timer(after, Timer::Controller(timer))
}

fn refused_heartbeat(error: ErrorCode) -> BrokerHeartbeatResponse {
    BrokerHeartbeatResponse { error, is_caught_up: false, is_fenced: true, should_shut_down: false }
}
