//! The ping-pong on ktrial's kernel: a connection per pair, its latencies addressed, every event in the trace hash.
//! Service times, bandwidth and clock drift are on, as in every trial.

use ktrial_sim::actor::{Actor, Event, Message, ProbeSet};
use ktrial_sim::context::Context;
use ktrial_sim::network::{ConnectionId, LatencyModel, NetworkOptions};
use ktrial_sim::node_id::NodeId;
use ktrial_sim::observer::{Observer, Stamp};
use ktrial_sim::sim::{Sim, Stop};
use ktrial_sim::time::{Duration, Instant};
use ktrial_sim::trace::TraceHasher;
use ktrial_sim::{NodeSetup, Options};

use crate::{LATENCY_MS, MESSAGE_BYTES, Ring};

/// A player: pings its neighbour, and answers whoever pings it.
#[derive(Clone, Debug)]
pub struct Player {
    /// The connection this player pings on.
    ping_on: ConnectionId,
    pings_left: u64,
}

/// What a player is started with.
#[derive(Clone, Debug)]
pub struct PlayerSpec {
    neighbour: NodeId,
    pings: u64,
}

/// Ping or answer, with something to carry.
#[derive(Clone, Debug)]
pub enum Ball {
    /// Answer me.
    Ping([u64; MESSAGE_BYTES / 8]),
    /// The answer.
    Pong([u64; MESSAGE_BYTES / 8]),
}

impl Message for Ball {
    const KINDS: &'static [&'static str] = &["ping", "pong"];

    fn kind(&self) -> usize {
        matches!(self, Ball::Pong(_)) as usize
    }

    fn size_bytes(&self) -> u64 {
        MESSAGE_BYTES as u64
    }

    fn hash(&self, hasher: &mut TraceHasher) {
        let (Ball::Ping(words) | Ball::Pong(words)) = self;
        hasher.word(words[0]);
    }
}

/// Nothing rare happens in this game.
#[derive(Copy, Clone, Debug)]
pub enum NoProbe {}

impl ProbeSet for NoProbe {
    const NAMES: &'static [&'static str] = &[];

    fn index(self) -> usize {
        match self {}
    }
}

impl Player {
    fn ping(&mut self, ctx: &mut Context<'_, Self>) {
        if self.pings_left > 0 {
            self.pings_left -= 1;
            ctx.send(self.ping_on, Ball::Ping([self.pings_left; MESSAGE_BYTES / 8]));
        }
    }
}

impl Actor for Player {
    type Spec = PlayerSpec;
    type Message = Ball;
    type Timer = ();
    type File = ();
    type Entry = ();
    type Token = ();
    type Note = ();
    type Probe = NoProbe;
    type Request = ();

    fn boot(spec: &PlayerSpec, ctx: &mut Context<'_, Self>) -> Self {
        let ping_on = ctx.connect(spec.neighbour, Duration::from_secs(10));
        Player { ping_on, pings_left: spec.pings }
    }

    fn handle(&mut self, event: Event<Self>, ctx: &mut Context<'_, Self>) {
        match event {
            Event::Connected(_) | Event::Message(_, Ball::Pong(_)) => self.ping(ctx),
            Event::Message(connection, Ball::Ping(words)) => {
                ctx.send(connection, Ball::Pong(words));
            }
            _ => {}
        }
    }
}

/// Counts the messages that arrive.
#[derive(Clone, Debug, Default)]
pub struct Umpire {
    /// So far.
    pub messages: u64,
}

impl Observer<Player> for Umpire {
    fn handling(&mut self, _: Stamp, event: &Event<Player>, _: Option<NodeId>) {
        self.messages += u64::from(matches!(event, Event::Message(..)));
    }
}

/// The ring, before anything has happened.
pub fn world(seed: u64, ring: Ring) -> Sim<Player, Umpire> {
    let player = |node| NodeSetup {
        name: format!("player-{node}"),
        spec: Some(PlayerSpec { neighbour: NodeId(ring.next(node)), pings: ring.rounds }),
        start_at: Instant::START,
    };
    Sim::new(seed, options(), (0..ring.nodes).map(player).collect(), Umpire::default())
}

/// The kernel's defaults with the latency that all three simulators have.
fn options() -> Options {
    let (min, max) = LATENCY_MS;
    let latency = LatencyModel {
        permanent_min: Duration::from_millis(min),
        permanent_max: Duration::from_millis(max),
        ..LatencyModel::default()
    };
    Options {
        network: NetworkOptions { latency, ..NetworkOptions::default() },
        ..Options::default()
    }
}

/// Plays to the end; returns how many messages arrived.
pub fn run(seed: u64, ring: Ring) -> u64 {
    let mut sim = world(seed, ring);
    assert_eq!(sim.run_until(Instant::NEVER), Stop::Idle, "the ring comes to rest");
    sim.observer().messages
}
