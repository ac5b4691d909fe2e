// SPDX-License-Identifier: Apache-2.0
//! Names without what differs from one installation to the next: the same code has the same canonical name in two
//! captures, whichever Python ran it and wherever that was installed.
//!
//! - Of an installed package counts what follows the last `site-packages` or `dist-packages`, of the standard library what
//!   follows `lib/pythonX.Y`; a frozen module is the file that it was made of.
//! - Of a native library counts its name without versions: `libarrow.so.1900` and `libarrow.so.2000` are one.
//! - From CPython 3.11 on functions have qualified names, `Reader.read`; where only one of the captures has them, the last
//!   part counts.
//! - CPython 3.12 runs comprehensions within their functions: before, each was a function of its own, and is folded into the
//!   one that called it.

use memray_index::FrameKind;

/// A file's canonical name, before any rule for the program's own roots.
pub(crate) fn canonical_file(file: &[u8], kind: FrameKind) -> Vec<u8> {
    if let Some(module) = file.strip_prefix(b"<frozen ").and_then(|rest| rest.strip_suffix(b">")) {
        let path: Vec<u8> = module.iter().map(|&byte| if byte == b'.' { b'/' } else { byte }).collect();
        return standard_library(&path);
    }
    let name = file.rsplit(|&byte| byte == b'/').next().unwrap_or(file);
    if kind != FrameKind::Python && name.windows(3).any(|window| window == b".so") {
        return [b"library:", library_stem(name)].concat();
    }
    let mut folders = Folders::of(file);
    while let Some((folder, parent, rest)) = folders.next_back() {
        if folder == b"site-packages" || folder == b"dist-packages" {
            return [b"site:", rest].concat();
        }
        if is_python_folder(folder) && (parent == b"lib" || parent == b"lib64") {
            let rest = rest.strip_suffix(b".py").unwrap_or(rest);
            return standard_library(rest);
        }
    }
    file.to_vec()
}

/// A module of the standard library, by its path without `.py`.
fn standard_library(path: &[u8]) -> Vec<u8> {
    let path = path.strip_suffix(b"/__init__").unwrap_or(path);
    [b"python:", path].concat()
}

/// `libarrow.so.1900` is `libarrow`, `_multiarray.cpython-311-x86_64-linux-gnu.so` is `_multiarray`; a checksum that wheels put
/// behind the name goes too.
fn library_stem(name: &[u8]) -> &[u8] {
    let stem = name.split(|&byte| byte == b'.').next().unwrap_or(name);
    match stem.iter().rposition(|&byte| byte == b'-') {
        Some(dash) if stem.len() == dash + 9 && stem[dash + 1..].iter().all(u8::is_ascii_hexdigit) => &stem[..dash],
        _ => stem,
    }
}

/// `python3.11`, `python3.13t`; Debian's `python3`.
fn is_python_folder(folder: &[u8]) -> bool {
    let Some(version) = folder.strip_prefix(b"python") else { return false };
    version.first().is_some_and(u8::is_ascii_digit)
        && version.iter().all(|&byte| byte.is_ascii_digit() || byte == b'.' || byte == b't')
}

/// The folders of a path, from the outermost: each with the one before it and with what follows it.
struct Folders<'a> {
    path: &'a [u8],
    /// Where what is left ends: at a slash.
    end: Option<usize>,
}

impl<'a> Folders<'a> {
    fn of(path: &'a [u8]) -> Self {
        Self { path, end: last_slash(path) }
    }

    fn next_back(&mut self) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
        let end = self.end?;
        let before = &self.path[..end];
        self.end = last_slash(before);
        let start = self.end.map_or(0, |slash| slash + 1);
        let parents = &self.path[..self.end.unwrap_or(0)];
        let parent = &parents[last_slash(parents).map_or(0, |slash| slash + 1)..];
        Some((&self.path[start..end], parent, &self.path[end + 1..]))
    }
}

fn last_slash(path: &[u8]) -> Option<usize> {
    path.iter().rposition(|&byte| byte == b'/')
}

/// The last part of a qualified name: `read` of `Reader.read` or `open.<locals>.read`.
pub(crate) fn unqualified(function: &[u8]) -> &[u8] {
    // `<locals>` and `<lambda>` hold no dot.
    function.rsplit(|&byte| byte == b'.').next().unwrap_or(function)
}

/// The version of the Python whose folder a file lies in: `(3, 11)` of `/usr/lib/python3.11/json/decoder.py`.
pub(crate) fn python_of_folder(file: &[u8]) -> Option<(u8, u8)> {
    let mut folders = Folders::of(file);
    while let Some((folder, parent, _)) = folders.next_back() {
        if is_python_folder(folder) && (parent == b"lib" || parent == b"lib64") {
            let version = std::str::from_utf8(&folder[b"python".len()..]).ok()?;
            let (major, minor) = version.trim_end_matches('t').split_once('.')?;
            return Some((major.parse().ok()?, minor.parse().ok()?));
        }
    }
    None
}

/// Whether a Python function is a comprehension, which CPython 3.12 would run within its caller.
pub(crate) fn is_comprehension(function: &[u8]) -> bool {
    matches!(unqualified(function), b"<listcomp>" | b"<setcomp>" | b"<dictcomp>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn python(file: &str) -> String {
        String::from_utf8(canonical_file(file.as_bytes(), FrameKind::Python)).unwrap()
    }

    #[test]
    fn the_standard_library_is_the_same_wherever_it_is() {
        assert_eq!(python("/usr/lib/python3.11/json/decoder.py"), "python:json/decoder");
        assert_eq!(python("/opt/py/lib/python3.13t/json/decoder.py"), "python:json/decoder");
        assert_eq!(python("/usr/lib64/python3.9/json/__init__.py"), "python:json");
        assert_eq!(python("<frozen importlib._bootstrap>"), "python:importlib/_bootstrap");
        assert_eq!(python("/usr/lib/python3.8/importlib/_bootstrap.py"), "python:importlib/_bootstrap");
        assert_eq!(python("<frozen runpy>"), python("/usr/lib/python3.10/runpy.py"));
    }

    #[test]
    fn folders_tell_which_python_it_is() {
        let version = |file: &str| python_of_folder(file.as_bytes());
        assert_eq!(version("/usr/lib/python3.11/json/decoder.py"), Some((3, 11)));
        assert_eq!(version("/v/lib64/python3.13t/site-packages/x.py"), Some((3, 13)));
        assert_eq!(version("/usr/lib/python3/dist-packages/yaml/__init__.py"), None);
        assert_eq!(version("/srv/python3.11/x.py"), None);
        assert_eq!(version("/usr/lib/python3.999/x.py"), None);
    }

    #[test]
    fn packages_are_the_same_in_every_environment() {
        assert_eq!(python("/v/lib/python3.11/site-packages/numpy/core/a.py"), "site:numpy/core/a.py");
        assert_eq!(python("/usr/lib/python3/dist-packages/numpy/core/a.py"), "site:numpy/core/a.py");
        // A package's own copy of another.
        assert_eq!(python("/v/site-packages/pip/site-packages/six.py"), "site:six.py");
    }

    #[test]
    fn the_programs_own_files_keep_their_paths() {
        for file in
            ["/srv/app/loader.py", "loader.py", "<string>", "", "/", "//x", "/srv/lib/python/tool.py", "lib/x.py"]
        {
            assert_eq!(python(file), file);
        }
    }

    #[test]
    fn libraries_go_by_name() {
        let library = |file: &str| String::from_utf8(canonical_file(file.as_bytes(), FrameKind::Library)).unwrap();
        assert_eq!(library("/v/pyarrow/libarrow.so.1900"), "library:libarrow");
        assert_eq!(library("/x/_multiarray.cpython-312-x86_64-linux-gnu.so"), "library:_multiarray");
        assert_eq!(library("/x/libopenblasp-f650aae0.3.3.so"), "library:libopenblasp");
        assert_eq!(library("/x/libstdc-more.so"), "library:libstdc-more");
        assert_eq!(library("/src/arrow/memory_pool.cc"), "/src/arrow/memory_pool.cc");
    }

    #[test]
    fn comprehensions_are_known_by_name() {
        assert!(is_comprehension(b"<listcomp>") && is_comprehension(b"load.<locals>.<dictcomp>"));
        assert!(!is_comprehension(b"<genexpr>") && !is_comprehension(b"load") && !is_comprehension(b""));
        assert_eq!(unqualified(b"open.<locals>.<lambda>"), b"<lambda>");
    }
}
