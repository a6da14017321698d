//! A broker: stores partitions, serves producers and consumers, replicates, and does as the metadata says.
//!
//! This file is the process: its parts, how events reach them, and what follows from a change (`Broker::settle`).
//!
//! | part | file | as Kafka's |
//! |---|---|---|
//! | registration, heartbeats, metadata, wishes for the ISR | [`control_plane`] | `BrokerLifecycleManager`, `MetadataLoader`, `AlterPartitionManager` |
//! | partitions and their logs | [`partition`], [`crate::log`] | `Partition`, `UnifiedLog`, `LogManager` |
//! | connections and whose turn it is | [`request_channel`] | `SocketServer` |
//! | produce and fetch, and what waits | [`produce`], [`fetch`] | `ReplicaManager`, `DelayedProduce`, `DelayedFetch` |
//! | following | [`replica_fetcher`] | `ReplicaFetcherThread` |
//! | everything else that is asked | [`requests`] | `KafkaApis` |
//! | committed offsets | [`group_coordinator`] | `GroupCoordinatorService` |

pub mod alter_partition_manager;
pub mod control_plane;
pub mod controller_channel;
pub mod fetch;
pub mod group_coordinator;
pub mod lifecycle;
pub mod local_partitions;
pub mod metadata_cache;
pub mod metadata_fetcher;
pub mod partition;
pub mod produce;
pub mod replica_fetcher;
pub mod request_channel;
pub mod requests;
pub mod roles;

use std::sync::Arc;

use ktrial_sim::actor::Event;
use ktrial_sim::disk::DiskError;
use ktrial_sim::network::ConnectionId;
use ktrial_sim::time::{Duration, Instant};

use crate::cluster::Cluster;
use crate::error_code::ErrorCode;
use crate::ids::{BrokerId, LeaderEpoch, TopicPartition};
use crate::log::{LogManager, LogToken};
use crate::message::{AlterPartitionWish, CorrelationId, Message, Response};
use crate::process::{Ctx, DiskToken, Process, Timer};
use crate::wake_up::WakeUp;

use alter_partition_manager::IsrAnswer;
use control_plane::{ControlPlane, ControlPlaneEvent, ControlPlaneTimer};
use fetch::DelayedFetch;
use group_coordinator::GroupCoordinator;
use lifecycle::LifecycleEvent;
use local_partitions::LocalPartitions;
use partition::Partition;
use produce::DelayedProduce;
use replica_fetcher::ReplicaFetchers;
use request_channel::{ReplyTo, RequestChannels};

/// What a broker is started with.
#[derive(Clone, Debug)]
pub struct BrokerSpec {
    /// Which one.
    pub id: BrokerId,
    /// Of which cluster.
    pub cluster: Arc<Cluster>,
}

/// What a broker waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BrokerTimer {
    /// The control plane's.
    ControlPlane(ControlPlaneTimer),
    /// Look for replicas that fell behind, every half `replica.lag.time.max.ms`.
    IsrShrink,
    /// Write the high watermarks down.
    CheckpointHighWatermarks,
    /// Write the recovery points down.
    CheckpointRecoveryPoints,
    /// Look for logs that were not flushed for `flush.ms`.
    FlushSchedule,
    /// A request in purgatory has waited for too long.
    Purgatory,
    /// A back-off or time-out of following.
    ReplicaFetchers,
    /// The offsets of a partition of `__consumer_offsets` have been read.
    LoadOffsets(TopicPartition, LeaderEpoch),
}

/// A broker's process.
#[derive(Clone, Debug)]
pub struct Broker {
    spec: Arc<BrokerSpec>,
    control: ControlPlane,
    logs: LogManager,
    partitions: LocalPartitions,
    channels: RequestChannels,
    produce_purgatory: Vec<DelayedProduce>,
    fetch_purgatory: Vec<DelayedFetch>,
    fetchers: ReplicaFetchers,
    coordinator: GroupCoordinator<ReplyTo>,
    purgatory_wake_up: WakeUp,
    /// Something in purgatory may be due before the timer is.
    is_purgatory_deadline_stale: bool,
    changes: Changes,
    /// Room for the changes that follow from those being followed up.
    spare_changes: Changes,
    phase: Phase,
}

/// Whether the broker serves.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Phase {
    Serving,
    /// A clean shutdown is under way: nothing is served any more.
    Stopping,
    /// The disk has failed, or the shutdown is over: the process ends with this event.
    Ended,
}

/// What happened during an event that others may be waiting for.
#[derive(Clone, Debug, Default)]
struct Changes {
    /// Logs that grew.
    appended: Vec<TopicPartition>,
    /// Partitions led here whose high watermark moved.
    high_watermarks: Vec<TopicPartition>,
    /// Partitions with another leader or epoch.
    roles: Vec<TopicPartition>,
    /// Some flush has ended.
    flushed: bool,
}

impl Changes {
    fn appended(&mut self, name: TopicPartition) {
        self.appended.push(name);
    }

    fn high_watermark(&mut self, name: TopicPartition, has_advanced: bool) {
        if has_advanced {
            self.high_watermarks.push(name);
        }
    }

    fn clear(&mut self) {
        self.appended.clear();
        self.high_watermarks.clear();
        self.roles.clear();
        self.flushed = false;
    }

    fn is_empty(&self) -> bool {
        self.appended.is_empty()
            && self.high_watermarks.is_empty()
            && self.roles.is_empty()
            && !self.flushed
    }
}

impl Broker {
    /// Opens the logs, registers, and begins to read the metadata.
    pub fn boot(spec: &Arc<BrokerSpec>, ctx: &mut Ctx<'_>) -> Self {
        let cluster = &spec.cluster;
        let opened = open_logs(spec, ctx);
        let phase = if opened.is_ok() { Phase::Serving } else { Phase::Ended };
        if phase == Phase::Ended {
            ctx.exit();
        }
        let (logs, partitions) = opened.unwrap_or_default();
        let previous_epoch = logs.previous_broker_epoch();
        let broker = Broker {
            control: ControlPlane::start(spec.id, previous_epoch, cluster, ctx),
            logs,
            partitions,
            channels: RequestChannels::default(),
            produce_purgatory: Vec::new(),
            fetch_purgatory: Vec::new(),
            fetchers: ReplicaFetchers::new(spec.id, &cluster.config),
            coordinator: GroupCoordinator::new(cluster.clone()),
            purgatory_wake_up: WakeUp::default(),
            is_purgatory_deadline_stale: false,
            changes: Changes::default(),
            spare_changes: Changes::default(),
            phase,
            spec: spec.clone(),
        };
        broker.start_schedules(ctx);
        broker
    }

    /// Something happened.
    pub fn handle(&mut self, event: Event<Process>, ctx: &mut Ctx<'_>) {
        match event {
            Event::Message(connection, Message::Request(correlation, request)) => {
                if self.phase == Phase::Serving
                    && let Some((reply, request)) =
                        self.channels.receive(connection, correlation, request)
                {
                    self.serve(reply, request, ctx);
                }
            }
            Event::Message(connection, Message::Response(correlation, response)) => {
                self.answered(connection, correlation, response, ctx);
            }
            Event::Accepted(connection, _) => self.channels.accept(connection),
            Event::Connected(connection) if self.control.owns(connection) => {
                self.control.on_connected(connection, ctx);
            }
            Event::Connected(connection) => self.leader_connected(connection, ctx),
            Event::ConnectFailed(connection, _) if self.control.owns(connection) => {
                self.control.on_connect_failed(connection, ctx);
            }
            Event::ConnectFailed(connection, _) => self.leader_unreachable(connection, ctx),
            Event::Closed(connection, _) => self.closed(connection, ctx),
            Event::Timer(Timer::Broker(timer)) => self.timer(timer, ctx),
            Event::Timer(timer) => panic!("{timer:?} is not a broker's timer"),
            Event::Disk(token, result) => self.disk_done(token, result, ctx),
            Event::Shutdown => {
                let event = self.control.begin_controlled_shutdown(ctx);
                self.control_plane_event(event, ctx);
            }
            Event::Request(request) => match request {},
        }
        self.settle(ctx);
    }

    /// Where the process is in its life, for whoever watches a trial.
    pub fn control_plane(&self) -> &ControlPlane {
        &self.control
    }

    /// A partition this broker has a replica of, for whoever watches a trial.
    pub fn partition(&self, name: TopicPartition) -> Option<&Partition> {
        self.partitions.get(name)
    }

    fn start_schedules(&self, ctx: &mut Ctx<'_>) {
        for timer in [
            BrokerTimer::IsrShrink,
            BrokerTimer::CheckpointHighWatermarks,
            BrokerTimer::CheckpointRecoveryPoints,
            BrokerTimer::FlushSchedule,
        ] {
            self.schedule(timer, ctx);
        }
    }

    /// Sets a periodic timer again; one whose period is forever is not set.
    fn schedule(&self, timer: BrokerTimer, ctx: &mut Ctx<'_>) {
        let config = &self.spec.cluster.config;
        let period_ms = match timer {
            BrokerTimer::IsrShrink => config.replica_lag_time_max_ms / 2,
            BrokerTimer::CheckpointHighWatermarks => {
                config.replica_high_watermark_checkpoint_interval_ms
            }
            BrokerTimer::CheckpointRecoveryPoints => config.log_flush_offset_checkpoint_interval_ms,
            BrokerTimer::FlushSchedule => config.log_flush_scheduler_interval_ms,
            BrokerTimer::ControlPlane(_)
            | BrokerTimer::Purgatory
            | BrokerTimer::ReplicaFetchers
            | BrokerTimer::LoadOffsets(..) => unreachable!("not periodic"),
        };
        let period = Duration::from_millis(period_ms.max(1));
        if period != Duration::FOREVER {
            ctx.set_timer(period, Timer::Broker(timer));
        }
    }

    fn timer(&mut self, timer: BrokerTimer, ctx: &mut Ctx<'_>) {
        if self.phase != Phase::Serving && !matches!(timer, BrokerTimer::ControlPlane(_)) {
            return;
        }
        match timer {
            BrokerTimer::ControlPlane(timer) => {
                let event = self.control.on_timer(timer, ctx);
                self.control_plane_event(event, ctx);
            }
            BrokerTimer::Purgatory => {
                self.purgatory_wake_up.fired(ctx);
                self.is_purgatory_deadline_stale = true;
                self.expire_delayed_produces(ctx);
                self.expire_delayed_fetches(ctx);
                let expired = self.coordinator.expire(ctx.now());
                self.respond_all(expired, ctx);
            }
            BrokerTimer::ReplicaFetchers => self.replica_fetchers_woke_up(ctx),
            BrokerTimer::LoadOffsets(name, epoch) => self.load_offsets(name, epoch, ctx),
            periodic => {
                self.do_periodic(&periodic, ctx);
                self.schedule(periodic, ctx);
            }
        }
    }

    fn do_periodic(&mut self, timer: &BrokerTimer, ctx: &mut Ctx<'_>) {
        match timer {
            BrokerTimer::IsrShrink => self.shrink_isrs(ctx),
            BrokerTimer::FlushSchedule => {
                self.partitions.iter_mut().for_each(|each| each.log_mut().flush_if_old(ctx));
            }
            _ => self.write_checkpoint(timer, ctx),
        }
    }

    fn write_checkpoint(&mut self, timer: &BrokerTimer, ctx: &mut Ctx<'_>) {
        let logs = self.partitions.iter().map(Partition::log);
        let written = match timer {
            BrokerTimer::CheckpointHighWatermarks => {
                self.logs.checkpoint_high_watermarks(logs, ctx)
            }
            _ => self.logs.checkpoint_recovery_points(logs, ctx),
        };
        if let Err(error) = written {
            self.halted_by(error, ctx);
        }
    }

    fn answered(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        response: Response,
        ctx: &mut Ctx<'_>,
    ) {
        if self.control.owns(connection) {
            let event = self.control.on_response(connection, correlation, response, ctx);
            self.control_plane_event(event, ctx);
        } else if self.phase == Phase::Serving {
            self.leader_answered(connection, correlation, response, ctx);
        }
    }

    fn closed(&mut self, connection: ConnectionId, ctx: &mut Ctx<'_>) {
        if self.control.owns(connection) {
            self.control.on_closed(connection, ctx);
            return;
        }
        self.channels.forget(connection);
        self.forget_delayed_fetches(|reply| reply.connection == connection);
        self.leader_lost(connection, ctx);
    }

    fn control_plane_event(&mut self, event: Option<ControlPlaneEvent>, ctx: &mut Ctx<'_>) {
        match event {
            None => {}
            Some(ControlPlaneEvent::Metadata(delta)) => self.apply_metadata(&delta, ctx),
            Some(ControlPlaneEvent::IsrAnswers(answers)) => {
                answers.into_iter().for_each(|answer| self.isr_answered(&answer, ctx));
            }
            Some(ControlPlaneEvent::CaughtUp(all)) => {
                self.apply_metadata(&all, ctx);
                self.control.ready_to_unfence(ctx);
            }
            Some(ControlPlaneEvent::Lifecycle(LifecycleEvent::ShouldShutDown)) => {
                self.begin_shutdown(ctx);
            }
            Some(ControlPlaneEvent::Lifecycle(_)) => {}
        }
    }

    fn shrink_isrs(&mut self, ctx: &mut Ctx<'_>) {
        let cache = self.control.cache();
        let shrink = |each: &mut Partition| each.maybe_shrink_isr(cache, ctx);
        let wishes: Vec<_> = self.partitions.iter_mut().filter_map(shrink).collect();
        wishes.into_iter().for_each(|wish| self.wish_for_isr(wish, ctx));
    }

    /// Asks the controller for another in-sync set; if it cannot be asked now, the leader keeps the set it has.
    fn wish_for_isr(&mut self, wish: AlterPartitionWish, ctx: &mut Ctx<'_>) {
        if let Err(error) = self.control.alter_partition(wish.clone(), ctx) {
            self.isr_answered(&IsrAnswer { wish, answer: Err(error) }, ctx);
        }
    }

    fn isr_answered(&mut self, IsrAnswer { wish, answer }: &IsrAnswer, ctx: &mut Ctx<'_>) {
        let Some(partition) = self.partitions.get_mut(wish.partition) else { return };
        let answer = answer.as_ref().map_err(|&error| error);
        let outcome = partition.alter_partition_completed(wish, answer, self.control.cache(), ctx);
        self.changes.high_watermark(wish.partition, outcome.high_watermark_advanced);
        // A committed set may be all that a delayed produce was waiting for.
        self.changes.flushed = true;
        if let Some(wish) = outcome.retry {
            self.wish_for_isr(wish, ctx);
        }
    }

    /// A disk operation ended.
    fn disk_done(&mut self, token: DiskToken, result: Result<(), DiskError>, ctx: &mut Ctx<'_>) {
        let done = match token {
            DiskToken::Log(LogToken::Flush(name, round)) => {
                let partition = self.partitions.get_mut(name).expect("its log was flushed");
                let cache = self.control.cache();
                partition.flush_completed(round, result, cache, ctx).map(|flushed| {
                    self.changes.flushed |= flushed.has_round_ended;
                    self.changes.high_watermark(name, flushed.high_watermark_advanced);
                    self.fetchers.flushed(name, partition);
                })
            }
            DiskToken::Log(LogToken::Checkpoint) => {
                result.map_err(|_| ErrorCode::KafkaStorageError)
            }
            DiskToken::Log(LogToken::ShutdownWrite) => {
                self.logs.shutdown_write_completed(result, ctx).map(|is_over| {
                    if is_over {
                        self.phase = Phase::Ended;
                        ctx.exit();
                    }
                })
            }
            DiskToken::MetadataLog(_) => unreachable!("a broker keeps no metadata log"),
        };
        let continued = done.and_then(|()| {
            self.logs.continue_shutdown(self.partitions.iter().map(Partition::log), ctx)
        });
        if let Err(error) = continued {
            self.halted_by(error, ctx);
        }
    }

    /// A broker whose only log directory has failed halts (`LogDirFailureHandler`). Other errors pass through.
    fn halted_by(&mut self, error: ErrorCode, ctx: &mut Ctx<'_>) -> ErrorCode {
        if error == ErrorCode::KafkaStorageError {
            self.phase = Phase::Ended;
            ctx.exit();
        }
        error
    }

    /// Nothing is led here any more: flush, write the checkpoints and the clean-shutdown file, end (B6).
    fn begin_shutdown(&mut self, ctx: &mut Ctx<'_>) {
        if self.phase != Phase::Serving {
            return;
        }
        self.phase = Phase::Stopping;
        self.fetchers.stop();
        let Some(epoch) = self.control.broker_epoch() else {
            self.phase = Phase::Ended;
            ctx.exit();
            return;
        };
        self.logs.begin_shutdown(epoch, self.partitions.iter_mut().map(Partition::log_mut), ctx);
        let logs = self.partitions.iter().map(Partition::log);
        if let Err(error) = self.logs.continue_shutdown(logs, ctx) {
            self.halted_by(error, ctx);
        }
    }

    /// Does everything that follows from what has changed, until nothing follows any more.
    fn settle(&mut self, ctx: &mut Ctx<'_>) {
        while self.phase == Phase::Serving {
            if !self.changes.is_empty() {
                let spare = std::mem::take(&mut self.spare_changes);
                let mut changes = std::mem::replace(&mut self.changes, spare);
                self.follow_up(&changes, ctx);
                changes.clear();
                self.spare_changes = changes;
            } else if let Some((reply, request)) = self.channels.next_ready() {
                self.serve(reply, request, ctx);
            } else {
                break;
            }
        }
        if self.phase == Phase::Serving {
            self.send_fetches(ctx);
            self.arm_purgatory(ctx);
        }
    }

    fn follow_up(&mut self, changes: &Changes, ctx: &mut Ctx<'_>) {
        let is_produce_concerned =
            !changes.high_watermarks.is_empty() || !changes.roles.is_empty() || changes.flushed;
        if is_produce_concerned {
            self.check_delayed_produces(ctx);
        }
        if !changes.roles.is_empty() {
            self.check_delayed_fetches(&changes.roles, true, ctx);
        }
        self.check_delayed_fetches(&changes.appended, false, ctx);
        self.check_delayed_fetches(&changes.high_watermarks, false, ctx);
        for &name in &changes.high_watermarks {
            self.offsets_committed(name, ctx);
        }
    }

    fn arm_purgatory(&mut self, ctx: &mut Ctx<'_>) {
        if !std::mem::take(&mut self.is_purgatory_deadline_stale) {
            return;
        }
        let produces = self.produce_purgatory.iter().map(DelayedProduce::deadline);
        let fetches = self.fetch_purgatory.iter().map(DelayedFetch::deadline);
        let earliest = produces.chain(fetches).min().unwrap_or(Instant::NEVER);
        let due = earliest.min(self.coordinator.next_deadline());
        self.purgatory_wake_up.no_later_than(due, Timer::Broker(BrokerTimer::Purgatory), ctx);
    }

    fn respond_all(&mut self, answers: Vec<(ReplyTo, Response)>, ctx: &mut Ctx<'_>) {
        for (reply, response) in answers {
            self.channels.respond(reply, response, ctx);
        }
    }
}

fn open_logs(
    spec: &BrokerSpec,
    ctx: &mut Ctx<'_>,
) -> Result<(LogManager, LocalPartitions), ErrorCode> {
    let cluster = &spec.cluster;
    let logs = LogManager::boot(cluster.mutation, ctx)?;
    let local = cluster.partitions().filter(|(_, replicas)| replicas.contains(&spec.id));
    let partitions: Result<Vec<Partition>, ErrorCode> =
        local.map(|(name, _)| Partition::load(name, spec.id, cluster, &logs, ctx)).collect();
    Ok((logs, LocalPartitions::new(partitions?)))
}
