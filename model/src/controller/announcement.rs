//! What the world outside is told of a metadata record once it is committed.

use crate::ids::TopicPartition;
use crate::metadata::{BrokerState, MetadataRecord, PartitionState};
use crate::note::Note;
use crate::probe::Probe;

use super::partition_change_builder::Elected;

/// A note and a rare thing that wait for a record to be committed.
#[derive(Clone, Debug)]
pub struct Announcement {
    /// Always told.
    pub note: Note,
    /// Told if the record is new, not read back after a restart.
    pub probe: Option<Probe>,
}

impl Announcement {
    /// Of a record about a broker, or about a partition whose state was `before`.
    pub fn new(record: &MetadataRecord, before: Option<&PartitionState>) -> Self {
        match record {
            MetadataRecord::RegisterBroker {
                broker,
                incarnation,
                broker_epoch,
                unclean_shutdown,
            } => Announcement {
                note: Note::BrokerRegistered {
                    broker: *broker,
                    incarnation: *incarnation,
                    broker_epoch: *broker_epoch,
                    unclean: *unclean_shutdown,
                },
                probe: unclean_shutdown.then_some(Probe::BrokerRestartedUncleanly),
            },
            MetadataRecord::BrokerChange { broker, state, .. } => Announcement {
                note: Note::BrokerChanged { broker: *broker, state: *state },
                probe: match state {
                    BrokerState::Fenced => Some(Probe::BrokerFenced),
                    BrokerState::InControlledShutdown => Some(Probe::ControlledShutdown),
                    BrokerState::Active => None,
                },
            },
            MetadataRecord::Partition(partition, state) => of_partition(*partition, state, before),
        }
    }
}

fn of_partition(
    partition: TopicPartition,
    state: &PartitionState,
    before: Option<&PartitionState>,
) -> Announcement {
    let elected = before.map_or(Elected::Unchanged, |before| Elected::between(before, state));
    Announcement {
        note: Note::PartitionChanged { partition, state: Box::new(state.clone()), elected },
        probe: match elected {
            Elected::Unchanged => None,
            Elected::Nobody => Some(Probe::LeaderlessPartition),
            Elected::FromIsr => Some(Probe::CleanElection),
            Elected::FromElr => Some(Probe::ElectedFromElr),
            Elected::LastKnownLeader => Some(Probe::LastKnownLeaderElected),
            Elected::Uncleanly => Some(Probe::UncleanElection),
        },
    }
}
