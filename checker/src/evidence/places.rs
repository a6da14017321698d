//! Which offsets of a partition a history speaks of, numbered densely.

use super::sends::SlotIndex;
use crate::history::Offset;

/// The offsets of one partition that have a slot.
#[derive(Clone, Debug)]
pub(crate) enum Places {
    /// Every offset from `base` on, `len` of them.
    Dense {
        /// The first.
        base: i64,
        /// How many.
        len: usize,
    },
    /// Exactly these, rising: the offsets are too far apart for a slot each.
    Sparse(Vec<i64>),
}

impl Default for Places {
    fn default() -> Self {
        Places::Dense { base: 0, len: 0 }
    }
}

impl Places {
    pub(crate) fn len(&self) -> usize {
        match self {
            Places::Dense { len, .. } => *len,
            Places::Sparse(offsets) => offsets.len(),
        }
    }

    /// The slot of `offset`, which must be one the history speaks of.
    pub(crate) fn index(&self, offset: Offset) -> usize {
        match self {
            Places::Dense { base, .. } => (offset.0 - base) as usize,
            Places::Sparse(offsets) => offsets
                .binary_search(&offset.0)
                .expect("the survey saw every offset of the history"),
        }
    }

    /// The first slot at or above `offset`.
    pub(crate) fn at_or_above(&self, offset: Offset) -> usize {
        match self {
            Places::Dense { base, len } => {
                offset.0.saturating_sub(*base).clamp(0, *len as i64) as usize
            }
            Places::Sparse(offsets) => offsets.partition_point(|&place| place < offset.0),
        }
    }

    pub(crate) fn offset(&self, index: SlotIndex) -> Offset {
        Offset(match self {
            Places::Dense { base, .. } => base + index.get() as i64,
            Places::Sparse(offsets) => offsets[index.get()],
        })
    }
}

/// What has to be known of a partition's offsets before its slots are laid out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    min: i64,
    end: i64,
    mentions: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { min: i64::MAX, end: i64::MIN, mentions: 0 }
    }
}

/// A slot per offset is wasteful when fewer than one offset in this many is mentioned.
const SPARSE_FACTOR: u64 = 16;
/// Below this many offsets, waste is no matter.
const DENSE_ALWAYS: u64 = 4096;

impl Bounds {
    /// Notes that the history speaks of the `len` offsets from `base` on.
    pub(crate) fn mention(&mut self, base: Offset, len: u32) {
        self.min = self.min.min(base.0);
        self.end = self.end.max(base.0 + i64::from(len));
        self.mentions += u64::from(len);
    }

    /// Lays out slots; `offsets` tells all mentioned offsets should they lie too far apart for one slot each.
    pub(crate) fn places(&self, offsets: impl FnOnce() -> Vec<i64>) -> Places {
        if self.mentions == 0 {
            return Places::default();
        }
        let width = self.end.abs_diff(self.min);
        if width > DENSE_ALWAYS.max(self.mentions.saturating_mul(SPARSE_FACTOR)) {
            return Places::Sparse(sorted(offsets()));
        }
        Places::Dense { base: self.min, len: width as usize }
    }
}

fn sorted(mut offsets: Vec<i64>) -> Vec<i64> {
    offsets.sort_unstable();
    offsets.dedup();
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn places(offsets: &[i64]) -> Places {
        let mut bounds = Bounds::default();
        offsets.iter().for_each(|&offset| bounds.mention(Offset(offset), 1));
        bounds.places(|| offsets.to_vec())
    }

    #[test]
    fn offsets_far_apart_take_a_slot_each() {
        assert_eq!(places(&[7, 1_000_000_000_000]).len(), 2);
        assert_eq!(places(&[7, 9]).len(), 3);
    }

    proptest! {
        #[test]
        fn both_layouts_answer_alike(offsets in proptest::collection::btree_set(0_i64..3000, 1..50), probe in -5_i64..3005) {
            let offsets: Vec<i64> = offsets.into_iter().collect();
            let (dense, sparse) = (places(&offsets), Places::Sparse(offsets.clone()));
            prop_assert_eq!(dense.len() as i64, offsets[offsets.len() - 1] - offsets[0] + 1);
            for &offset in &offsets {
                for places in [&dense, &sparse] {
                    let index = SlotIndex::new(places.index(Offset(offset)));
                    prop_assert_eq!(places.offset(index), Offset(offset));
                }
            }
            let mentioned_below = offsets.iter().filter(|&&offset| offset < probe).count();
            prop_assert_eq!(sparse.at_or_above(Offset(probe)), mentioned_below);
            let dense_below = (offsets[0]..=offsets[offsets.len() - 1]).filter(|&offset| offset < probe).count();
            prop_assert_eq!(dense.at_or_above(Offset(probe)), dense_below);
        }
    }
}
