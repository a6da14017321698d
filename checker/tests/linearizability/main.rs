//! The linearizability engine against what linearizability means: all orders on tiny histories, the sweep of a log with
//! offsets on larger ones, and histories that are hard to search.

mod agreement;
mod files;
mod generator;
mod hard;
mod oracle;
#[path = "../generated/random.rs"]
mod random;
mod stories;
mod sweep;
