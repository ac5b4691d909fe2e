// SPDX-License-Identifier: Apache-2.0
//! Which module a file belongs to, and whether it is the program's own code.
//!
//! From version 13 a capture says where its interpreter keeps modules, and memray's rule is followed to the letter
//! (its `reporters/module_tools.py`): installed packages first, then the standard library, then `sys.path`, else the
//! file's stem. Before version 13 the same is told from what follows the last `site-packages`, `dist-packages` or
//! `lib/pythonX.Y` in the path.

use memray_format::ModulePaths;

/// What a file is to the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The standard library, frozen modules included.
    StandardLibrary,
    /// An installed package.
    InstalledPackage,
    /// Anything else: the program's own.
    OwnCode,
}

/// A file's top-level module and origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileModule {
    /// The top-level module's or package's name; `<root>` for memray's own.
    pub(crate) top_level: Vec<u8>,
    /// What the file is to the program, by memray's rule.
    pub(crate) origin: Origin,
    /// Whether it is the program's own, and does not look like a library either.
    pub(crate) is_own_code: bool,
}

/// Classifies a file of the traced program.
pub(crate) fn classify(file: &[u8], paths: Option<&ModulePaths>) -> FileModule {
    if let Some(frozen) = file.strip_prefix(b"<frozen ") {
        let name = frozen.strip_suffix(b">").unwrap_or(frozen);
        let top_level = first_part(name, b'.').to_vec();
        return FileModule { top_level, origin: Origin::StandardLibrary, is_own_code: false };
    }
    if file.is_empty() {
        return FileModule { top_level: b"unknown".to_vec(), origin: Origin::OwnCode, is_own_code: true };
    }
    let (relative, origin) = match paths {
        Some(paths) => by_header(file, paths),
        None => by_shape(file),
    };
    let top_level = top_level_of(relative);
    let is_memray = top_level == b"memray";
    // A virtual environment's header names its own folders, not those of the interpreter that it was made from: memray takes
    // that interpreter's library for the program's, we do not.
    let is_own_code = origin == Origin::OwnCode && by_shape(file).1 == Origin::OwnCode;
    let top_level = if is_memray { b"<root>".to_vec() } else { top_level.to_vec() };
    FileModule { top_level, origin, is_own_code }
}

fn by_header<'a>(file: &'a [u8], paths: &ModulePaths) -> (&'a [u8], Origin) {
    for folder in &paths.site_packages {
        if let Some(rest) = below(file, folder) {
            return (rest, Origin::InstalledPackage);
        }
    }
    if let Some(rest) = below(file, &paths.standard_library) {
        return (rest, Origin::StandardLibrary);
    }
    for folder in &paths.sys_path {
        if let Some(rest) = below(file, folder) {
            return (rest, Origin::OwnCode);
        }
    }
    (file_name(file), Origin::OwnCode)
}

/// For captures that do not say where modules lie.
fn by_shape(file: &[u8]) -> (&[u8], Origin) {
    let parts: Vec<(usize, &[u8])> = parts_with_ends(file);
    for (i, &(end, part)) in parts.iter().enumerate().rev() {
        if end >= file.len() {
            continue;
        }
        if part == b"site-packages" || part == b"dist-packages" {
            return (&file[end + 1..], Origin::InstalledPackage);
        }
        let below_lib = i > 0 && (parts[i - 1].1 == b"lib" || parts[i - 1].1 == b"lib64");
        if below_lib && is_python_folder(part) {
            return (&file[end + 1..], Origin::StandardLibrary);
        }
    }
    (file_name(file), Origin::OwnCode)
}

/// `python3.11`, `python3.13t`.
fn is_python_folder(part: &[u8]) -> bool {
    let Some(version) = part.strip_prefix(b"python") else { return false };
    let version = version.strip_suffix(b"t").unwrap_or(version);
    let mut numbers = version.split(|&b| b == b'.');
    let is_number = |n: Option<&[u8]>| n.is_some_and(|n| !n.is_empty() && n.iter().all(u8::is_ascii_digit));
    is_number(numbers.next()) && is_number(numbers.next()) && numbers.next().is_none()
}

/// A path's parts, each with the offset at which it ends.
fn parts_with_ends(path: &[u8]) -> Vec<(usize, &[u8])> {
    let mut end = 0;
    path.split(|&b| b == b'/')
        .map(|part| {
            let this_end = end + part.len();
            end = this_end + 1;
            (this_end, part)
        })
        .collect()
}

/// What of `file` lies below `folder`; `None` where it does not, or where there is no folder.
fn below<'a>(file: &'a [u8], folder: &[u8]) -> Option<&'a [u8]> {
    let folder = folder.strip_suffix(b"/").unwrap_or(folder);
    if folder.is_empty() {
        return None;
    }
    file.strip_prefix(folder)?.strip_prefix(b"/").filter(|rest| !rest.is_empty())
}

fn file_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&b| b == b'/').next().unwrap_or(path)
}

fn first_part(path: &[u8], separator: u8) -> &[u8] {
    path.split(|&b| b == separator).next().unwrap_or(path)
}

/// The top-level name of a path relative to a folder of modules: `json/decoder.py` is `json`, `a.py` is `a`; what
/// follows a dot is a submodule.
fn top_level_of(relative: &[u8]) -> &[u8] {
    let first = first_part(relative, b'/');
    let stem = first.strip_suffix(b".py").unwrap_or(first);
    first_part(stem, b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(file: &str, paths: Option<&ModulePaths>) -> (String, Origin) {
        let found = classify(file.as_bytes(), paths);
        (String::from_utf8(found.top_level).unwrap(), found.origin)
    }

    #[test]
    fn header_paths_put_installed_packages_before_the_standard_library_around_them() {
        let paths = ModulePaths {
            standard_library: b"/opt/py/lib/python3.13".to_vec(),
            site_packages: vec![b"/opt/py/lib/python3.13/site-packages".to_vec()],
            sys_path: vec![b"/srv/app".to_vec(), b"/opt/py/lib/python3.13".to_vec()],
        };
        let at = |file| module(file, Some(&paths));
        assert_eq!(
            at("/opt/py/lib/python3.13/site-packages/numpy/core/a.py"),
            ("numpy".into(), Origin::InstalledPackage)
        );
        assert_eq!(at("/opt/py/lib/python3.13/json/decoder.py"), ("json".into(), Origin::StandardLibrary));
        assert_eq!(at("/srv/app/shop/cart.py"), ("shop".into(), Origin::OwnCode));
        assert_eq!(at("relative.py"), ("relative".into(), Origin::OwnCode));
        assert_eq!(at("<frozen importlib._bootstrap>"), ("importlib".into(), Origin::StandardLibrary));
        assert_eq!(
            at("/opt/py/lib/python3.13/site-packages/memray/commands/run.py"),
            ("<root>".into(), Origin::InstalledPackage)
        );
        assert_eq!(at("/usr/lib/python3.13/queue.py"), ("queue".into(), Origin::OwnCode));
        assert!(!classify(b"/usr/lib/python3.13/queue.py", Some(&paths)).is_own_code);
        assert!(classify(b"/srv/app/shop/cart.py", Some(&paths)).is_own_code);
        assert_eq!(at("/srv/application/x.py"), ("x".into(), Origin::OwnCode));
    }

    #[test]
    fn before_version_13_the_last_telling_folder_counts() {
        let at = |file| module(file, None);
        assert_eq!(at("/usr/lib/python3.8/site-packages/attr/_make.py"), ("attr".into(), Origin::InstalledPackage));
        assert_eq!(at("/usr/lib/python3/dist-packages/yaml/__init__.py"), ("yaml".into(), Origin::InstalledPackage));
        assert_eq!(at("/usr/lib/python3.8/json/__init__.py"), ("json".into(), Origin::StandardLibrary));
        assert_eq!(at("/home/x/lib/python/tool.py"), ("tool".into(), Origin::OwnCode));
        assert_eq!(at("/v/lib/python3.9/site-packages/six.py"), ("six".into(), Origin::InstalledPackage));
        assert_eq!(at("<string>"), ("<string>".into(), Origin::OwnCode));
    }
}
