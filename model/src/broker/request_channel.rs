//! Connections that clients and followers have opened, and the requests that wait on them. As `SocketServer`.
//!
//! A broker takes one request per connection at a time: as long as it owes an answer, what follows on that connection
//! waits (the channel is *muted*). So requests of one connection are handled, and answered, in the order they were sent.

use std::collections::VecDeque;

use ktrial_sim::network::ConnectionId;

use crate::message::{CorrelationId, Message, Request, Response};
use crate::process::Ctx;

/// To whom a response goes.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ReplyTo {
    /// On which connection.
    pub connection: ConnectionId,
    /// To which request.
    pub correlation: CorrelationId,
}

/// One accepted connection.
#[derive(Clone, Debug)]
struct Channel {
    connection: ConnectionId,
    is_muted: bool,
    waiting: VecDeque<(CorrelationId, Request)>,
}

/// All accepted connections.
#[derive(Clone, Debug, Default)]
pub struct RequestChannels {
    /// In no order: a broker has few.
    channels: Vec<Channel>,
    /// Channels that were unmuted and have something waiting.
    ready: VecDeque<ConnectionId>,
}

impl RequestChannels {
    /// Somebody connected.
    pub fn accept(&mut self, connection: ConnectionId) {
        let waiting = VecDeque::new();
        self.channels.push(Channel { connection, is_muted: false, waiting });
    }

    /// The connection is gone, and with it whatever waited on it.
    pub fn forget(&mut self, connection: ConnectionId) {
        self.channels.retain(|channel| channel.connection != connection);
    }

    /// A request arrived. Returns it if it is to be handled now; else it waits its turn.
    pub fn receive(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        request: Request,
    ) -> Option<(ReplyTo, Request)> {
        let channel = self.channel(connection)?;
        if channel.is_muted {
            channel.waiting.push_back((correlation, request));
            return None;
        }
        channel.is_muted = true;
        Some((ReplyTo { connection, correlation }, request))
    }

    /// Answers a request.
    pub fn respond(&mut self, to: ReplyTo, response: Response, ctx: &mut Ctx<'_>) {
        ctx.send(to.connection, Message::Response(to.correlation, response));
        self.unmute(to);
    }

    /// A request is done with and has no answer (acks=0).
    pub fn unmute(&mut self, to: ReplyTo) {
        let Some(channel) = self.channel(to.connection) else { return };
        channel.is_muted = false;
        if !channel.waiting.is_empty() {
            self.ready.push_back(to.connection);
        }
    }

    /// Hangs up, as the only way to tell a producer with acks=0 that something went wrong.
    pub fn disconnect(&mut self, to: ReplyTo, ctx: &mut Ctx<'_>) {
        ctx.close(to.connection);
        self.forget(to.connection);
    }

    /// The next request whose turn has come.
    pub fn next_ready(&mut self) -> Option<(ReplyTo, Request)> {
        while let Some(connection) = self.ready.pop_front() {
            let Some(channel) = self.channel(connection) else { continue };
            if channel.is_muted {
                continue;
            }
            if let Some((correlation, request)) = channel.waiting.pop_front() {
                channel.is_muted = true;
                return Some((ReplyTo { connection, correlation }, request));
            }
        }
        None
    }

    fn channel(&mut self, connection: ConnectionId) -> Option<&mut Channel> {
        self.channels.iter_mut().find(|channel| channel.connection == connection)
    }
}
