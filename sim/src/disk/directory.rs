//! The names on a disk, and the changes to them that a power loss may undo.
//!
//! Creating, renaming and removing files is seen at once, but is durable only when the directory or the file is flushed,
//! or some time later by itself. Until then each change is kept with what undoing it needs. A change that is undone takes
//! every later change to the same names with it, and a change that is made durable every earlier one: so what is left
//! after a power loss is always a state that these names could have been in, while other names fare independently.

use std::collections::BTreeSet;
use std::fmt::Debug;

use super::file::File;
use super::write_back::WriteBack;
use crate::sorted_map::SortedMap;
use crate::time::Instant;

/// The files by name, and the changes to names that are not known to be durable, oldest first.
#[derive(Clone, Debug)]
pub(super) struct Directory<F, E> {
    pub(super) files: SortedMap<F, File<E>>,
    pending: Vec<Operation<F, E>>,
    next_number: u64,
}

/// A change to names that a power loss may undo.
#[derive(Clone, Debug)]
struct Operation<F, E> {
    number: u64,
    at: Instant,
    change: Change<F, E>,
}

/// What was changed, with what is needed to undo it.
#[derive(Clone, Debug)]
pub(super) enum Change<F, E> {
    /// A file began to exist.
    Create(F),
    /// A file's name went away; the file is still on the platter.
    Remove(F, File<E>),
    /// A file took another name, and that name's file, if any, went away.
    Rename { from: F, to: F, overwritten: Option<File<E>> },
    /// A file that had never been seen under a name of its own took the place of this one.
    Replace(F, Option<File<E>>),
}

impl<F: Copy + Ord, E> Change<F, E> {
    fn names(&self) -> impl Iterator<Item = F> + use<F, E> {
        let (name, other) = match self {
            Change::Create(name) | Change::Remove(name, _) | Change::Replace(name, _) => {
                (*name, None)
            }
            Change::Rename { from, to, .. } => (*from, Some(*to)),
        };
        std::iter::once(name).chain(other)
    }

    fn touches(&self, names: &BTreeSet<F>) -> bool {
        self.names().any(|name| names.contains(&name))
    }
}

impl<F: Copy + Ord + Debug, E: Clone> Directory<F, E> {
    pub(super) fn empty() -> Self {
        Directory { files: SortedMap::new(), pending: Vec::new(), next_number: 0 }
    }

    /// The number the next change will have: a flush that begins now covers those below it.
    pub(super) fn next_number(&self) -> u64 {
        self.next_number
    }

    /// Notes a change that has been made to `files`.
    pub(super) fn record(&mut self, at: Instant, change: Change<F, E>, write_back: &WriteBack) {
        self.forget_durable(at, write_back);
        self.pending.push(Operation { number: self.next_number, at, change });
        self.next_number += 1;
    }

    /// Makes every change below `number` durable.
    pub(super) fn flush_all(&mut self, number: u64) {
        self.pending.retain(|operation| operation.number >= number);
    }

    /// Makes every change to `name` below `number` durable, and the changes those rest upon.
    pub(super) fn flush_name(&mut self, name: F, number: u64) {
        let mut names = BTreeSet::from([name]);
        let mut kept = Vec::with_capacity(self.pending.len());
        for operation in self.pending.drain(..).rev() {
            if operation.number < number && operation.change.touches(&names) {
                names.extend(operation.change.names());
            } else {
                kept.push(operation);
            }
        }
        kept.reverse();
        self.pending = kept;
    }

    /// Undoes the changes that do not survive, newest first, and tells `undone` of each; the others are durable.
    /// `survives` is asked in order, with the instant at which write-back makes the change durable, about each change
    /// that is not already lost with an earlier one.
    pub(super) fn power_loss(
        &mut self,
        write_back: &WriteBack,
        survives: impl FnMut(Instant) -> bool,
        mut undone: impl FnMut(&Change<F, E>),
    ) {
        let mut lost = self.take_lost(write_back, survives);
        self.pending.clear();
        while let Some(operation) = lost.pop() {
            undone(&operation.change);
            self.undo(operation.change);
        }
    }

    /// Drops from `pending` what write-back has made durable by `now`, so that it does not grow without end.
    fn forget_durable(&mut self, now: Instant, write_back: &WriteBack) {
        self.pending = self.take_lost(write_back, |due| due <= now);
    }

    /// Takes out the changes that `survives` denies, and those that rest upon them.
    fn take_lost(
        &mut self,
        write_back: &WriteBack,
        mut survives: impl FnMut(Instant) -> bool,
    ) -> Vec<Operation<F, E>> {
        let mut lost_names = BTreeSet::new();
        let mut is_lost = |operation: &mut Operation<F, E>| {
            let due = write_back.due(operation.at, [u64::MAX, 0, operation.number]);
            let lost = operation.change.touches(&lost_names) || !survives(due);
            if lost {
                lost_names.extend(operation.change.names());
            }
            lost
        };
        self.pending.extract_if(.., &mut is_lost).collect()
    }

    fn undo(&mut self, change: Change<F, E>) {
        match change {
            Change::Create(name) => {
                self.files
                    .remove(&name)
                    .expect("a file whose creation is the last change to it exists");
            }
            Change::Remove(name, file) => {
                let there = self.files.insert(name, file);
                assert!(
                    there.is_none(),
                    "{name:?} was removed, then created, and only the removal undone"
                );
            }
            Change::Rename { from, to, overwritten } => {
                let file = self
                    .files
                    .remove(&to)
                    .expect("a file whose renaming is the last change to it exists");
                self.files.insert(from, file);
                self.restore(to, overwritten);
            }
            Change::Replace(name, overwritten) => {
                self.files
                    .remove(&name)
                    .expect("a file whose replacement is the last change to it exists");
                self.restore(name, overwritten);
            }
        }
    }

    fn restore(&mut self, name: F, file: Option<File<E>>) {
        if let Some(file) = file {
            self.files.insert(name, file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::DiskOptions;
    use crate::random::{Address, Purpose, Streams};

    fn write_back() -> WriteBack {
        let mut stream = Streams::new(1).stream(Address::new(Purpose::DiskDamage, 0));
        WriteBack::new(&DiskOptions::default(), &mut stream)
    }

    /// File 1 was created as `tmp` and renamed to `log`; file 2 was created as `tmp`; file 3 as `other`.
    fn directory() -> Directory<&'static str, ()> {
        let mut directory = Directory::empty();
        let write_back = write_back();
        let record = |directory: &mut Directory<_, _>, change| {
            directory.record(Instant::START, change, &write_back);
        };
        directory.files.insert("tmp", File::empty(1));
        record(&mut directory, Change::Create("tmp"));
        let file = directory.files.remove(&"tmp").unwrap();
        directory.files.insert("log", file);
        record(&mut directory, Change::Rename { from: "tmp", to: "log", overwritten: None });
        for (id, name) in [(2, "tmp"), (3, "other")] {
            directory.files.insert(name, File::empty(id));
            record(&mut directory, Change::Create(name));
        }
        directory
    }

    /// What is left when the changes for which `kept` is false, counted from 0, are denied.
    fn left(
        mut directory: Directory<&'static str, ()>,
        kept: impl Fn(usize) -> bool,
    ) -> Vec<(&'static str, u64)> {
        let mut asked = 0..;
        directory.power_loss(&write_back(), |_| asked.next().is_some_and(&kept), |_| ());
        directory.files.iter().map(|(&name, file)| (name, file.id)).collect()
    }

    #[test]
    fn a_lost_change_takes_later_changes_to_its_names_with_it_and_no_others() {
        assert_eq!(left(directory(), |_| true), [("log", 1), ("other", 3), ("tmp", 2)]);
        assert_eq!(left(directory(), |asked| asked != 2), [("log", 1), ("other", 3)]);
        assert_eq!(left(directory(), |asked| asked != 1), [("other", 3), ("tmp", 1)]);
        assert_eq!(left(directory(), |asked| asked != 0), [("other", 3)]);
        assert_eq!(left(directory(), |_| false), []);
    }

    #[test]
    fn flushing_a_name_makes_durable_what_its_changes_rest_upon_and_no_others() {
        let mut flushed = directory();
        flushed.flush_name("log", flushed.next_number());
        assert_eq!(left(flushed, |_| false), [("log", 1)]);
        let mut flushed = directory();
        flushed.flush_name("tmp", flushed.next_number());
        assert_eq!(left(flushed, |_| false), [("log", 1), ("tmp", 2)]);
        let mut flushed = directory();
        flushed.flush_name("log", 1);
        assert_eq!(left(flushed, |_| false), []);
    }

    #[test]
    fn flushing_the_directory_makes_every_earlier_change_durable() {
        let mut flushed = directory();
        flushed.flush_all(3);
        assert_eq!(left(flushed, |_| false), [("log", 1), ("tmp", 2)]);
    }

    #[test]
    fn a_change_that_write_back_made_durable_is_forgotten() {
        let mut directory = directory();
        directory.files.insert("late", File::empty(4));
        directory.record(Instant::NEVER, Change::Create("late"), &write_back());
        assert_eq!(left(directory, |_| false), [("log", 1), ("other", 3), ("tmp", 2)]);
    }
}
