// SPDX-License-Identifier: Apache-2.0
//! Where the interpreter keeps its modules, as the capture's header says it: readers tell by it whose code allocates.

use super::symbols::{Object, Symbols};
use super::{Interpreter, memory, text};
use memray_format::ModulePaths;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, absolute};

/// `offsetof(PyObject, ob_type)` in builds with the GIL.
const TYPE_IN_OBJECT: usize = 8;

/// The most entries of `sys.path` that are kept.
const MOST_PATHS: isize = 4096;

/// What `sys` says of them now. To be called with the GIL held.
pub(super) fn read(interpreter: &Interpreter) -> ModulePaths {
    let (major, minor) = interpreter.version().release();
    let sys_path = sys_path(interpreter);
    let is_for_packages =
        |path: &&Vec<u8>| matches!(Path::new(OsStr::from_bytes(path)).file_name(), Some(name) if is_site(name));
    let site_packages = sys_path.iter().filter(is_for_packages).cloned().collect();
    let standard_library = match (object(interpreter, c"base_prefix"), object(interpreter, c"platlibdir")) {
        (Some(prefix), Some(folder)) => {
            let folder = Path::new(OsStr::from_bytes(&prefix)).join(OsStr::from_bytes(&folder));
            folder.join(format!("python{major}.{minor}")).into_os_string().into_vec()
        }
        _ => Vec::new(),
    };
    ModulePaths { standard_library, site_packages, sys_path }
}

fn is_site(name: &OsStr) -> bool {
    name == "site-packages" || name == "dist-packages"
}

/// A string in `sys`.
fn object(interpreter: &Interpreter, name: &CStr) -> Option<Vec<u8>> {
    // SAFETY: the GIL is held; lends the object, or gives null.
    let object = unsafe { (interpreter.symbols.system_object)(name.as_ptr()) };
    string(interpreter, object)
}

fn sys_path(interpreter: &Interpreter) -> Vec<Vec<u8>> {
    let Symbols { system_object, list_type, list_size, list_item, .. } = &interpreter.symbols;
    // SAFETY: the GIL is held, so the list stays as it is; objects are lent.
    unsafe {
        let list = system_object(c"path".as_ptr());
        if list.is_null() || type_of(list) != list_type.addr() {
            return Vec::new();
        }
        let entries =
            (0..list_size(list).min(MOST_PATHS)).filter_map(|index| string(interpreter, list_item(list, index)));
        // The program's folder is the empty string where there is no script.
        let paths = entries.filter_map(|entry| match entry.is_empty() {
            true => std::env::current_dir().ok(),
            false => absolute(OsStr::from_bytes(&entry)).ok(),
        });
        paths.map(|path| path.into_os_string().into_vec()).collect()
    }
}

/// A `str`, unless it is something else or would end the header's string.
/// A `str` that C code may see, as it holds no NUL; none if the object is null, or another.
pub(super) fn string(interpreter: &Interpreter, object: Object) -> Option<Vec<u8>> {
    // SAFETY: a live object, or null.
    unsafe {
        let is_string = !object.is_null() && type_of(object) == interpreter.symbols.string_type.addr();
        let text = is_string.then(|| text::string(object.expose_provenance(), &interpreter.layout().text));
        text.filter(|text| !text.contains(&0))
    }
}

/// The address of an object's type.
///
/// # Safety
/// The object lives.
unsafe fn type_of(object: Object) -> usize {
    // SAFETY: as the caller promises.
    unsafe { memory::read(object.expose_provenance() + TYPE_IN_OBJECT) }
}
