// SPDX-License-Identifier: Apache-2.0
//! Where the sources that a capture names are on this machine: [`SourceFolders`].

use std::path::{Component, Path, PathBuf};

/// Of a path no more than so many last parts are looked for elsewhere.
const MOST_PARTS: usize = 24;

/// What stands between two folders, as in `PATH`.
pub const SEPARATOR: &str = if cfg!(windows) { ";" } else { ":" };

/// Folders to look for sources in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceFolders {
    /// What relative paths may be relative to.
    beside: Vec<PathBuf>,
    /// Where sources may lie that are not where the capture says: checkouts of the program on this machine.
    moved: Vec<PathBuf>,
    /// As the user named them.
    named: String,
}

impl SourceFolders {
    /// Folders that relative paths may be relative to.
    pub fn beside(folders: Vec<PathBuf>) -> Self {
        Self { beside: folders, ..Self::default() }
    }

    /// For captures: what they name may lie beside one of them, or where this program runs.
    pub fn of_captures<'a>(captures: impl IntoIterator<Item = &'a Path>) -> Self {
        let absolute = captures.into_iter().filter_map(|path| std::path::absolute(path).ok());
        let folders = absolute.filter_map(|path| path.parent().map(Path::to_owned));
        Self::beside(folders.chain(std::env::current_dir()).collect())
    }

    /// Also those that the user named, separated as in `PATH`; others that were named before are forgotten.
    pub fn look_in(&mut self, named: &str) {
        if self.named == named {
            return;
        }
        self.named = named.to_owned();
        let folders = named.split(SEPARATOR).map(str::trim).filter(|folder| !folder.is_empty()).map(PathBuf::from);
        // A relative one would be of the folder that this program happens to run in.
        self.moved = folders.filter(|folder| folder.is_absolute()).collect();
    }

    /// The file that a capture names: where it says, if anything is there; else the one with the longest end of its path in
    /// common in a folder that the user named. Asks the file system.
    pub fn find(&self, file: &Path) -> Option<PathBuf> {
        if file.is_absolute() && file.exists() {
            return Some(file.to_owned());
        }
        let beside = self.beside.iter().filter(|_| !file.is_absolute()).map(|folder| folder.join(file));
        let parts: Vec<Component<'_>> = file.components().filter(|part| matches!(part, Component::Normal(_))).collect();
        let ends =
            (parts.len().saturating_sub(MOST_PARTS)..parts.len()).map(|from| parts[from..].iter().collect::<PathBuf>());
        let moved = ends.flat_map(|end| self.moved.iter().map(move |folder| folder.join(&end)));
        beside.chain(moved).find(|path| path.is_absolute() && path.is_file())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_moved_is_found_by_the_longest_end_of_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in ["checkout/shop/cache.py", "checkout/cache.py", "other/cache.py", "beside/run.py"] {
            std::fs::create_dir_all(at(path).parent().unwrap()).unwrap();
            std::fs::write(at(path), "x").unwrap();
        }
        let mut folders = SourceFolders::beside(vec![at("beside")]);
        let cache = Path::new("/srv/app/shop/cache.py");
        assert_eq!(folders.find(cache), None);
        folders.look_in(&format!(
            "relative{SEPARATOR} {}{SEPARATOR}{}",
            at("other").display(),
            at("checkout").display()
        ));
        assert_eq!(folders.find(cache), Some(at("checkout/shop/cache.py")));
        assert_eq!(folders.find(Path::new("/srv/other/cache.py")), Some(at("other/cache.py")), "the first folder");
        assert_eq!(folders.find(Path::new("run.py")), Some(at("beside/run.py")));
        assert_eq!(folders.find(&at("other/cache.py")), Some(at("other/cache.py")));
        assert_eq!(folders.find(Path::new("/srv/../etc/../none.py")), None);
        assert_eq!(folders.find(Path::new("<string>")), None);
        folders.look_in("");
        assert_eq!(folders.find(cache), None);
    }
}
