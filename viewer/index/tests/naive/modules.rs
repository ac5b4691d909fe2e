// SPDX-License-Identifier: Apache-2.0
//! What memray calls a module, an import-system frame and an interesting one, spelled out name by name.

use super::{Frame, Stack};
use memray_format::Header;

/// What a file belongs to: a module's dotted name, and whether it is of the standard library.
fn resolve(header: &Header, file: &[u8]) -> (String, bool) {
    let file = String::from_utf8_lossy(file).into_owned();
    if let Some(frozen) = file.strip_prefix("<frozen ") {
        return (frozen.strip_suffix('>').unwrap_or(frozen).to_owned(), true);
    }
    if file.is_empty() {
        return ("unknown".to_owned(), false);
    }
    let parts: Vec<&str> = file.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    match &header.module_paths {
        Some(paths) => {
            let below = |folder: &Vec<u8>| {
                let folder = String::from_utf8_lossy(folder).into_owned();
                let is_absolute = folder.starts_with('/');
                let folder: Vec<&str> = folder.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
                let is_below = is_absolute == file.starts_with('/') && parts.starts_with(&folder);
                is_below.then(|| dotted(&parts[folder.len()..]))
            };
            if let Some(module) = paths.site_packages.iter().find_map(below) {
                return (module, false);
            }
            if let Some(module) = (!paths.standard_library.is_empty()).then(|| below(&paths.standard_library)).flatten()
            {
                return (module, true);
            }
            if let Some(module) = paths.sys_path.iter().find_map(below) {
                return (module, false);
            }
        }
        None => {
            let is_packages = |part: &&str| matches!(*part, "site-packages" | "dist-packages");
            if let Some(at) = parts.iter().rposition(is_packages) {
                return (dotted(&parts[at + 1..]), false);
            }
            let is_library = |at: &usize| {
                let version = parts[at + 1].strip_prefix("python").unwrap_or("");
                parts[*at].starts_with("lib") && version.split('.').all(|n| !n.is_empty() && n.parse::<u32>().is_ok())
            };
            if let Some(at) = (0..parts.len().saturating_sub(1)).rfind(is_library) {
                return (dotted(&parts[at + 2..]), true);
            }
        }
    }
    (dotted(&parts[parts.len().saturating_sub(1)..]), false)
}

fn dotted(parts: &[&str]) -> String {
    let (last, folders) = parts.split_last().unwrap_or((&"", &[]));
    let mut names = folders.to_vec();
    if *last != "__init__.py" {
        names.push(last.strip_suffix(".py").unwrap_or(last));
    }
    names.join(".")
}

fn top_level(module: &str) -> Vec<u8> {
    module.split('.').next().unwrap_or("").as_bytes().to_vec()
}

/// A file's top-level module; memray's own is the root.
pub fn module(header: &Header, file: &[u8]) -> Vec<u8> {
    let module = top_level(&resolve(header, file).0);
    if module == b"memray" { b"<root>".to_vec() } else { module }
}

/// The module that memray's statistics charge a stack to: the innermost that is not of the standard library.
pub fn module_of_stack(header: &Header, stack: &Stack) -> Vec<u8> {
    match stack.iter().map(|frame| frame.frame()).find(|frame| !resolve(header, &frame.1).1) {
        Some(frame) => module(header, &frame.1),
        None => b"<root>".to_vec(),
    }
}

/// Whether a frame is of the import system.
pub fn is_import_system(frame: &Frame) -> bool {
    String::from_utf8_lossy(&frame.1).contains("frozen importlib")
        || (["import_name", "import_from", "import_all_from"].iter().any(|name| name.as_bytes() == frame.0)
            && frame.1.ends_with(b"ceval.c"))
}

/// Whether a frame is neither `runpy`'s nor the import system's. (Python frames are never CPython's own C functions.)
pub fn is_interesting(frame: &Frame) -> bool {
    !is_import_system(frame) && !frame.1.ends_with(b"runpy.py") && frame.1 != b"<frozen runpy>"
}
