//! JSON Schemas (2020-12) of everything that ktrial reads and writes.

use ktrial_checker::klog;
use ktrial_sim::fault::FaultPlan;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use crate::bundle::Bundle;
use crate::campaign::Summary;
use crate::format::Scenario;

/// The schema of a scenario file, TOML read as JSON.
#[must_use]
pub fn scenario() -> Schema {
    of::<Scenario>()
}

/// The schema of a bundle.
#[must_use]
pub fn bundle() -> Schema {
    of::<Bundle>()
}

/// The schema of a summary.
#[must_use]
pub fn summary() -> Schema {
    of::<Summary>()
}

/// The schema of a fault plan.
#[must_use]
pub fn plan() -> Schema {
    of::<FaultPlan>()
}

/// The schema of a line of a history.
///
/// # Panics
/// Never: the schema is part of the program.
#[must_use]
pub fn history() -> Schema {
    serde_json::from_str(klog::SCHEMA).expect("the schema of klog/1 is one")
}

/// The schema of anything else that is written as JSON.
#[must_use]
pub fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>()
}
