//! Everything between a broker and the controller: its life, its view of the metadata, its leaders' wishes.
//!
//! Three parts with a connection each, as Kafka's `heartbeat`, `alter-partition` and raft channels: a fetch that waits for
//! news holds up no heartbeat. The broker hands every event that might concern them to the [`ControlPlane`] and gets
//! back what happened, if anything did.

use ktrial_sim::context::TimerId;
use ktrial_sim::network::ConnectionId;
use ktrial_sim::time::Duration;

use crate::cluster::Cluster;
use crate::error_code::ErrorCode;
use crate::ids::{BrokerEpoch, BrokerId};
use crate::message::{AlterPartitionWish, CorrelationId, Response};
use crate::note::Note;
use crate::process::{Ctx, Timer};

use super::BrokerTimer;
use super::alter_partition_manager::{AlterPartitionManager, IsrAnswer};
use super::controller_channel::{Answer, ControllerChannel, Purpose};
use super::lifecycle::{Lifecycle, LifecycleEvent, LifecycleState};
use super::metadata_cache::{MetadataCache, MetadataDelta};
use super::metadata_fetcher::MetadataFetcher;

/// What the control plane waits for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum ControlPlaneTimer {
    /// Register or send a heartbeat.
    Communicate,
    /// Fetch metadata again after a failure.
    FetchMetadata,
    /// Send the leaders' wishes again after a refusal.
    SendAlterPartition,
    /// Connect again.
    Reconnect(Purpose),
    /// A request has no answer.
    RequestTimeout(Purpose, CorrelationId),
    /// Nobody said that the broker may stop.
    ControlledShutdownTimeout,
}

/// What happened, and the broker has to act upon.
#[derive(Clone, Debug)]
pub enum ControlPlaneEvent {
    /// In the broker's life; [`LifecycleEvent::CaughtUp`] comes as [`ControlPlaneEvent::CaughtUp`].
    Lifecycle(LifecycleEvent),
    /// The broker has read the metadata up to its own registration; this is all of it. When the broker has taken its
    /// roles and its logs are open, it is ready to be unfenced.
    CaughtUp(MetadataDelta),
    /// The metadata changed again; the cache has it already.
    Metadata(MetadataDelta),
    /// The controller answered wishes for in-sync sets.
    IsrAnswers(Vec<IsrAnswer>),
}

/// The three parts.
#[derive(Clone, Debug)]
pub struct ControlPlane {
    lifecycle: Lifecycle,
    metadata: MetadataFetcher,
    alter_partition: AlterPartitionManager,
    /// What the broker has read before its own registration, and so may not act upon: it may show its former incarnation
    /// as a leader.
    withheld: Option<MetadataDelta>,
}

impl ControlPlane {
    /// A process starts: it registers and begins to read the metadata. `previous_epoch` is what the clean-shutdown file
    /// says.
    pub fn start(
        broker: BrokerId,
        previous_epoch: Option<BrokerEpoch>,
        cluster: &Cluster,
        ctx: &mut Ctx<'_>,
    ) -> Self {
        let (controller, config) = (cluster.controller, &cluster.config);
        let incarnation = ctx.random().next_u64();
        ctx.note(Note::BrokerStarted { incarnation });
        let mut control_plane = ControlPlane {
            lifecycle: Lifecycle::new(broker, incarnation, previous_epoch, controller, config),
            metadata: MetadataFetcher::new(broker, controller, config),
            alter_partition: AlterPartitionManager::new(broker, controller, config),
            withheld: Some(MetadataDelta::default()),
        };
        control_plane.metadata.fetch(ctx);
        control_plane.lifecycle.communicate(control_plane.cache().end_offset(), ctx);
        control_plane
    }

    /// What the broker knows of the cluster.
    pub fn cache(&self) -> &MetadataCache {
        self.metadata.cache()
    }

    /// Where the process is in its life.
    pub fn state(&self) -> LifecycleState {
        self.lifecycle.state()
    }

    /// The process's epoch, once it is registered.
    pub fn broker_epoch(&self) -> Option<BrokerEpoch> {
        self.lifecycle.broker_epoch()
    }

    /// The logs are open: the broker may be unfenced.
    pub fn ready_to_unfence(&mut self, ctx: &mut Ctx<'_>) {
        self.lifecycle.ready_to_unfence(ctx);
    }

    /// The operator asks the broker to stop.
    pub fn begin_controlled_shutdown(&mut self, ctx: &mut Ctx<'_>) -> Option<ControlPlaneEvent> {
        self.lifecycle.begin_controlled_shutdown(ctx).map(ControlPlaneEvent::Lifecycle)
    }

    /// A leader wishes for another ISR. The answer comes as [`ControlPlaneEvent::IsrAnswers`].
    ///
    /// # Errors
    /// [`ErrorCode::OperationNotAttempted`] if the partition's last wish has no answer yet: the leader goes back to the
    /// in-sync set it had.
    ///
    /// # Panics
    /// If the broker is not registered: then it leads nothing.
    pub fn alter_partition(
        &mut self,
        wish: AlterPartitionWish,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), ErrorCode> {
        let epoch = self.broker_epoch().expect("a leader's broker is registered");
        self.alter_partition.submit(wish, epoch, ctx)
    }

    /// Whether a connection is one of this control plane's.
    pub fn owns(&self, connection: ConnectionId) -> bool {
        self.purpose(connection).is_some()
    }

    fn purpose(&self, connection: ConnectionId) -> Option<Purpose> {
        [Purpose::Lifecycle, Purpose::Metadata, Purpose::AlterPartition]
            .into_iter()
            .find(|purpose| self.channel(*purpose).owns(connection))
    }

    fn channel(&self, purpose: Purpose) -> &ControllerChannel {
        match purpose {
            Purpose::Lifecycle => &self.lifecycle.channel,
            Purpose::Metadata => &self.metadata.channel,
            Purpose::AlterPartition => &self.alter_partition.channel,
        }
    }

    fn channel_mut(&mut self, purpose: Purpose) -> &mut ControllerChannel {
        match purpose {
            Purpose::Lifecycle => &mut self.lifecycle.channel,
            Purpose::Metadata => &mut self.metadata.channel,
            Purpose::AlterPartition => &mut self.alter_partition.channel,
        }
    }

    /// A connection is open; ignored if it is not the control plane's, as below.
    pub fn on_connected(&mut self, connection: ConnectionId, ctx: &mut Ctx<'_>) {
        if let Some(purpose) = self.purpose(connection) {
            self.channel_mut(purpose).on_connected(ctx);
        }
    }

    /// A connection did not come about.
    pub fn on_connect_failed(&mut self, connection: ConnectionId, ctx: &mut Ctx<'_>) {
        if let Some(purpose) = self.purpose(connection) {
            self.channel_mut(purpose).on_connect_failed(ctx);
        }
    }

    /// A connection is gone.
    pub fn on_closed(&mut self, connection: ConnectionId, ctx: &mut Ctx<'_>) {
        if let Some(purpose) = self.purpose(connection) {
            self.channel_mut(purpose).on_closed(ctx);
        }
    }

    /// The controller answered.
    pub fn on_response(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        response: Response,
        ctx: &mut Ctx<'_>,
    ) -> Option<ControlPlaneEvent> {
        let purpose = self.purpose(connection)?;
        let answer = self.channel_mut(purpose).on_response(correlation, response, ctx)?;
        self.on_answer(purpose, answer, ctx)
    }

    /// A timer of the control plane fired.
    pub fn on_timer(
        &mut self,
        timer: ControlPlaneTimer,
        ctx: &mut Ctx<'_>,
    ) -> Option<ControlPlaneEvent> {
        match timer {
            ControlPlaneTimer::Communicate => {
                self.lifecycle.communicate(self.metadata.cache().end_offset(), ctx)
            }
            ControlPlaneTimer::FetchMetadata => self.metadata.fetch(ctx),
            ControlPlaneTimer::SendAlterPartition => {
                let epoch = self.broker_epoch()?;
                self.alter_partition.on_backoff_elapsed(epoch, ctx);
            }
            ControlPlaneTimer::Reconnect(purpose) => self.channel_mut(purpose).on_reconnect(ctx),
            ControlPlaneTimer::RequestTimeout(purpose, correlation) => {
                let answer = self.channel_mut(purpose).on_request_timeout(correlation, ctx)?;
                return self.on_answer(purpose, answer, ctx);
            }
            ControlPlaneTimer::ControlledShutdownTimeout => {
                return self
                    .lifecycle
                    .on_controlled_shutdown_timeout(ctx)
                    .map(ControlPlaneEvent::Lifecycle);
            }
        }
        None
    }

    fn on_answer(
        &mut self,
        purpose: Purpose,
        answer: Answer,
        ctx: &mut Ctx<'_>,
    ) -> Option<ControlPlaneEvent> {
        match purpose {
            Purpose::Lifecycle => {
                let event = self.lifecycle.on_answer(answer, ctx)?;
                Some(self.publish_if_caught_up(event))
            }
            Purpose::Metadata => {
                let delta = self.metadata.on_answer(answer, ctx)?;
                self.publish_or_withhold(delta)
            }
            Purpose::AlterPartition => {
                let epoch = self.broker_epoch()?;
                let answers = self.alter_partition.on_answer(answer, epoch, ctx);
                (!answers.is_empty()).then_some(ControlPlaneEvent::IsrAnswers(answers))
            }
        }
    }

    /// As Kafka installs its metadata publishers: not before the broker has caught up.
    fn publish_if_caught_up(&mut self, event: LifecycleEvent) -> ControlPlaneEvent {
        match event {
            LifecycleEvent::CaughtUp => {
                let all = self.withheld.take().expect("a broker catches up once");
                ControlPlaneEvent::CaughtUp(all)
            }
            LifecycleEvent::Registered(_)
            | LifecycleEvent::Unfenced
            | LifecycleEvent::ShouldShutDown => ControlPlaneEvent::Lifecycle(event),
        }
    }

    fn publish_or_withhold(&mut self, delta: MetadataDelta) -> Option<ControlPlaneEvent> {
        match &mut self.withheld {
            Some(withheld) => {
                withheld.extend(delta);
                None
            }
            None => Some(ControlPlaneEvent::Metadata(delta)),
        }
    }
}

/// Sets a timer of the control plane.
pub(super) fn set_timer(after: Duration, timer: ControlPlaneTimer, ctx: &mut Ctx<'_>) -> TimerId {
    ctx.set_timer(after, Timer::Broker(BrokerTimer::ControlPlane(timer)))
}
