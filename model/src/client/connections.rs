//! One connection per broker and what is in flight on it. As Kafka's `NetworkClient`, `ClusterConnectionStates` and
//! `InFlightRequests`.
//!
//! ```text
//!   disconnected -- ready() --> connecting -- connected() --> ready <-> full (max in flight)
//!       ^   (not before retry_at)   | refused, timed out        | closed, oldest request timed out
//!       +---------------------------+---------------------------+   all in flight fail, in order
//! ```
//!
//! A broker answers the requests of one connection in order, so the answer always belongs to the oldest one in flight.

use std::collections::VecDeque;

use ktrial_sim::actor::Actor;
use ktrial_sim::context::Context;
use ktrial_sim::network::ConnectionId;
use ktrial_sim::random::Stream;
use ktrial_sim::time::{Duration, Instant};

use crate::client::backoff::ExponentialBackoff;
use crate::client::connection_settings::ConnectionSettings;
use crate::ids::BrokerId;
use crate::message::{CorrelationId, Message, Request};

/// The other end of a connection, and what the connection is for.
#[derive(Copy, Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    /// A broker as a leader of partitions, or as a source of metadata.
    Broker(BrokerId),
    /// A broker as a group's coordinator. It gets a connection of its own, so that a commit need not wait behind a long
    /// fetch (`AbstractCoordinator` numbers such nodes from `Integer.MAX_VALUE` down).
    Coordinator(BrokerId),
}

impl Destination {
    /// Which broker.
    pub fn broker(self) -> BrokerId {
        match self {
            Destination::Broker(broker) | Destination::Coordinator(broker) => broker,
        }
    }
}

/// All connections of a client. `R` is what the client remembers of a request until its answer or its end.
#[derive(Clone, Debug)]
pub struct Connections<R> {
    settings: ConnectionSettings,
    connections: Vec<Connection<R>>,
}

#[derive(Clone, Debug)]
struct Connection<R> {
    to: Destination,
    state: State,
    in_flight: VecDeque<InFlight<R>>,
    next_correlation: CorrelationId,
    /// Connections in a row that were lost or did not come about.
    failures: u32,
    /// Attempts in a row that did not come about.
    setup_failures: u32,
    /// Not before.
    retry_at: Instant,
    last_attempt_at: Instant,
    last_used_at: Instant,
    /// Someone wants to send but has to wait for `retry_at`.
    is_awaited: bool,
}

#[derive(Copy, Clone, PartialEq, Eq, Debug)]
enum State {
    Disconnected,
    Connecting(ConnectionId),
    Ready(ConnectionId),
}

#[derive(Clone, Debug)]
struct InFlight<R> {
    correlation: CorrelationId,
    deadline: Instant,
    request: R,
}

impl<R> Connections<R> {
    /// No connection yet.
    pub fn new(settings: ConnectionSettings) -> Self {
        Connections { settings, connections: Vec::new() }
    }

    /// Whether a request can be written now. If there is no connection, begins to open one as soon as the backoff allows.
    pub fn ready<A: Actor<Message = Message>>(
        &mut self,
        to: Destination,
        ctx: &mut Context<'_, A>,
    ) -> bool {
        let max_in_flight = self.settings.max_in_flight as usize;
        let settings = self.settings;
        let connection = self.connection(to);
        match connection.state {
            State::Ready(_) => connection.in_flight.len() < max_in_flight,
            State::Connecting(_) => false,
            State::Disconnected => {
                connection.open(&settings, ctx);
                false
            }
        }
    }

    /// Whether a request could be written now.
    pub fn can_send(&self, to: Destination) -> bool {
        self.find(to).is_some_and(|connection| connection.can_send(&self.settings))
    }

    /// Writes a request and remembers `request` until its answer or its end. Gives it back if the connection is gone
    /// already: then nothing was written.
    ///
    /// # Panics
    /// If [`Connections::ready`] would say no.
    pub fn send<A: Actor<Message = Message>>(
        &mut self,
        to: Destination,
        message: Request,
        request: R,
        ctx: &mut Context<'_, A>,
    ) -> Result<(), R> {
        let settings = self.settings;
        let connection = self.connection(to);
        match connection.write(message, &settings, ctx) {
            Some(correlation) => {
                let deadline = ctx.now() + settings.request_timeout;
                connection.in_flight.push_back(InFlight { correlation, deadline, request });
                Ok(())
            }
            None => Err(request),
        }
    }

    /// Writes a request that has no answer (acks=0). Whether it was written.
    ///
    /// # Panics
    /// If [`Connections::ready`] would say no.
    pub fn send_one_way<A: Actor<Message = Message>>(
        &mut self,
        to: Destination,
        message: Request,
        ctx: &mut Context<'_, A>,
    ) -> bool {
        let settings = self.settings;
        self.connection(to).write(message, &settings, ctx).is_some()
    }

    /// A connection is open.
    pub fn connected(&mut self, id: ConnectionId, now: Instant) {
        if let Some(connection) = self.by_id(id) {
            connection.state = State::Ready(id);
            connection.failures = 0;
            connection.setup_failures = 0;
            connection.last_used_at = now;
        }
    }

    /// A connection did not come about. To where.
    pub fn connect_failed(
        &mut self,
        id: ConnectionId,
        now: Instant,
        stream: &mut Stream,
    ) -> Option<Destination> {
        let backoff = self.settings.reconnect_backoff;
        let connection = self.by_id(id)?;
        connection.setup_failures += 1;
        connection.disconnected(backoff, now, stream);
        Some(connection.to)
    }

    /// A connection is gone. To where, and what was in flight on it, oldest first.
    pub fn closed(
        &mut self,
        id: ConnectionId,
        now: Instant,
        stream: &mut Stream,
    ) -> Option<(Destination, Vec<R>)> {
        let backoff = self.settings.reconnect_backoff;
        let connection = self.by_id(id)?;
        Some((connection.to, connection.disconnected(backoff, now, stream)))
    }

    /// An answer came: to which request, and from where. `None` if the connection was given up in the meantime.
    ///
    /// # Panics
    /// If the broker did not answer in order.
    pub fn answered(
        &mut self,
        id: ConnectionId,
        correlation: CorrelationId,
        now: Instant,
    ) -> Option<(Destination, R)> {
        let connection = self.by_id(id)?;
        connection.last_used_at = now;
        let oldest = connection.in_flight.pop_front().expect("an answer has a request in flight");
        assert_eq!(
            oldest.correlation, correlation,
            "requests on one connection are answered in order"
        );
        Some((connection.to, oldest.request))
    }

    /// Closes the first connection found whose oldest request has waited for too long. To where it was, and what was in
    /// flight on it, oldest first: all of it counts as timed out.
    pub fn time_out<A: Actor<Message = Message>>(
        &mut self,
        ctx: &mut Context<'_, A>,
    ) -> Option<(Destination, Vec<R>)> {
        let now = ctx.now();
        let backoff = self.settings.reconnect_backoff;
        let connection =
            self.connections.iter_mut().find(|connection| connection.deadline() <= now)?;
        connection.close(ctx);
        Some((connection.to, connection.disconnected(backoff, now, ctx.random())))
    }

    /// Closes what was not used for `connections.max.idle.ms`, and forgets who waited for a backoff that is over: whoever
    /// still does asks [`Connections::ready`] again.
    pub fn housekeep<A: Actor<Message = Message>>(&mut self, ctx: &mut Context<'_, A>) {
        let (now, max_idle) = (ctx.now(), self.settings.max_idle);
        for connection in &mut self.connections {
            connection.is_awaited &= now < connection.retry_at;
            if connection.idle_at(max_idle) <= now {
                connection.close(ctx);
                connection.state = State::Disconnected;
            }
        }
    }

    /// When something is due: a request times out, a connection may be tried again, or is idle for too long.
    pub fn next_deadline(&self) -> Instant {
        let max_idle = self.settings.max_idle;
        self.connections
            .iter()
            .map(|connection| {
                connection.deadline().min(connection.awaited_at()).min(connection.idle_at(max_idle))
            })
            .min()
            .unwrap_or(Instant::NEVER)
    }

    /// What is in flight, oldest first per connection.
    pub fn in_flight_mut(&mut self) -> impl Iterator<Item = &mut R> {
        self.connections
            .iter_mut()
            .flat_map(|connection| &mut connection.in_flight)
            .map(|in_flight| &mut in_flight.request)
    }

    /// Whether any connection is being opened.
    pub fn is_connecting(&self) -> bool {
        self.connections.iter().any(|connection| matches!(connection.state, State::Connecting(_)))
    }

    /// Of these brokers, the one to ask for something that any broker knows: connected with the least in flight, else
    /// one that is being connected to, else the one not tried for longest. As `NetworkClient.leastLoadedNode`.
    pub fn least_loaded(
        &self,
        brokers: &[BrokerId],
        now: Instant,
        stream: &mut Stream,
    ) -> Option<BrokerId> {
        let first = stream.below(brokers.len() as u64) as usize;
        let from_first = brokers[first..].iter().chain(&brokers[..first]).copied();
        from_first
            .filter_map(|broker| Some((self.load(Destination::Broker(broker), now)?, broker)))
            .min_by_key(|&(load, _)| load)
            .map(|(_, broker)| broker)
    }

    fn load(&self, to: Destination, now: Instant) -> Option<Load> {
        let Some(connection) = self.find(to) else { return Some(Load::Untried(Instant::START)) };
        match connection.state {
            State::Ready(_) if connection.can_send(&self.settings) => {
                Some(Load::Ready(connection.in_flight.len()))
            }
            State::Ready(_) => None,
            State::Connecting(_) => Some(Load::Connecting),
            State::Disconnected => {
                (connection.retry_at <= now).then_some(Load::Untried(connection.last_attempt_at))
            }
        }
    }

    fn find(&self, to: Destination) -> Option<&Connection<R>> {
        self.connections.iter().find(|connection| connection.to == to)
    }

    fn connection(&mut self, to: Destination) -> &mut Connection<R> {
        let index =
            self.connections.iter().position(|connection| connection.to == to).unwrap_or_else(
                || {
                    self.connections.push(Connection::new(to));
                    self.connections.len() - 1
                },
            );
        &mut self.connections[index]
    }

    fn by_id(&mut self, id: ConnectionId) -> Option<&mut Connection<R>> {
        self.connections.iter_mut().find(|connection| connection.id() == Some(id))
    }
}

/// How well a broker could take another request, best first.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Load {
    Ready(usize),
    Connecting,
    Untried(Instant),
}

impl<R> Connection<R> {
    fn new(to: Destination) -> Self {
        Connection {
            to,
            state: State::Disconnected,
            in_flight: VecDeque::new(),
            next_correlation: 0,
            failures: 0,
            setup_failures: 0,
            retry_at: Instant::START,
            last_attempt_at: Instant::START,
            last_used_at: Instant::START,
            is_awaited: false,
        }
    }

    fn id(&self) -> Option<ConnectionId> {
        match self.state {
            State::Disconnected => None,
            State::Connecting(id) | State::Ready(id) => Some(id),
        }
    }

    fn can_send(&self, settings: &ConnectionSettings) -> bool {
        matches!(self.state, State::Ready(_))
            && self.in_flight.len() < settings.max_in_flight as usize
    }

    fn open<A: Actor<Message = Message>>(
        &mut self,
        settings: &ConnectionSettings,
        ctx: &mut Context<'_, A>,
    ) {
        let now = ctx.now();
        self.is_awaited = now < self.retry_at;
        if !self.is_awaited {
            let timeout = settings.setup_timeout.after(self.setup_failures + 1, ctx.random());
            self.state = State::Connecting(ctx.connect(self.to.broker().node(), timeout));
            self.last_attempt_at = now;
        }
    }

    fn close<A: Actor<Message = Message>>(&mut self, ctx: &mut Context<'_, A>) {
        if let Some(id) = self.id() {
            ctx.close(id);
        }
    }

    fn write<A: Actor<Message = Message>>(
        &mut self,
        message: Request,
        settings: &ConnectionSettings,
        ctx: &mut Context<'_, A>,
    ) -> Option<CorrelationId> {
        assert!(self.can_send(settings), "a request is written to a connection that is ready");
        let correlation = self.next_correlation;
        self.next_correlation = correlation.wrapping_add(1);
        self.last_used_at = ctx.now();
        let id = self.id()?;
        ctx.send(id, Message::Request(correlation, message)).then_some(correlation)
    }

    /// Forgets the connection; what was in flight has failed.
    fn disconnected(
        &mut self,
        backoff: ExponentialBackoff,
        now: Instant,
        stream: &mut Stream,
    ) -> Vec<R> {
        self.state = State::Disconnected;
        self.failures += 1;
        self.retry_at = now + backoff.after(self.failures, stream);
        self.in_flight.drain(..).map(|in_flight| in_flight.request).collect()
    }

    fn deadline(&self) -> Instant {
        self.in_flight.front().map_or(Instant::NEVER, |oldest| oldest.deadline)
    }

    fn awaited_at(&self) -> Instant {
        if self.is_awaited && self.state == State::Disconnected {
            self.retry_at
        } else {
            Instant::NEVER
        }
    }

    fn idle_at(&self, max_idle: Duration) -> Instant {
        let is_idle = matches!(self.state, State::Ready(_)) && self.in_flight.is_empty();
        if is_idle { self.last_used_at + max_idle } else { Instant::NEVER }
    }
}

#[cfg(test)]
mod tests {
    use ktrial_sim::actor::Event;
    use ktrial_sim::node_id::NodeId;
    use ktrial_sim::sim::Sim;
    use ktrial_sim::{ClockOptions, NodeSetup, Options};

    use super::*;
    use crate::client::producer::ProducerTimer;
    use crate::client::scripted::{at, stream};
    use crate::process::{Ctx, Process, Timer};

    const CLIENT: NodeId = NodeId(2);
    const TO_0: Destination = Destination::Broker(BrokerId(0));
    const BOTH: [BrokerId; 2] = [BrokerId(0), BrokerId(1)];

    /// A client's connections to two brokers that accept and say nothing. Requests are remembered by a number.
    struct Fixture {
        sim: Sim<Process>,
        connections: Connections<u32>,
    }

    impl Fixture {
        fn new() -> Self {
            let node = |number| NodeSetup {
                name: format!("n{number}"),
                spec: None,
                start_at: Instant::START,
            };
            let settings = ConnectionSettings {
                max_in_flight: 2,
                request_timeout: Duration::from_millis(500),
                reconnect_backoff: ExponentialBackoff::from_millis(100, 100),
                setup_timeout: ExponentialBackoff::from_millis(1_000, 1_000),
                max_idle: Duration::from_secs(60),
            };
            let clocks = ClockOptions { drift_ppm_max: 0, ..ClockOptions::default() };
            let options = Options { clocks, ..Options::default() };
            let sim = Sim::new(1, options, (0..3).map(node).collect(), ());
            Fixture { sim, connections: Connections::new(settings) }
        }

        fn act<T>(&mut self, act: impl FnOnce(&mut Connections<u32>, &mut Ctx<'_>) -> T) -> T {
            let Fixture { sim, connections } = self;
            sim.act_as(CLIENT, |ctx| act(connections, ctx))
        }

        fn ready(&mut self, to: Destination) -> bool {
            self.act(|connections, ctx| connections.ready(to, ctx))
        }

        fn send(&mut self, to: Destination, request: u32) {
            self.act(|connections, ctx| connections.send(to, Request::Metadata, request, ctx))
                .unwrap();
        }

        /// Lets time pass; the client learns which connections are open.
        fn run(&mut self, millis: u64) {
            self.sim.act_as(CLIENT, |ctx| ctx.set_timer(at(millis).since(ctx.now()), bell()));
            self.sim.run_until(at(millis));
            for (_, event) in self.sim.take_answers(CLIENT) {
                if let Event::Connected(id) = event {
                    let now = self.now();
                    self.connections.connected(id, now);
                }
            }
        }

        fn now(&mut self) -> Instant {
            self.sim.act_as(CLIENT, |ctx| ctx.now())
        }

        fn connect(&mut self, to: Destination, millis: u64) -> ConnectionId {
            assert!(!self.ready(to));
            self.run(millis);
            assert!(self.ready(to));
            self.connections.find(to).and_then(Connection::id).unwrap()
        }
    }

    /// Something for time to pass up to.
    fn bell() -> Timer {
        Timer::Producer(ProducerTimer::WakeUp)
    }

    #[test]
    fn a_connection_takes_no_more_requests_than_allowed_and_answers_make_room() {
        let mut fixture = Fixture::new();
        let id = fixture.connect(TO_0, 10);
        fixture.send(TO_0, 1);
        fixture.send(TO_0, 2);
        assert!(!fixture.ready(TO_0));
        assert_eq!(fixture.connections.answered(id, 0, at(20)), Some((TO_0, 1)));
        assert!(fixture.ready(TO_0));
        assert_eq!(fixture.connections.answered(id, 1, at(20)), Some((TO_0, 2)));
    }

    #[test]
    #[should_panic(expected = "answered in order")]
    fn an_answer_out_of_order_is_a_bug() {
        let mut fixture = Fixture::new();
        let id = fixture.connect(TO_0, 10);
        fixture.send(TO_0, 1);
        fixture.send(TO_0, 2);
        fixture.connections.answered(id, 1, at(20));
    }

    #[test]
    fn a_lost_connection_gives_back_its_requests_and_is_not_opened_again_at_once() {
        let mut fixture = Fixture::new();
        let id = fixture.connect(TO_0, 10);
        fixture.send(TO_0, 1);
        fixture.send(TO_0, 2);
        assert_eq!(fixture.connections.closed(id, at(20), &mut stream()), Some((TO_0, vec![1, 2])));
        assert_eq!(
            fixture.connections.closed(id, at(20), &mut stream()),
            None,
            "it is known no more"
        );
        assert_eq!(fixture.connections.answered(id, 0, at(20)), None);
        assert!(!fixture.ready(TO_0) && !fixture.connections.is_connecting(), "it waits");
        assert_eq!(fixture.connections.next_deadline(), at(120));
        fixture.run(120);
        fixture.act(|connections, ctx| connections.housekeep(ctx));
        assert!(!fixture.ready(TO_0) && fixture.connections.is_connecting(), "it tries again");
    }

    /// PB5.
    #[test]
    fn the_oldest_request_that_waits_too_long_takes_the_connection_with_it() {
        let mut fixture = Fixture::new();
        fixture.connect(TO_0, 10);
        fixture.send(TO_0, 1);
        let deadline = fixture.now() + Duration::from_millis(500);
        fixture.run(300);
        fixture.send(TO_0, 2);
        assert_eq!(fixture.connections.next_deadline(), deadline);
        assert_eq!(fixture.act(|connections, ctx| connections.time_out(ctx)), None);
        fixture.run(deadline.as_millis() + 1);
        let timed_out = fixture.act(|connections, ctx| connections.time_out(ctx));
        assert_eq!(timed_out, Some((TO_0, vec![1, 2])));
        assert!(!fixture.connections.can_send(TO_0));
    }

    #[test]
    fn the_least_loaded_broker_is_connected_and_has_the_least_in_flight() {
        let mut fixture = Fixture::new();
        let least_loaded =
            |fixture: &Fixture| fixture.connections.least_loaded(&BOTH, at(50), &mut stream());
        fixture.connect(Destination::Broker(BrokerId(1)), 10);
        fixture.ready(TO_0);
        fixture.send(Destination::Broker(BrokerId(1)), 1);
        assert_eq!(
            least_loaded(&fixture),
            Some(BrokerId(1)),
            "better than one that is not connected yet"
        );
        fixture.run(20);
        assert_eq!(least_loaded(&fixture), Some(BrokerId(0)), "nothing in flight");
        fixture.send(TO_0, 2);
        fixture.send(TO_0, 3);
        assert_eq!(least_loaded(&fixture), Some(BrokerId(1)));
        fixture.send(Destination::Broker(BrokerId(1)), 4);
        assert_eq!(least_loaded(&fixture), None, "both are full");
    }

    #[test]
    fn a_coordinator_has_a_connection_of_its_own() {
        let mut fixture = Fixture::new();
        fixture.connect(TO_0, 10);
        fixture.send(TO_0, 1);
        fixture.send(TO_0, 2);
        fixture.connect(Destination::Coordinator(BrokerId(0)), 20);
    }

    #[test]
    fn a_connection_that_nobody_uses_is_closed() {
        let mut fixture = Fixture::new();
        fixture.connect(TO_0, 10);
        assert_eq!(fixture.connections.next_deadline(), at(60_010));
        fixture.run(60_010);
        fixture.act(|connections, ctx| connections.housekeep(ctx));
        assert!(!fixture.connections.can_send(TO_0));
        assert_eq!(fixture.connections.next_deadline(), Instant::NEVER);
    }
}
