//! Hand-made histories, one per anomaly and per legitimate look-alike, named by what they show.

mod delivery;
mod durability;
mod files;
mod order;
mod script;
mod transactions;
