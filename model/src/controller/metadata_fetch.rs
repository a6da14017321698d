//! Brokers read the committed part of the metadata log; a fetch that finds no news waits for them (the raft client's fetch
//! purgatory).

use ktrial_sim::context::TimerId;
use ktrial_sim::network::ConnectionId;

use super::{Controller, ControllerTimer, set_timer};
use crate::ids::MetadataOffset;
use crate::message::{
    CorrelationId, Message, MetadataFetchRequest, MetadataFetchResponse, Response,
};
use crate::process::Ctx;

/// A metadata fetch that waits for news.
#[derive(Copy, Clone, Debug)]
pub(super) struct ParkedFetch {
    connection: ConnectionId,
    correlation: CorrelationId,
    fetch_offset: MetadataOffset,
    expiry: TimerId,
}

impl Controller {
    /// Answers with what follows the offset, at once or when there is something.
    pub(super) fn fetch(
        &mut self,
        connection: ConnectionId,
        correlation: CorrelationId,
        request: MetadataFetchRequest,
        ctx: &mut Ctx<'_>,
    ) {
        let fetch_offset = request.fetch_offset;
        if fetch_offset < self.log.committed() || request.max_wait.is_zero() {
            return self.answer_fetch(connection, correlation, fetch_offset, ctx);
        }
        let expiry =
            set_timer(request.max_wait, ControllerTimer::MetadataFetchExpired(connection), ctx);
        self.parked_fetches.push(ParkedFetch { connection, correlation, fetch_offset, expiry });
    }

    fn answer_fetch(
        &self,
        connection: ConnectionId,
        correlation: CorrelationId,
        fetch_offset: MetadataOffset,
        ctx: &mut Ctx<'_>,
    ) {
        let response = MetadataFetchResponse {
            base_offset: fetch_offset,
            records: self.log.committed_from(fetch_offset, ctx),
            end_offset: self.log.committed(),
        };
        ctx.send(
            connection,
            Message::Response(correlation, Response::MetadataFetch(Box::new(response))),
        );
    }

    /// Something was committed.
    pub(super) fn answer_parked_fetches(&mut self, ctx: &mut Ctx<'_>) {
        let committed = self.log.committed();
        let ready = self
            .parked_fetches
            .extract_if(.., |fetch| fetch.fetch_offset < committed)
            .collect::<Vec<_>>();
        for fetch in ready {
            ctx.cancel_timer(fetch.expiry);
            self.answer_fetch(fetch.connection, fetch.correlation, fetch.fetch_offset, ctx);
        }
    }

    /// The fetch has waited for long enough: the answer is that there is no news.
    pub(super) fn fetch_expired(&mut self, connection: ConnectionId, ctx: &mut Ctx<'_>) {
        for fetch in self.take_fetches_of(connection) {
            self.answer_fetch(connection, fetch.correlation, fetch.fetch_offset, ctx);
        }
    }

    /// Whoever waited on the connection is gone.
    pub(super) fn forget(&mut self, connection: ConnectionId, ctx: &mut Ctx<'_>) {
        for fetch in self.take_fetches_of(connection) {
            ctx.cancel_timer(fetch.expiry);
        }
    }

    fn take_fetches_of(&mut self, connection: ConnectionId) -> Vec<ParkedFetch> {
        self.parked_fetches.extract_if(.., |fetch| fetch.connection == connection).collect()
    }
}
