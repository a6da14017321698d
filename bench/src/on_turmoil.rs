//! The ping-pong on turmoil: TCP streams, one per pair of neighbours; a client per node and a host that answers it.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use turmoil::net::{TcpListener, TcpStream};

use crate::{LATENCY_MS, MESSAGE_BYTES, Ring};

const PORT: u16 = 9;

/// Plays to the end; returns how many messages arrived.
pub fn run(seed: u64, ring: Ring) -> u64 {
    let (min, max) = LATENCY_MS;
    let mut sim = turmoil::Builder::new()
        .rng_seed(seed)
        .min_message_latency(Duration::from_millis(min))
        .max_message_latency(Duration::from_millis(max))
        .simulation_duration(Duration::MAX)
        .build();
    let messages = Rc::new(Cell::new(0));
    for node in 0..ring.nodes {
        sim.client(name(node), play(ring, node, messages.clone()));
    }
    sim.run().expect("no faults");
    messages.get()
}

fn name(node: u16) -> String {
    format!("player-{node}")
}

async fn play(ring: Ring, node: u16, messages: Rc<Cell<u64>>) -> turmoil::Result {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let answering = tokio::task::spawn_local(answer(listener, ring.rounds));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut stream = TcpStream::connect((name(ring.next(node)), PORT)).await?;
    let mut ball = [0; MESSAGE_BYTES];
    for _ in 0..ring.rounds {
        stream.write_all(&ball).await?;
        stream.read_exact(&mut ball).await?;
    }
    let answered = answering.await?.expect("no faults");
    messages.set(messages.get() + ring.rounds + answered);
    Ok(())
}

async fn answer(listener: TcpListener, rounds: u64) -> std::io::Result<u64> {
    let (mut stream, _) = listener.accept().await?;
    let mut ball = [0; MESSAGE_BYTES];
    for _ in 0..rounds {
        stream.read_exact(&mut ball).await?;
        stream.write_all(&ball).await?;
    }
    Ok(rounds)
}
