//! What the nodes stand on when nothing goes wrong: the network and the disks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Duration;

/// The network between all nodes. Each directed link draws its own latency, so no two are alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Network {
    /// The least one-way latency of a link.
    pub latency_min: Duration,
    /// The greatest permanent one-way latency of a link; each link's is drawn once, from the least to this.
    pub latency_max: Duration,
    /// The mean of what is added anew to each message.
    pub jitter: Duration,
    /// The greatest extra latency of a rare slow message.
    pub tail: Duration,
    /// How many messages in a million are such slow ones.
    pub tail_per_million: u32,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            latency_min: Duration::from_micros(100),
            latency_max: Duration::from_millis(1),
            jitter: Duration::from_micros(100),
            tail: Duration::from_millis(50),
            tail_per_million: 1_000,
        }
    }
}

/// The disk of every broker and controller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Disk {
    /// How long a flush takes.
    pub flush_time: Duration,
    /// How old written data is when the operating system makes it durable by itself.
    pub write_back: Duration,
}

impl Default for Disk {
    fn default() -> Self {
        Self { flush_time: Duration::from_millis(2), write_back: Duration::from_secs(5) }
    }
}
