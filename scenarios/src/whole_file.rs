//! Files that are written whole or not at all.
//!
//! What is being written is called `NAME.unfinished` until it is whole. It is removed when writing fails; what a killed process
//! leaves is overwritten by the next one that writes `NAME`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Writes the file by `write`: whoever reads it finds all of it, or what was there before. What is no file and so cannot be
/// replaced, a device, a pipe or a link, is written into.
///
/// # Errors
/// Those of `write`, and when the file cannot be written.
pub fn write_whole<T, E: From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
    if !is_replaceable(path) {
        return fill(File::create(path)?, write);
    }
    let unfinished = unfinished(path);
    let written = fill(File::create(&unfinished)?, write)
        .and_then(|written| Ok(fs::rename(&unfinished, path).map(|()| written)?));
    if written.is_err() {
        // If this fails as well, the first error is the one to tell.
        let _ = fs::remove_file(&unfinished);
    }
    written
}

fn is_replaceable(path: &Path) -> bool {
    path.symlink_metadata().map_or(true, |there| there.is_file() || there.is_dir())
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

fn fill<T, E: From<io::Error>>(
    file: File,
    write: impl FnOnce(&mut BufWriter<File>) -> Result<T, E>,
) -> Result<T, E> {
    let mut out = BufWriter::new(file);
    let written = write(&mut out)?;
    out.flush()?;
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> =
            entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_when_it_is_whole_and_kept_when_writing_fails() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("check.json");
        fs::write(folder.path().join("check.json.unfinished"), "of a killed process").unwrap();
        write_whole(&path, |out| out.write_all(b"first")).expect("a file");
        let failed = write_whole(&path, |out| {
            out.write_all(b"second")?;
            Err::<(), _>(io::Error::other("no more"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "no more");
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(names(folder.path()), ["check.json"]);
    }

    #[test]
    fn a_folder_is_no_file_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("results")).unwrap();
        let written = write_whole(&folder.path().join("results"), |out| out.write_all(b"all"));
        assert!(written.is_err());
        assert_eq!(names(folder.path()), ["results"]);
    }

    #[cfg(unix)]
    #[test]
    fn what_a_link_points_to_is_written_and_the_link_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let [file, link] = ["file", "link"].map(|name| folder.path().join(name));
        fs::write(&file, "what was there").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write_whole(&link, |out| out.write_all(b"all")).expect("a file");
        assert_eq!(fs::read_to_string(&file).unwrap(), "all");
        assert!(link.is_symlink());
    }
}
