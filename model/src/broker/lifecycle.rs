//! How a broker's process makes itself known to the controller and stays so: registration, heartbeats, controlled
//! shutdown (B1 to B4; `BrokerLifecycleManager`, KIP-631).
//!
//! ```text
//! Starting -- read own registration --> Recovery -- unfenced --> Running -- asked to stop --> PendingControlledShutdown
//!                                                                   (anything else asked to stop, or told to) --> ShuttingDown
//! ```
//!
//! A running broker that the controller fences goes on as if nothing were (B5): it learns of it from the metadata, and
//! its next heartbeat asks to be unfenced.

use ktrial_sim::context::TimerId;
use ktrial_sim::node_id::NodeId;
use ktrial_sim::time::Duration;

use crate::config::BrokerConfig;
use crate::error_code::ErrorCode;
use crate::ids::{BrokerEpoch, BrokerId, MetadataOffset};
use crate::message::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest, Request, Response,
};
use crate::process::Ctx;

use super::control_plane::{ControlPlaneTimer, set_timer};
use super::controller_channel::{Answer, ControllerChannel, Purpose, Timeouts};

/// To the next heartbeat while the broker has not read its own registration.
const STARTING_INTERVAL: Duration = Duration::from_millis(10);
/// To the second heartbeat of a controlled shutdown.
const FIRST_SHUTDOWN_INTERVAL: Duration = Duration::from_millis(50);
/// How long a broker waits to be told that it may stop (`BrokerServer.shutdown`).
const CONTROLLED_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(300);
/// First pause after a failure; doubles up to the session time-out.
const RESEND_BACKOFF_MS: u64 = 100;
/// The pause varies by this many percent.
const RESEND_JITTER_PERCENT: u64 = 2;

/// Where the broker's process is in its life (`BrokerState`).
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum LifecycleState {
    /// It registers and catches up with the metadata.
    Starting,
    /// It opens its logs, or waits to be unfenced.
    Recovery,
    /// It serves.
    Running,
    /// It waits for its leaderships to be moved.
    PendingControlledShutdown,
    /// It is about to end.
    ShuttingDown,
}

/// What the broker has to know of its life.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum LifecycleEvent {
    /// The controller accepted the process under this epoch.
    Registered(BrokerEpoch),
    /// The broker has read the metadata up to its own registration. When its logs are open, it is ready to be unfenced.
    CaughtUp,
    /// It is unfenced for the first time: it runs.
    Unfenced,
    /// It leads nothing any more, or nobody can tell: it is to stop now.
    ShouldShutDown,
}

/// When to talk to the controller next.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Next {
    Immediately,
    After(Duration),
    AfterSuccess,
    AfterFailure,
    Never,
}

/// The broker's life.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    identity: Identity,
    state: LifecycleState,
    /// Known once the controller has accepted the registration.
    epoch: Option<BrokerEpoch>,
    is_ready_to_unfence: bool,
    got_shutdown_response: bool,
    failed_attempts: u32,
    pub(super) channel: ControllerChannel,
    communication: Option<TimerId>,
    is_next_immediate: bool,
}

/// What does not change while the process lives.
#[derive(Copy, Clone, Debug)]
struct Identity {
    broker: BrokerId,
    incarnation: u64,
    previous_epoch: Option<BrokerEpoch>,
    heartbeat_interval: Duration,
    session_timeout_ms: u64,
}

impl Lifecycle {
    /// A process that has not said anything yet. `previous_epoch` is what the clean-shutdown file says; `incarnation`
    /// names the process.
    pub fn new(
        broker: BrokerId,
        incarnation: u64,
        previous_epoch: Option<BrokerEpoch>,
        controller: NodeId,
        config: &BrokerConfig,
    ) -> Self {
        let session_timeout_ms = config.broker_session_timeout_ms;
        // KAFKA-14392: a request that is stuck is given up while the session can still be saved.
        let request_timeout =
            Duration::from_millis(config.request_timeout_ms.min(session_timeout_ms / 2));
        Lifecycle {
            identity: Identity {
                broker,
                incarnation,
                previous_epoch,
                heartbeat_interval: Duration::from_millis(config.broker_heartbeat_interval_ms),
                session_timeout_ms,
            },
            state: LifecycleState::Starting,
            epoch: None,
            is_ready_to_unfence: false,
            got_shutdown_response: false,
            failed_attempts: 0,
            channel: ControllerChannel::new(
                Purpose::Lifecycle,
                controller,
                Timeouts::new(request_timeout, true, config),
            ),
            communication: None,
            is_next_immediate: false,
        }
    }

    /// Where the process is in its life.
    pub fn state(&self) -> LifecycleState {
        self.state
    }

    /// The process's epoch, once it is registered.
    pub fn broker_epoch(&self) -> Option<BrokerEpoch> {
        self.epoch
    }

    /// The logs are open: the controller may unfence the broker.
    pub fn ready_to_unfence(&mut self, ctx: &mut Ctx<'_>) {
        self.is_ready_to_unfence = true;
        self.schedule(Next::Immediately, ctx);
    }

    /// The operator asks the broker to stop. If it runs, its leaderships are moved first; else it stops at once.
    pub fn begin_controlled_shutdown(&mut self, ctx: &mut Ctx<'_>) -> Option<LifecycleEvent> {
        match self.state {
            LifecycleState::Running => {
                self.state = LifecycleState::PendingControlledShutdown;
                set_timer(
                    CONTROLLED_SHUTDOWN_TIMEOUT,
                    ControlPlaneTimer::ControlledShutdownTimeout,
                    ctx,
                );
                self.schedule(Next::Immediately, ctx);
                None
            }
            LifecycleState::PendingControlledShutdown => None,
            LifecycleState::Starting | LifecycleState::Recovery | LifecycleState::ShuttingDown => {
                self.shut_down(ctx)
            }
        }
    }

    /// Nobody told the broker that it may stop: it stops all the same.
    pub fn on_controlled_shutdown_timeout(&mut self, ctx: &mut Ctx<'_>) -> Option<LifecycleEvent> {
        if self.state == LifecycleState::PendingControlledShutdown {
            self.shut_down(ctx)
        } else {
            None
        }
    }

    fn shut_down(&mut self, ctx: &mut Ctx<'_>) -> Option<LifecycleEvent> {
        self.state = LifecycleState::ShuttingDown;
        self.schedule(Next::Never, ctx);
        Some(LifecycleEvent::ShouldShutDown)
    }

    /// Sends what is to be said now: the registration until it is accepted, then heartbeats. `metadata_offset` is the end
    /// of what the broker has read of the metadata log.
    pub fn communicate(&mut self, metadata_offset: MetadataOffset, ctx: &mut Ctx<'_>) {
        if self.channel.is_busy() {
            self.is_next_immediate = true;
            return;
        }
        let request = self.request(metadata_offset);
        self.channel.send(request, ctx);
    }

    fn request(&self, metadata_offset: MetadataOffset) -> Request {
        let Identity { broker, incarnation, previous_epoch, .. } = self.identity;
        match self.epoch {
            None => Request::BrokerRegistration(Box::new(BrokerRegistrationRequest {
                broker,
                incarnation,
                previous_broker_epoch: previous_epoch,
            })),
            Some(broker_epoch) => Request::BrokerHeartbeat(Box::new(BrokerHeartbeatRequest {
                broker,
                broker_epoch,
                metadata_offset,
                want_fence: !self.is_ready_to_unfence,
                want_shutdown: self.state == LifecycleState::PendingControlledShutdown,
            })),
        }
    }

    /// Reacts to how a registration or heartbeat ended.
    pub fn on_answer(&mut self, answer: Answer, ctx: &mut Ctx<'_>) -> Option<LifecycleEvent> {
        let (event, next) = self.digest(answer);
        self.schedule(next, ctx);
        event
    }

    fn digest(&mut self, answer: Answer) -> (Option<LifecycleEvent>, Next) {
        match answer {
            _ if self.state == LifecycleState::ShuttingDown => (None, Next::Never),
            Answer::Response(Response::BrokerRegistration(Ok(epoch))) => {
                self.epoch = Some(epoch);
                self.failed_attempts = 0;
                (Some(LifecycleEvent::Registered(epoch)), Next::Immediately)
            }
            Answer::Response(Response::BrokerHeartbeat(response))
                if response.error == ErrorCode::None =>
            {
                self.failed_attempts = 0;
                self.digest_heartbeat(&response)
            }
            Answer::Response(_) | Answer::TimedOut => (None, Next::AfterFailure),
        }
    }

    /// B2.
    fn digest_heartbeat(
        &mut self,
        response: &BrokerHeartbeatResponse,
    ) -> (Option<LifecycleEvent>, Next) {
        match self.state {
            LifecycleState::Starting if response.is_caught_up => {
                self.state = LifecycleState::Recovery;
                (Some(LifecycleEvent::CaughtUp), Next::After(STARTING_INTERVAL))
            }
            LifecycleState::Starting => (None, Next::After(STARTING_INTERVAL)),
            LifecycleState::Recovery if !response.is_fenced => {
                self.state = LifecycleState::Running;
                (Some(LifecycleEvent::Unfenced), Next::AfterSuccess)
            }
            LifecycleState::PendingControlledShutdown if response.should_shut_down => {
                self.state = LifecycleState::ShuttingDown;
                (Some(LifecycleEvent::ShouldShutDown), Next::Never)
            }
            LifecycleState::PendingControlledShutdown if !self.got_shutdown_response => {
                self.got_shutdown_response = true;
                (None, Next::After(FIRST_SHUTDOWN_INTERVAL))
            }
            LifecycleState::Recovery
            | LifecycleState::Running
            | LifecycleState::PendingControlledShutdown => (None, Next::AfterSuccess),
            LifecycleState::ShuttingDown => (None, Next::Never),
        }
    }

    /// Whatever was scheduled is forgotten. A wish to talk at once that came while a request was under way is granted
    /// now, but not after a failure.
    fn schedule(&mut self, next: Next, ctx: &mut Ctx<'_>) {
        if let Some(timer) = self.communication.take() {
            ctx.cancel_timer(timer);
        }
        let hurry = std::mem::take(&mut self.is_next_immediate);
        let after = match next {
            Next::Never => return,
            Next::AfterFailure => self.next_backoff(ctx),
            Next::Immediately => Duration::ZERO,
            Next::After(_) | Next::AfterSuccess if hurry => Duration::ZERO,
            Next::After(interval) => interval,
            Next::AfterSuccess => self.identity.heartbeat_interval,
        };
        self.communication = Some(set_timer(after, ControlPlaneTimer::Communicate, ctx));
    }

    fn next_backoff(&mut self, ctx: &mut Ctx<'_>) -> Duration {
        let doubled_ms = RESEND_BACKOFF_MS << self.failed_attempts.min(32);
        self.failed_attempts += 1;
        let percent =
            ctx.random().between(100 - RESEND_JITTER_PERCENT, 100 + RESEND_JITTER_PERCENT);
        Duration::from_millis(doubled_ms.min(self.identity.session_timeout_ms)).scaled(percent, 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: BrokerEpoch = BrokerEpoch(7);

    fn lifecycle(state: LifecycleState) -> Lifecycle {
        let mut lifecycle =
            Lifecycle::new(BrokerId(1), 42, None, NodeId(3), &BrokerConfig::default());
        lifecycle.state = state;
        lifecycle
    }

    fn heartbeat(is_caught_up: bool, is_fenced: bool, should_shut_down: bool) -> Answer {
        let error = ErrorCode::None;
        let response = BrokerHeartbeatResponse { error, is_caught_up, is_fenced, should_shut_down };
        Answer::Response(Response::BrokerHeartbeat(response))
    }

    #[test]
    fn a_broker_registers_until_it_is_accepted_and_then_sends_heartbeats() {
        let mut lifecycle = lifecycle(LifecycleState::Starting);
        let refused = Response::BrokerRegistration(Err(ErrorCode::DuplicateBrokerRegistration));
        assert_eq!(lifecycle.digest(Answer::Response(refused)), (None, Next::AfterFailure));
        assert!(matches!(lifecycle.request(MetadataOffset(0)), Request::BrokerRegistration(_)));
        let accepted = Response::BrokerRegistration(Ok(EPOCH));
        let registered = Some(LifecycleEvent::Registered(EPOCH));
        assert_eq!(lifecycle.digest(Answer::Response(accepted)), (registered, Next::Immediately));
        let Request::BrokerHeartbeat(heartbeat) = lifecycle.request(MetadataOffset(8)) else {
            panic!("a heartbeat")
        };
        assert_eq!((heartbeat.broker_epoch, heartbeat.metadata_offset), (EPOCH, MetadataOffset(8)));
        assert!(heartbeat.want_fence && !heartbeat.want_shutdown, "its logs are not open yet");
    }

    #[test]
    fn b2_each_state_waits_for_its_own_sign() {
        use LifecycleState::{
            PendingControlledShutdown, Recovery, Running, ShuttingDown, Starting,
        };
        let cases = [
            (Starting, heartbeat(false, true, false), Starting, None),
            (Starting, heartbeat(true, true, false), Recovery, Some(LifecycleEvent::CaughtUp)),
            (Recovery, heartbeat(true, true, false), Recovery, None),
            (Recovery, heartbeat(true, false, false), Running, Some(LifecycleEvent::Unfenced)),
            (Running, heartbeat(true, true, false), Running, None),
            (
                PendingControlledShutdown,
                heartbeat(true, false, false),
                PendingControlledShutdown,
                None,
            ),
            (
                PendingControlledShutdown,
                heartbeat(true, false, true),
                ShuttingDown,
                Some(LifecycleEvent::ShouldShutDown),
            ),
            (ShuttingDown, heartbeat(true, false, true), ShuttingDown, None),
        ];
        for (before, answer, after, event) in cases {
            let mut lifecycle = lifecycle(before);
            assert_eq!(lifecycle.digest(answer).0, event, "{before:?}");
            assert_eq!(lifecycle.state(), after, "{before:?}");
        }
    }

    #[test]
    fn a_stopping_broker_asks_again_soon_but_only_once() {
        let mut lifecycle = lifecycle(LifecycleState::PendingControlledShutdown);
        let wait = heartbeat(true, false, false);
        assert_eq!(lifecycle.digest(wait.clone()).1, Next::After(FIRST_SHUTDOWN_INTERVAL));
        assert_eq!(lifecycle.digest(wait).1, Next::AfterSuccess);
    }
}
