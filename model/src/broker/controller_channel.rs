//! A broker's connection to the controller for one purpose, with at most one request under way
//! (`NodeToControllerChannelManager`).
//!
//! A request outlives the connection it was sent on: when that dies, it is sent again on the next one, so the controller
//! may see it twice. Either the channel gives up after a while and says so, or it never does.

use ktrial_sim::context::TimerId;
use ktrial_sim::network::ConnectionId;
use ktrial_sim::node_id::NodeId;
use ktrial_sim::time::Duration;

use crate::config::BrokerConfig;
use crate::message::{CorrelationId, Message, Request, Response};
use crate::process::Ctx;

use super::control_plane::{ControlPlaneTimer, set_timer};

/// `NetworkClient`'s pause before it connects again, fixed for these channels.
const RECONNECT_BACKOFF: Duration = Duration::from_millis(50);

/// What a channel is for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Registration and heartbeats.
    Lifecycle,
    /// Fetching the metadata log.
    Metadata,
    /// Changing in-sync sets.
    AlterPartition,
}

/// How a request on the channel ended.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The controller answered.
    Response(Response),
    /// The channel gave up. The controller may have served the request all the same.
    TimedOut,
}

/// The channel.
#[derive(Clone, Debug)]
pub struct ControllerChannel {
    purpose: Purpose,
    controller: NodeId,
    timeouts: Timeouts,
    link: Link,
    outstanding: Option<Outstanding>,
    next_correlation: CorrelationId,
    failed_connects: u32,
}

/// How long the channel waits for what.
#[derive(Copy, Clone, Debug)]
pub struct Timeouts {
    /// For the answer to a request.
    pub request: Duration,
    /// Whether a request that timed out is given up rather than sent again.
    pub gives_up: bool,
    /// For a connection, at first; doubles with every failure.
    pub connect: Duration,
    /// For a connection, at most.
    pub connect_max: Duration,
}

impl Timeouts {
    /// `request` for the answer, the configured times for the connection.
    pub fn new(request: Duration, gives_up: bool, config: &BrokerConfig) -> Self {
        Timeouts {
            request,
            gives_up,
            connect: Duration::from_millis(config.socket_connection_setup_timeout_ms),
            connect_max: Duration::from_millis(config.socket_connection_setup_timeout_max_ms),
        }
    }
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum Link {
    Down,
    BackingOff,
    Connecting(ConnectionId),
    Open(ConnectionId),
}

/// The request under way: waiting for a connection, or sent on the open one.
#[derive(Clone, Debug)]
struct Outstanding {
    correlation: CorrelationId,
    request: Request,
    is_sent: bool,
    timeout: TimerId,
}

impl ControllerChannel {
    /// A channel without connection; it connects when there is something to send.
    pub fn new(purpose: Purpose, controller: NodeId, timeouts: Timeouts) -> Self {
        ControllerChannel {
            purpose,
            controller,
            timeouts,
            link: Link::Down,
            outstanding: None,
            next_correlation: 0,
            failed_connects: 0,
        }
    }

    /// Whether a request is under way.
    pub fn is_busy(&self) -> bool {
        self.outstanding.is_some()
    }

    /// Whether the connection is (or was last) this channel's.
    pub fn owns(&self, connection: ConnectionId) -> bool {
        matches!(self.link, Link::Connecting(own) | Link::Open(own) if own == connection)
    }

    /// Sends a request, now or as soon as there is a connection.
    ///
    /// # Panics
    /// If one is under way.
    pub fn send(&mut self, request: Request, ctx: &mut Ctx<'_>) {
        assert!(!self.is_busy(), "one request at a time");
        let correlation = self.next_correlation;
        self.next_correlation += 1;
        let timeout = self.set_timeout(correlation, ctx);
        self.outstanding = Some(Outstanding { correlation, request, is_sent: false, timeout });
        self.advance(ctx);
    }

    fn set_timeout(&self, correlation: CorrelationId, ctx: &mut Ctx<'_>) -> TimerId {
        set_timer(
            self.timeouts.request,
            ControlPlaneTimer::RequestTimeout(self.purpose, correlation),
            ctx,
        )
    }

    /// Connects or sends, if there is something to send.
    fn advance(&mut self, ctx: &mut Ctx<'_>) {
        let Some(outstanding) =
            self.outstanding.as_mut().filter(|outstanding| !outstanding.is_sent)
        else {
            return;
        };
        match self.link {
            Link::Down => {
                let doubled = self.timeouts.connect * (1 << self.failed_connects.min(16));
                self.link = Link::Connecting(
                    ctx.connect(self.controller, doubled.min(self.timeouts.connect_max)),
                );
            }
            Link::Open(connection) => {
                let message =
                    Message::Request(outstanding.correlation, outstanding.request.clone());
                outstanding.is_sent = ctx.send(connection, message);
            }
            Link::BackingOff | Link::Connecting(_) => {}
        }
    }

    /// The connection is open.
    pub fn on_connected(&mut self, ctx: &mut Ctx<'_>) {
        if let Link::Connecting(connection) = self.link {
            self.failed_connects = 0;
            self.link = Link::Open(connection);
            self.advance(ctx);
        }
    }

    /// The connection did not come about.
    pub fn on_connect_failed(&mut self, ctx: &mut Ctx<'_>) {
        self.failed_connects += 1;
        self.back_off(ctx);
    }

    /// The connection is gone; what was sent on it is sent again on the next.
    pub fn on_closed(&mut self, ctx: &mut Ctx<'_>) {
        self.back_off(ctx);
    }

    fn back_off(&mut self, ctx: &mut Ctx<'_>) {
        self.link = Link::BackingOff;
        if let Some(outstanding) = &mut self.outstanding {
            outstanding.is_sent = false;
        }
        set_timer(RECONNECT_BACKOFF, ControlPlaneTimer::Reconnect(self.purpose), ctx);
    }

    /// The pause after a lost connection is over.
    pub fn on_reconnect(&mut self, ctx: &mut Ctx<'_>) {
        assert_eq!(self.link, Link::BackingOff, "nothing else ends a pause");
        self.link = Link::Down;
        self.advance(ctx);
    }

    /// A response came; `None` if it is not to the request under way.
    pub fn on_response(
        &mut self,
        correlation: CorrelationId,
        response: Response,
        ctx: &mut Ctx<'_>,
    ) -> Option<Answer> {
        let outstanding =
            self.outstanding.take_if(|outstanding| outstanding.correlation == correlation)?;
        ctx.cancel_timer(outstanding.timeout);
        Some(Answer::Response(response))
    }

    /// The request has waited long enough: its connection is closed, and it is given up or sent again.
    pub fn on_request_timeout(
        &mut self,
        correlation: CorrelationId,
        ctx: &mut Ctx<'_>,
    ) -> Option<Answer> {
        let outstanding = self
            .outstanding
            .as_ref()
            .filter(|outstanding| outstanding.correlation == correlation)?;
        if let (true, Link::Open(connection)) = (outstanding.is_sent, self.link) {
            ctx.close(connection);
            self.back_off(ctx);
        }
        if self.timeouts.gives_up {
            self.outstanding = None;
            return Some(Answer::TimedOut);
        }
        let timeout = self.set_timeout(correlation, ctx);
        if let Some(outstanding) = &mut self.outstanding {
            outstanding.timeout = timeout;
        }
        None
    }
}
