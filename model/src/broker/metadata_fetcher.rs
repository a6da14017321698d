//! Reads the controller's metadata log, record by record as it is committed, into the broker's cache (`KafkaRaftClient` as
//! an observer, `MetadataLoader`).
//!
//! The broker keeps no copy of the log: after a restart it reads from the beginning.

use ktrial_sim::node_id::NodeId;
use ktrial_sim::time::Duration;

use crate::config::BrokerConfig;
use crate::ids::BrokerId;
use crate::message::{MetadataFetchRequest, MetadataFetchResponse, Request, Response};
use crate::process::Ctx;

use super::control_plane::{ControlPlaneTimer, set_timer};
use super::controller_channel::{Answer, ControllerChannel, Purpose, Timeouts};
use super::metadata_cache::{MetadataCache, MetadataDelta};

/// `KafkaRaftClient.MAX_FETCH_WAIT_MS`.
const MAX_FETCH_WAIT: Duration = Duration::from_millis(500);

/// The fetcher and what it has read.
#[derive(Clone, Debug)]
pub struct MetadataFetcher {
    broker: BrokerId,
    retry_backoff: Duration,
    pub(super) channel: ControllerChannel,
    cache: MetadataCache,
}

impl MetadataFetcher {
    /// A fetcher that has read nothing.
    pub fn new(broker: BrokerId, controller: NodeId, config: &BrokerConfig) -> Self {
        let request_timeout = Duration::from_millis(config.controller_quorum_request_timeout_ms);
        let timeouts = Timeouts::new(request_timeout, true, config);
        MetadataFetcher {
            broker,
            retry_backoff: Duration::from_millis(config.controller_quorum_retry_backoff_ms),
            channel: ControllerChannel::new(Purpose::Metadata, controller, timeouts),
            cache: MetadataCache::default(),
        }
    }

    /// What was read so far.
    pub fn cache(&self) -> &MetadataCache {
        &self.cache
    }

    /// Asks for what follows.
    pub fn fetch(&mut self, ctx: &mut Ctx<'_>) {
        let fetch_offset = self.cache.end_offset();
        let request =
            MetadataFetchRequest { broker: self.broker, fetch_offset, max_wait: MAX_FETCH_WAIT };
        self.channel.send(Request::MetadataFetch(Box::new(request)), ctx);
    }

    /// Applies what came and asks for more; `None` if there is no news.
    pub fn on_answer(&mut self, answer: Answer, ctx: &mut Ctx<'_>) -> Option<MetadataDelta> {
        match answer {
            Answer::Response(Response::MetadataFetch(response)) => {
                let delta = self.apply(*response);
                self.fetch(ctx);
                delta
            }
            Answer::Response(_) | Answer::TimedOut => {
                set_timer(self.retry_backoff, ControlPlaneTimer::FetchMetadata, ctx);
                None
            }
        }
    }

    fn apply(&mut self, response: MetadataFetchResponse) -> Option<MetadataDelta> {
        let has_news = !response.records.is_empty();
        has_news.then(|| self.cache.apply(response.base_offset, response.records))
    }
}
