// SPDX-License-Identifier: Apache-2.0
//! Where the interpreter keeps its modules, for the capture's header: readers tell a program's own code by it.
//!
//! memray imports `sysconfig` and `site` for that. These are the same paths, from what `sys` has already, so that nothing
//! is imported which the program did not ask for.

use super::Interpreter;
use super::symbols::Object;
use super::text;
use super::version::Version;
use memray_format::ModulePaths;
use std::ffi::CStr;

impl Interpreter {
    /// The paths of this moment. To be called with the GIL held.
    pub(crate) fn module_paths(&self) -> ModulePaths {
        let sys_path = self.strings(c"path");
        let is_of_packages = |path: &&Vec<u8>| path.ends_with(b"/site-packages") || path.ends_with(b"/dist-packages");
        let site_packages = sys_path.iter().filter(is_of_packages).cloned().collect();
        ModulePaths { standard_library: self.standard_library(), site_packages, sys_path }
    }

    /// `sys._stdlib_dir` is there from 3.11 on; before, it lies below the prefix.
    fn standard_library(&self) -> Vec<u8> {
        let directory = self.string(c"_stdlib_dir");
        if !directory.is_empty() {
            return directory;
        }
        let (major, minor) = Version(self.version).release();
        let mut path = self.string(c"prefix");
        path.push(b'/');
        path.extend(self.string(c"platlibdir"));
        path.extend(format!("/python{major}.{minor}").into_bytes());
        path
    }

    /// A string of `sys`; empty if it is none.
    fn string(&self, name: &CStr) -> Vec<u8> {
        // SAFETY: the GIL is held; what `sys` has stays while nothing runs.
        unsafe { self.text_of((self.symbols.system_object)(name.as_ptr())) }
    }

    /// A list of strings of `sys`, without what is none, or empty.
    fn strings(&self, name: &CStr) -> Vec<Vec<u8>> {
        // SAFETY: the GIL is held, and what `sys` has stays while nothing runs. Both functions say so if it is no list.
        unsafe {
            let list = (self.symbols.system_object)(name.as_ptr());
            if list.is_null() {
                return Vec::new();
            }
            let length = (self.symbols.list_size)(list);
            let strings = (0..length.max(0)).map(|at| self.text_of((self.symbols.list_item)(list, at)));
            let strings = strings.filter(|string| !string.is_empty()).collect();
            (self.symbols.clear_error)();
            strings
        }
    }

    /// # Safety
    /// The object is null or live.
    unsafe fn text_of(&self, object: Object) -> Vec<u8> {
        // SAFETY: the type is asked first, and `str` is exported by every interpreter.
        unsafe {
            if object.is_null() || (self.symbols.is_instance)(object, self.symbols.string_type) != 1 {
                return Vec::new();
            }
            let mut text = text::string(object.addr(), &self.layout().text);
            text.retain(|&byte| byte != 0);
            text
        }
    }
}
