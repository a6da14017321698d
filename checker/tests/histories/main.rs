//! Hand-made histories, recorded as a program records them, named by what they show. Those that are worth a file are in
//! `tests/guide`: one of each anomaly, and what looks like it.

mod anti_dependencies;
mod availability;
mod committed;
mod delivery;
mod dumps;
mod durability;
mod exactly_once;
mod excuses;
mod files;
mod isolation;
mod order;
mod outputs;
mod ownership;
mod real_time;
mod script;
mod transactions;
