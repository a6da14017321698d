//! Hand-made histories, one per anomaly and per legitimate look-alike, named by what they show.

mod availability;
mod committed;
mod delivery;
mod durability;
mod exactly_once;
mod excuses;
mod files;
mod isolation;
mod order;
mod ownership;
mod real_time;
mod script;
mod transactions;
