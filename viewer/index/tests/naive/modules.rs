// SPDX-License-Identifier: Apache-2.0
//! What memray calls a module, an import-system frame and an interesting one, and what we call own code, spelled out name
//! by name.

use super::{Frame, Stack};
use memray_format::{Header, ModulePaths};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    StandardLibrary,
    InstalledPackage,
    Program,
}
use Origin::{InstalledPackage, Program, StandardLibrary};

/// What a file belongs to: a module's dotted name, and where that comes from.
fn resolve(paths: Option<&ModulePaths>, file: &[u8]) -> (String, Origin) {
    let file = characters(file);
    if let Some(frozen) = file.strip_prefix("<frozen ") {
        return (frozen.strip_suffix('>').unwrap_or(frozen).to_owned(), StandardLibrary);
    }
    if file.is_empty() {
        return ("unknown".to_owned(), Program);
    }
    let parts: Vec<&str> = file.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    match paths {
        Some(paths) => {
            let below = |folder: &Vec<u8>| {
                let folder = characters(folder);
                let is_absolute = folder.starts_with('/');
                let folder: Vec<&str> = folder.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
                let is_below = is_absolute == file.starts_with('/') && parts.starts_with(&folder);
                is_below.then(|| dotted(&parts[folder.len()..]))
            };
            if let Some(module) = paths.site_packages.iter().find_map(below) {
                return (module, InstalledPackage);
            }
            if let Some(module) = (!paths.standard_library.is_empty()).then(|| below(&paths.standard_library)).flatten()
            {
                return (module, StandardLibrary);
            }
            if let Some(module) = paths.sys_path.iter().find_map(below) {
                return (module, Program);
            }
        }
        None => {
            let is_packages = |part: &&str| matches!(*part, "site-packages" | "dist-packages");
            if let Some(at) = parts.iter().rposition(is_packages) {
                return (dotted(&parts[at + 1..]), InstalledPackage);
            }
            let is_library = |at: &usize| {
                let version = parts[at + 1].strip_prefix("python").unwrap_or("");
                parts[*at].starts_with("lib") && version.split('.').all(|n| !n.is_empty() && n.parse::<u32>().is_ok())
            };
            if let Some(at) = (0..parts.len().saturating_sub(1)).rfind(is_library) {
                return (dotted(&parts[at + 2..]), StandardLibrary);
            }
        }
    }
    (dotted(&parts[parts.len().saturating_sub(1)..]), Program)
}

fn dotted(parts: &[&str]) -> String {
    let (last, folders) = parts.split_last().unwrap_or((&"", &[]));
    let mut names = folders.to_vec();
    if *last != "__init__.py" {
        names.push(last.strip_suffix(".py").unwrap_or(last));
    }
    names.join(".")
}

/// One character a byte, so that names which are not UTF-8 stay apart.
fn characters(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

fn top_level(module: &str) -> Vec<u8> {
    module.split('.').next().unwrap_or("").chars().map(|character| character as u8).collect()
}

/// A file's top-level module; memray's own is the root.
pub fn module(header: &Header, file: &[u8]) -> Vec<u8> {
    let module = top_level(&resolve(header.module_paths.as_ref(), file).0);
    if module == b"memray" { b"<root>".to_vec() } else { module }
}

/// The module that memray's statistics charge a stack to: the innermost that is not of the standard library.
pub fn module_of_stack(header: &Header, stack: &Stack) -> Vec<u8> {
    let paths = header.module_paths.as_ref();
    match stack.iter().map(|frame| frame.frame()).find(|frame| resolve(paths, &frame.1).1 != StandardLibrary) {
        Some(frame) => module(header, &frame.1),
        None => b"<root>".to_vec(),
    }
}

/// Whether a frame is of the program's own code: it is neither where the capture's interpreter keeps modules, nor where any
/// other does.
pub fn is_own_code(header: &Header, frame: &Frame) -> bool {
    [header.module_paths.as_ref(), None].iter().all(|paths| resolve(*paths, &frame.1).1 == Program)
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
