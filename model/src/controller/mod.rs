//! The controller: one KRaft-style active controller with a durable metadata log (`QuorumController`, KIP-631).
//!
//! It decides on its newest state and tells nobody before the records are committed: answers wait in a queue for their
//! offset, brokers fetch the committed part of the log, notes go out with the commit. If it dies, what was not durable
//! never happened, and its restart begins with the log and a fresh session for every unfenced broker.
//!
//! - [`metadata_log`], `metadata_fetch`: durable records, and who reads them.
//! - [`registration`], [`heartbeat`], `broker_requests`: which brokers there are, and which of them live.
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
use crate::ids::MetadataOffset;
use crate::message::{AlterPartitionRequest, CorrelationId, Message, Request, Response};
use crate::metadata::{BrokerState, MetadataRecord};
use crate::probe::Probe;
use crate::process::{Ctx, DiskToken, Process, Timer};

pub mod alter_partition;
mod announcement;
mod broker_requests;
#[cfg(test)]
mod fixture;
pub mod heartbeat;
#[cfg(test)]
mod laws;
mod metadata_fetch;
pub mod metadata_log;
pub mod partition_change_builder;
pub mod registration;
pub mod replication_control;

use announcement::Announcement;
use heartbeat::Sessions;
use metadata_fetch::ParkedFetch;
use metadata_log::MetadataLog;
use registration::ClusterControl;
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
                return self.fetch(connection, correlation, *request, ctx);
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
