//! The ping-pong on madsim: as datagrams, its leanest way to move a message, and on TCP streams, which promise what
//! ktrial's connections promise. Per node one task that pings and one that answers.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use madsim::net::{Endpoint, TcpListener, TcpStream};
use madsim::runtime::Runtime;
use madsim::task::JoinHandle;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{LATENCY_MS, MESSAGE_BYTES, Ring};

const PORT: u16 = 9;

/// Tags that tell pings from answers.
const PING: u64 = 1;
const PONG: u64 = 2;

fn address(node: u16) -> SocketAddr {
    let [high, low] = node.to_be_bytes();
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, high, low + 1)), PORT)
}

fn config() -> madsim::Config {
    let mut config = madsim::Config::default();
    let (min, max) = LATENCY_MS;
    config.net.send_latency = Duration::from_millis(min)..Duration::from_millis(max);
    config
}

/// Plays to the end; `play` is what every node does and how many messages it got.
fn run(
    seed: u64,
    ring: Ring,
    play: impl Fn(&madsim::runtime::NodeHandle, u16) -> JoinHandle<u64>,
) -> u64 {
    let runtime = Runtime::with_seed_and_config(seed, config());
    let players: Vec<JoinHandle<u64>> = (0..ring.nodes)
        .map(|node| play(&runtime.create_node().ip(address(node).ip()).build(), node))
        .collect();
    runtime.block_on(async {
        let mut messages = 0;
        for player in players {
            messages += player.await.expect("a player does not fail");
        }
        messages
    })
}

/// Datagrams, one endpoint per node.
pub fn run_datagrams(seed: u64, ring: Ring) -> u64 {
    run(seed, ring, |node, number| node.spawn(play_datagrams(ring, number)))
}

async fn play_datagrams(ring: Ring, node: u16) -> u64 {
    let endpoint = std::sync::Arc::new(Endpoint::bind(address(node)).await.expect("a free port"));
    let answering = endpoint.clone();
    let answers = madsim::task::spawn(async move {
        let mut ball = [0; MESSAGE_BYTES];
        for _ in 0..ring.rounds {
            let (_, from) = answering.recv_from(PING, &mut ball).await.expect("a ping");
            answering.send_to(from, PONG, &ball).await.expect("no faults");
        }
        ring.rounds
    });
    // Whoever pings before its neighbour has bound its port is not heard.
    madsim::time::sleep(Duration::from_millis(100)).await;
    let mut ball = [0; MESSAGE_BYTES];
    for _ in 0..ring.rounds {
        endpoint.send_to(address(ring.next(node)), PING, &ball).await.expect("no faults");
        endpoint.recv_from(PONG, &mut ball).await.expect("an answer");
    }
    ring.rounds + answers.await.expect("the answering task does not fail")
}

/// TCP streams, one per pair of neighbours.
pub fn run_streams(seed: u64, ring: Ring) -> u64 {
    run(seed, ring, |node, number| node.spawn(play_streams(ring, number)))
}

async fn play_streams(ring: Ring, node: u16) -> u64 {
    let listener = TcpListener::bind(address(node)).await.expect("a free port");
    let answers = madsim::task::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a neighbour");
        let mut ball = [0; MESSAGE_BYTES];
        for _ in 0..ring.rounds {
            stream.read_exact(&mut ball).await.expect("a ping");
            stream.write_all(&ball).await.expect("no faults");
            stream.flush().await.expect("no faults");
        }
        ring.rounds
    });
    madsim::time::sleep(Duration::from_millis(100)).await;
    let mut stream = TcpStream::connect(address(ring.next(node))).await.expect("a listener");
    let mut ball = [0; MESSAGE_BYTES];
    for _ in 0..ring.rounds {
        stream.write_all(&ball).await.expect("no faults");
        stream.flush().await.expect("no faults");
        stream.read_exact(&mut ball).await.expect("an answer");
    }
    ring.rounds + answers.await.expect("the answering task does not fail")
}
