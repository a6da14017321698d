//! The network: connections between processes over directed links between hosts.
//!
//! A connection delivers in order, without gap or duplicate, as long as it lives. When it dies, an arbitrary suffix of
//! each direction is lost, and its two ends learn of it at different times or not at all. There are no datagrams.
//!
//! ```text
//!   opener                     acceptor
//!     | -- open ------------------> |  Accepted          host off: silence, the opener retries until it times out
//!     | <------------ opened ------ |                    process down: refused after a round trip
//!  Connected                        |
//!     | -- data ------------------> |  Message           link cut: held; late if it heals in time, else each side
//!     | <-------------- data ------ |                    with unacknowledged data times out on its own
//!     | -- data -> (end is closed)  |                    the host does not know the connection: reset
//! ```
//!
//! [`link`] says how long a segment takes, [`connection`] what state a connection is in; the rules above are in
//! `kernel/transport.rs` and `kernel/teardown.rs`.

pub mod connection;
pub mod link;

pub use connection::{CloseReason, ConnectError, ConnectionId};
pub use link::{LatencyModel, NetworkOptions};
