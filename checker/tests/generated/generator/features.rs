//! What happens in a history besides clients that send, read and commit.

use super::super::random::Random;

/// Something that does not happen in every history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// Control records take offsets.
    ControlRecords,
    /// Records are deleted from a log's beginning.
    Retention,
    /// Of records with one message key, all but the last may vanish.
    Compaction,
    /// What a producer or a member gave up on arrives after all.
    Strays,
    /// Leaders change, and their high watermarks lag behind.
    Elections,
    /// Members subscribe; a rebalance takes everything from all of them and gives it anew.
    EagerRebalances,
    /// Members subscribe; a rebalance moves what has to move.
    CooperativeRebalances,
    /// Members fall asleep and go on without knowing that others have their partitions.
    Sleepers,
    /// Members die while they wait for a commit.
    Deaths,
    /// Members seek back.
    Rewinds,
    /// Nobody tells what is processed.
    SilentProcessing,
    /// Every process has a clock of its own.
    Clocks,
    /// Another group reads beside, and tells nothing of what it processes.
    SilentBystander,
}

impl Feature {
    #[allow(dead_code, reason = "benches name theirs")]
    pub const ALL: [Feature; 13] = [
        Feature::ControlRecords,
        Feature::Retention,
        Feature::Compaction,
        Feature::Strays,
        Feature::Elections,
        Feature::EagerRebalances,
        Feature::CooperativeRebalances,
        Feature::Sleepers,
        Feature::Deaths,
        Feature::Rewinds,
        Feature::SilentProcessing,
        Feature::Clocks,
        Feature::SilentBystander,
    ];
}

/// A set of features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features(u32);

impl Features {
    /// What any log has.
    #[allow(dead_code, reason = "the laws draw theirs")]
    pub const PLAIN: Features = Features(1 << Feature::ControlRecords as u32);

    #[allow(dead_code, reason = "the laws draw theirs")]
    pub const NONE: Features = Features(0);

    /// Just this.
    #[allow(dead_code, reason = "benches have what any log has")]
    pub fn only(feature: Feature) -> Features {
        Features(1 << feature as u32)
    }

    /// One alone, or none, or few, or half of them.
    #[allow(dead_code, reason = "benches have what any log has")]
    pub fn drawn(random: &mut Random) -> Features {
        let alone = random.below(Feature::ALL.len() + 1);
        let chance = match random.below(4) {
            0 => {
                return Features(Feature::ALL.get(alone).map_or(0, |&feature| 1 << feature as u32));
            }
            1 => 20,
            _ => 50,
        };
        let drawn = Feature::ALL.into_iter().filter(|_| random.percent(chance));
        Features(drawn.map(|feature| 1 << feature as u32).sum())
    }

    pub fn has(self, feature: Feature) -> bool {
        self.0 >> feature as u32 & 1 == 1
    }
}
