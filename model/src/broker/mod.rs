//! Placeholder until this part lands.

pub mod group_coordinator;
pub mod partition;

use std::sync::Arc;

use ktrial_sim::actor::Event;

use crate::process::{Ctx, Process};

pub mod alter_partition_manager;
pub mod control_plane;
pub mod controller_channel;
pub mod lifecycle;
pub mod metadata_cache;
pub mod metadata_fetcher;

use control_plane::ControlPlaneTimer;

/// To come.
#[derive(Clone, Debug)]
pub struct Broker;

/// To come.
#[derive(Clone, Debug)]
pub struct BrokerSpec;

/// To come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BrokerTimer {
    /// The control plane's.
    ControlPlane(ControlPlaneTimer),
}

impl Broker {
    /// To come.
    pub fn boot(_spec: &Arc<BrokerSpec>, _ctx: &mut Ctx<'_>) -> Self {
        Broker
    }

    /// To come.
    pub fn handle(&mut self, _event: Event<Process>, _ctx: &mut Ctx<'_>) {}
}
