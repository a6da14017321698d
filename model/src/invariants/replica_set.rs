//! A set of a partition's replicas, by their place in its assignment.

/// At most 32 replicas, as bits.
#[derive(Copy, Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct ReplicaSet(u32);

impl ReplicaSet {
    /// Most replicas a partition may have here.
    pub(super) const MAX: usize = 32;

    pub(super) fn of(slot: usize) -> Self {
        ReplicaSet(1 << slot)
    }

    pub(super) fn contains(self, slot: usize) -> bool {
        self.0 >> slot & 1 == 1
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    pub(super) fn with(self, slot: usize) -> Self {
        self | ReplicaSet::of(slot)
    }

    pub(super) fn without(self, other: ReplicaSet) -> Self {
        ReplicaSet(self.0 & !other.0)
    }

    /// The places, ascending.
    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let slot = left.trailing_zeros() as usize;
            (left != 0).then(|| {
                left &= left - 1;
                slot
            })
        })
    }
}

impl std::ops::BitOr for ReplicaSet {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        ReplicaSet(self.0 | other.0)
    }
}

impl std::ops::BitAnd for ReplicaSet {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        ReplicaSet(self.0 & other.0)
    }
}

impl FromIterator<usize> for ReplicaSet {
    fn from_iter<I: IntoIterator<Item = usize>>(slots: I) -> Self {
        slots.into_iter().fold(ReplicaSet::default(), ReplicaSet::with)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_lists_its_members_ascending() {
        let set: ReplicaSet = [31, 0, 5].into_iter().collect();
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 5, 31]);
        assert_eq!(set.without(ReplicaSet::of(5)).iter().collect::<Vec<_>>(), [0, 31]);
        assert_eq!(set.len(), 3);
    }
}
