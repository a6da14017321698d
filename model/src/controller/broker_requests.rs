//! How a broker comes, lives and goes: registration, heartbeats, fencing (B1, B3, B4; `ControllerApis`,
//! `ClusterControlManager.registerBroker`, `ReplicationControlManager.processBrokerHeartbeat`).

use super::Controller;
use super::heartbeat::NextState;
use super::registration::{Registration, RegistrationOutcome};
use crate::error_code::ErrorCode;
use crate::ids::BrokerEpoch;
use crate::message::{
    BrokerHeartbeatRequest, BrokerHeartbeatResponse, BrokerRegistrationRequest, Response,
};
use crate::metadata::{BrokerState, MetadataRecord};
use crate::mutant::Mutant;
use crate::probe::Probe;
use crate::process::Ctx;

impl Controller {
    /// B1: registers a new incarnation, if the one before it has no session left.
    pub(super) fn register(
        &mut self,
        request: &BrokerRegistrationRequest,
        ctx: &mut Ctx<'_>,
    ) -> Response {
        let has_valid_session =
            self.cluster_control.registration(request.broker).is_some_and(|registration| {
                self.sessions.has_valid_session(request.broker, registration, ctx.now())
            });
        match self.cluster_control.judge(request, has_valid_session) {
            RegistrationOutcome::Duplicate => {
                ctx.probe(Probe::DuplicateRegistration);
                Response::BrokerRegistration(Err(ErrorCode::DuplicateBrokerRegistration))
            }
            RegistrationOutcome::Known(epoch) => Response::BrokerRegistration(Ok(epoch)),
            RegistrationOutcome::New { unclean_shutdown } => {
                let epoch = self.register_incarnation(request, unclean_shutdown, ctx);
                Response::BrokerRegistration(Ok(epoch))
            }
        }
    }

    fn register_incarnation(
        &mut self,
        request: &BrokerRegistrationRequest,
        unclean_shutdown: bool,
        ctx: &mut Ctx<'_>,
    ) -> BrokerEpoch {
        let broker = request.broker;
        let mut records = if self.spec.cluster.mutation.is(Mutant::KeepUncleanBrokerInIsr) {
            Vec::new()
        } else {
            self.replication.broker_restarted(broker, unclean_shutdown, &self.cluster_control)
        };
        let broker_epoch = BrokerEpoch(self.log.end_offset().0 + records.len() as u64);
        let incarnation = request.incarnation;
        records.push(MetadataRecord::RegisterBroker {
            broker,
            incarnation,
            broker_epoch,
            unclean_shutdown,
        });
        self.write(records, ctx);
        self.sessions.begin(broker, ctx.now());
        broker_epoch
    }

    /// B3, B4: a sign of life, and perhaps a new state.
    pub(super) fn heartbeat(
        &mut self,
        request: &BrokerHeartbeatRequest,
        ctx: &mut Ctx<'_>,
    ) -> BrokerHeartbeatResponse {
        let registration =
            match self.cluster_control.check_broker_epoch(request.broker, request.broker_epoch) {
                Ok(registration) => registration,
                Err(error) => return refused_heartbeat(error),
            };
        let leads_any = self.replication.leads_any(request.broker);
        let next =
            self.sessions.next_state(request, &registration, &self.cluster_control, leads_any);
        let records = self.follow(next, request, &registration);
        self.write(records, ctx);
        let state = match next {
            NextState::Stay(state) | NextState::Become(state) => state,
            NextState::ShutdownNow => BrokerState::Fenced,
        };
        let is_fenced = state == BrokerState::Fenced;
        self.sessions.touch(request.broker, ctx.now(), is_fenced, request.metadata_offset);
        if state == BrokerState::InControlledShutdown {
            self.sessions.enter_controlled_shutdown(request.broker, self.log.end_offset());
        }
        BrokerHeartbeatResponse {
            error: ErrorCode::None,
            is_caught_up: registration.is_before(request.metadata_offset),
            is_fenced,
            should_shut_down: next == NextState::ShutdownNow,
        }
    }

    /// The records that bring a broker to its next state.
    fn follow(
        &self,
        next: NextState,
        request: &BrokerHeartbeatRequest,
        registration: &Registration,
    ) -> Vec<MetadataRecord> {
        let (broker, cluster) = (request.broker, &self.cluster_control);
        match next {
            NextState::Stay(_) => Vec::new(),
            NextState::ShutdownNow if registration.state == BrokerState::Fenced => Vec::new(),
            NextState::ShutdownNow | NextState::Become(BrokerState::Fenced) => {
                self.replication.broker_fenced(broker, registration, cluster)
            }
            NextState::Become(BrokerState::Active) => {
                self.replication.broker_unfenced(broker, registration, cluster)
            }
            NextState::Become(BrokerState::InControlledShutdown) => {
                self.replication.broker_in_controlled_shutdown(broker, registration, cluster)
            }
        }
    }

    /// One at a time, so that the next one is fenced with the effect of this one in view.
    pub(super) fn fence_stale_broker(&mut self, ctx: &mut Ctx<'_>) {
        let stale = self.sessions.stale_broker(&self.cluster_control, ctx.now());
        let registered =
            stale.and_then(|broker| Some((broker, *self.cluster_control.registration(broker)?)));
        if let Some((broker, registration)) = registered {
            let records =
                self.replication.broker_fenced(broker, &registration, &self.cluster_control);
            self.write(records, ctx);
        }
    }
}

fn refused_heartbeat(error: ErrorCode) -> BrokerHeartbeatResponse {
    BrokerHeartbeatResponse { error, is_caught_up: false, is_fenced: true, should_shut_down: false }
}
