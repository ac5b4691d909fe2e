// SPDX-License-Identifier: Apache-2.0
//! The interpreter of this process: which it is, and whether it can be traced.

use thiserror::Error;

/// The interpreter of this process.
pub(crate) struct Interpreter {
    /// `PY_VERSION_HEX`.
    pub(crate) version: u32,
}

/// Why this process cannot be traced; a sentence for the user.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    /// There is no Python here.
    #[error("this process runs no Python")]
    NoPython,
}

impl Interpreter {
    /// Finds and checks it. To be called with the GIL held, in a thread that runs Python.
    pub(crate) fn find() -> Result<Self, Refusal> {
        Err(Refusal::NoPython)
    }
}
impl Interpreter {
    pub(crate) fn allocator(&self) -> memray_format::PythonAllocator {
        memray_format::PythonAllocator::Pymalloc
    }
    pub(crate) fn module_paths(&self) -> memray_format::ModulePaths {
        memray_format::ModulePaths::default()
    }
    pub(crate) fn text(&self, _: super::CodeAddress) -> super::CodeText {
        super::CodeText { function: vec![], file: vec![], first_line: 0, line_table: vec![] }
    }
}
