//! What becomes of the medium itself: sectors that rot, and the loss of all of it.

use std::fmt::Debug;

use super::Disk;
use super::directory::Directory;
use super::image::Damage;
use crate::random::Stream;

impl<F: Copy + Ord + Debug, E: Clone> Disk<F, E> {
    /// A sector rots under one flushed, intact entry of the files that `may_rot` admits, each entry equally likely. From
    /// now on it reads as [`Entry::Corrupt`](super::Entry::Corrupt). Returns its file and index, or `None` if there is no such entry.
    pub fn rot(
        &mut self,
        stream: &mut Stream,
        mut may_rot: impl FnMut(F) -> bool,
    ) -> Option<(F, usize)> {
        let sealed: Vec<(F, usize)> = self
            .files()
            .filter(|&(name, _)| may_rot(name))
            .flat_map(|(name, file)| file.flushed_intact().map(move |index| (name, index)))
            .collect();
        let &(name, index) = stream.choose(&sealed)?;
        assert!(self.corrupt(name, index), "an intact entry can rot");
        Some((name, index))
    }

    /// Makes entry `index` of `name` read as [`Entry::Corrupt`](super::Entry::Corrupt) from now on. False if it is not there or not intact.
    pub fn corrupt(&mut self, name: F, index: usize) -> bool {
        let Some(file) = self.directory.files.get_mut(&name) else { return false };
        let is_intact = file.intact(index).is_some();
        if is_intact {
            file.image.damage.insert(index, Damage::Corrupt);
        }
        is_intact
    }

    /// The disk is replaced by an empty one; flushes under way are void.
    pub fn lose(&mut self) {
        self.directory = Directory::empty();
        self.used_bytes = 0;
        self.boots += 1;
    }
}
