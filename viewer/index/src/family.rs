// SPDX-License-Identifier: Apache-2.0
//! Which captures are of processes of one program: recorders name a forked child's capture after its parent's and the child's
//! number (`out.bin`, `out.bin.4711`), which its header has too. [`children_of`] finds them.

use crate::source::recognise;
use memray_format::Header;
use std::path::{Path, PathBuf};

/// Whether the second is a child process that the first forked: by its name and by its header, and not before the first
/// began. The first need not be there.
pub fn is_child(parent: &Path, child: &Path) -> bool {
    let Some(pid) = number_of_child(parent, child) else { return false };
    let Ok(Some(header)) = recognise(child) else { return false };
    // An earlier run's children stay where a later one's capture takes the place of their parent's.
    let started_later = |parent: Option<Header>| parent.is_none_or(|it| header.start_time_ms >= it.start_time_ms);
    header.pid == pid && recognise(parent).map_or(true, started_later)
}

/// The captures beside a process's that are of those that it forked, in order of their names. Reads the folder.
pub fn children_of(parent: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(parent.parent().filter(|f| *f != Path::new("")).unwrap_or(Path::new(".")))
    else {
        return Vec::new();
    };
    let paths = entries.filter_map(|entry| Some(parent.with_file_name(entry.ok()?.file_name())));
    let mut children: Vec<PathBuf> = paths.filter(|path| is_child(parent, path)).collect();
    children.sort();
    children
}

/// Whether all are of one program: a process and its children, or children alone whose parent's capture is not among them.
pub fn are_one_family(files: &[PathBuf]) -> bool {
    let Some(first) = files.iter().min_by_key(|file| file.as_os_str().len()) else { return false };
    // The parent's name, of a child's: its numbers left out, of which there are two at most.
    let parents = std::iter::successors(Some(first.clone()), |path| {
        let is_number = |end: &std::ffi::OsStr| end.to_str().is_some_and(|end| end.parse::<u32>().is_ok());
        path.extension().is_some_and(is_number).then(|| path.with_extension(""))
    });
    let is_of = |parent: &Path| files.iter().all(|file| *file == parent || is_child(parent, file));
    files.len() > 1 && parents.take(3).any(|parent| is_of(&parent))
}

/// The number of the process that a child's capture is named after.
fn number_of_child(parent: &Path, child: &Path) -> Option<i32> {
    let [parent, child] = [parent, child].map(|path| path.as_os_str().as_encoded_bytes());
    let numbers = child.strip_prefix(parent)?.strip_prefix(b".")?;
    // Where a file of that name was there already, another number follows.
    std::str::from_utf8(numbers.split(|&byte| byte == b'.').next()?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/captures/v13-py3.11").join(name)
    }

    const CHILDREN: [&str; 3] = ["forks.bin.20614", "forks.bin.20616", "forks.bin.20619"];

    #[test]
    fn children_are_found_beside_their_parent_and_nothing_else_is() {
        assert_eq!(children_of(&capture("forks.bin")), CHILDREN.map(capture));
        assert_eq!(children_of(&capture("items.bin")), [] as [PathBuf; 0]);
        assert_eq!(children_of(Path::new("/nowhere/out.bin")), [] as [PathBuf; 0]);
        let folder = tempfile::tempdir().unwrap();
        let parent = folder.path().join("out.bin");
        // A name alone does not make a child: neither of a capture of another process, nor of anything else.
        std::fs::copy(capture("items.bin"), folder.path().join("out.bin.7")).unwrap();
        std::fs::write(folder.path().join("out.bin.8"), "8").unwrap();
        std::fs::copy(capture(CHILDREN[0]), folder.path().join("out.bin.20614.2")).unwrap();
        assert_eq!(children_of(&parent), [folder.path().join("out.bin.20614.2")]);
        // Of a later run.
        std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../resources/sample/orders.bin"), &parent)
            .unwrap();
        assert_eq!(children_of(&parent), [] as [PathBuf; 0]);
    }

    #[test]
    fn a_family_is_one_in_any_order_and_without_the_parent() {
        let family = |names: &[&str]| are_one_family(&names.iter().map(|name| capture(name)).collect::<Vec<_>>());
        assert!(family(&[CHILDREN[2], "forks.bin", CHILDREN[0], CHILDREN[1]]) && family(&CHILDREN));
        assert!(!family(&["items.bin", "forks.bin", CHILDREN[0]]));
        assert!(!family(&["forks.bin"]) && !family(&[]));
    }
}
