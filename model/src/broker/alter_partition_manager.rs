//! Carries the leaders' wishes for other in-sync sets to the controller: all partitions' together, one request under way
//! (E3; `AlterPartitionManager`, KIP-497).

use std::collections::BTreeMap;

use ktrial_sim::node_id::NodeId;
use ktrial_sim::time::Duration;

use crate::config::BrokerConfig;
use crate::error_code::ErrorCode;
use crate::ids::{BrokerEpoch, BrokerId, TopicPartition};
use crate::message::{
    AlterPartitionRequest, AlterPartitionResponse, AlterPartitionWish, Request, Response,
};
use crate::metadata::PartitionState;
use crate::process::Ctx;

use super::control_plane::{ControlPlaneTimer, set_timer};
use super::controller_channel::{Answer, ControllerChannel, Purpose, Timeouts};

/// Pause after the controller refused a whole request.
const RETRY_BACKOFF: Duration = Duration::from_millis(50);

/// What the controller made of a wish, for `Partition::alter_partition_completed`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IsrAnswer {
    /// The wish.
    pub wish: AlterPartitionWish,
    /// The partition's new state, or why it is not as wished.
    pub answer: Result<PartitionState, ErrorCode>,
}

/// Wishes that have no answer yet.
#[derive(Clone, Debug)]
pub struct AlterPartitionManager {
    broker: BrokerId,
    pub(super) channel: ControllerChannel,
    unanswered: BTreeMap<TopicPartition, AlterPartitionWish>,
    is_backing_off: bool,
}

impl AlterPartitionManager {
    /// No wishes yet. A request is never given up: only an answer or new metadata can tell what became of it.
    pub fn new(broker: BrokerId, controller: NodeId, config: &BrokerConfig) -> Self {
        let timeouts =
            Timeouts::new(Duration::from_millis(config.request_timeout_ms), false, config);
        AlterPartitionManager {
            broker,
            channel: ControllerChannel::new(Purpose::AlterPartition, controller, timeouts),
            unanswered: BTreeMap::new(),
            is_backing_off: false,
        }
    }

    /// Takes a wish to the controller.
    ///
    /// # Errors
    /// [`ErrorCode::OperationNotAttempted`] if an earlier wish for the partition has no answer yet.
    pub fn submit(
        &mut self,
        wish: AlterPartitionWish,
        epoch: BrokerEpoch,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), ErrorCode> {
        if self.unanswered.contains_key(&wish.partition) {
            return Err(ErrorCode::OperationNotAttempted);
        }
        self.unanswered.insert(wish.partition, wish);
        self.maybe_send(epoch, ctx);
        Ok(())
    }

    fn maybe_send(&mut self, broker_epoch: BrokerEpoch, ctx: &mut Ctx<'_>) {
        if self.unanswered.is_empty() || self.is_backing_off || self.channel.is_busy() {
            return;
        }
        let partitions = self.unanswered.values().cloned().collect();
        let request = AlterPartitionRequest { broker: self.broker, broker_epoch, partitions };
        self.channel.send(Request::AlterPartition(Box::new(request)), ctx);
    }

    /// The pause after a refusal is over.
    pub fn on_backoff_elapsed(&mut self, epoch: BrokerEpoch, ctx: &mut Ctx<'_>) {
        self.is_backing_off = false;
        self.maybe_send(epoch, ctx);
    }

    /// Hands the answers on and sends what has gathered meanwhile. A refusal as a whole answers nothing.
    pub fn on_answer(
        &mut self,
        answer: Answer,
        epoch: BrokerEpoch,
        ctx: &mut Ctx<'_>,
    ) -> Vec<IsrAnswer> {
        let response = match answer {
            Answer::Response(Response::AlterPartition(response)) => acceptable(*response),
            Answer::Response(_) | Answer::TimedOut => None,
        };
        let Some(response) = response else {
            self.is_backing_off = true;
            set_timer(RETRY_BACKOFF, ControlPlaneTimer::SendAlterPartition, ctx);
            return Vec::new();
        };
        let answers = self.pair(response);
        self.maybe_send(epoch, ctx);
        answers
    }

    fn pair(&mut self, response: AlterPartitionResponse) -> Vec<IsrAnswer> {
        let paired = |(partition, answer)| {
            Some(IsrAnswer { wish: self.unanswered.remove(&partition)?, answer })
        };
        response.partitions.into_iter().filter_map(paired).collect()
    }
}

/// `None` if the request has to be sent again: its sender was not known, or the controller not up to date, which any
/// partition may reveal.
fn acceptable(response: AlterPartitionResponse) -> Option<AlterPartitionResponse> {
    let is_behind =
        response.partitions.iter().any(|(_, answer)| *answer == Err(ErrorCode::NotController));
    (response.error == ErrorCode::None && !is_behind).then_some(response)
}
