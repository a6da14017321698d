//! Placeholder until this part lands.

use std::sync::Arc;

use ktrial_sim::actor::Event;

use crate::process::{Ctx, Process};

/// To come.
#[derive(Clone, Debug)]
pub struct Controller;

/// To come.
#[derive(Clone, Debug)]
pub struct ControllerSpec;

/// To come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ControllerTimer {}

impl Controller {
    /// To come.
    pub fn boot(_spec: &Arc<ControllerSpec>, _ctx: &mut Ctx<'_>) -> Self {
        Controller
    }

    /// To come.
    pub fn handle(&mut self, _event: Event<Process>, _ctx: &mut Ctx<'_>) {}
}
