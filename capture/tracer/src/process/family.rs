// SPDX-License-Identifier: Apache-2.0
//! [`Family`]: how the captures of one recording are named. The first is called as the user wants, those of child processes
//! after it: memray's rule, except that none is ever replaced.

use crate::file::FileError;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How often a process's number is tried, with 2, 3 … behind it, where there are captures of it already.
const TRIES: u32 = 10_000;

/// The processes that are recorded together, by the path of the first one's capture.
pub(super) struct Family {
    first: PathBuf,
}

impl Family {
    /// That of a process which is recorded first. What ends in its number, as `out.bin.4711`, has it replaced in the names
    /// of its children.
    pub(super) fn begun_by(pid: u32, path: PathBuf) -> Self {
        let name = path.file_name().unwrap_or_default().as_bytes();
        match name.strip_suffix(format!(".{pid}").as_bytes()) {
            Some(stem) => Self { first: path.with_file_name(OsStr::from_bytes(stem)) },
            None => Self { first: path },
        }
    }

    /// That of a child, which was told the first one's path.
    pub(super) fn joined(first: PathBuf) -> Self {
        Self { first }
    }

    /// What children are told.
    pub(super) fn first(&self) -> &Path {
        &self.first
    }

    /// Creates the capture of a child: `out.bin.4711`; or, as numbers are used again and a process may execute another
    /// program, `out.bin.4711.2` and so on.
    pub(super) fn create<T>(
        &self,
        pid: u32,
        mut create: impl FnMut(&Path) -> Result<T, FileError>,
    ) -> Result<(PathBuf, T), FileError> {
        let mut result = Err(FileError::Exists(self.first.clone()));
        for nth in 1..=TRIES {
            let path = self.child(pid, nth);
            result = create(&path).map(|created| (path, created));
            if !matches!(result, Err(FileError::Exists(_))) {
                break;
            }
        }
        result
    }

    fn child(&self, pid: u32, nth: u32) -> PathBuf {
        let mut path = OsString::from(&self.first);
        path.push(format!(".{pid}"));
        if nth > 1 {
            path.push(format!(".{nth}"));
        }
        path.into()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io;

    #[test]
    fn a_childs_number_is_added_or_replaces_the_first_ones() {
        let name = |name: &str| Family::begun_by(41, Path::new("/tmp").join(name)).child(47, 1);
        assert_eq!(name("out.bin"), Path::new("/tmp/out.bin.47"));
        assert_eq!(name("out.bin.41"), Path::new("/tmp/out.bin.47"));
        assert_eq!(name("memray-f.py.41.bin"), Path::new("/tmp/memray-f.py.41.bin.47"));
        assert_eq!(Family::joined("/tmp/out.bin.41".into()).child(41, 1), Path::new("/tmp/out.bin.41.41"));
    }

    fn create(path: &Path) -> Result<File, FileError> {
        File::create_new(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => FileError::Exists(path.to_owned()),
            _ => FileError::Create { path: path.to_owned(), source: error },
        })
    }

    #[test]
    fn a_number_that_is_used_again_replaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let family = Family::joined(folder.path().join("out.bin"));
        let created = |pid| family.create(pid, create).unwrap().0.strip_prefix(folder.path()).unwrap().to_owned();
        assert_eq!(created(7), Path::new("out.bin.7"));
        assert_eq!(created(7), Path::new("out.bin.7.2"));
        assert_eq!(created(8), Path::new("out.bin.8"));
        std::fs::remove_file(folder.path().join("out.bin.7")).unwrap();
        std::fs::write(folder.path().join("out.bin.7.3"), "there").unwrap();
        assert_eq!(created(7), Path::new("out.bin.7"));
        assert_eq!(created(7), Path::new("out.bin.7.4"));
        assert_eq!(std::fs::read(folder.path().join("out.bin.7.3")).unwrap(), b"there");
    }

    #[test]
    fn another_error_ends_the_search() {
        let family = Family::joined("/none/out.bin".into());
        let mut tries = 0;
        let result = family.create(7, |path| {
            tries += 1;
            create(path)
        });
        assert!(matches!(result, Err(FileError::Create { .. })) && tries == 1);
    }
}
