// SPDX-License-Identifier: Apache-2.0
//! The interpreter of this process: which it is, and whether it can be traced.

use super::code::{CodeObject, CodeText};
use super::frames::ThisThread;
use super::layout::{Layout, WireLayout};
use super::symbols::{self, Symbols};
use super::version::Version;
use super::{lives, module_paths, self_test};
use memray_format::{ModulePaths, PythonAllocator};
use std::ffi::{CStr, c_char};
use std::sync::atomic::{AtomicBool, Ordering};
use thiserror::Error;

/// The interpreter of this process.
pub(crate) struct Interpreter {
    /// `PY_VERSION_HEX`.
    pub(crate) version: u32,
    pub(super) symbols: Symbols,
    layout: Layout,
    this_thread: ThisThread,
    /// Whether the walk may take its shortcut. Wires that are strung already are not taken down.
    uses_shortcut: AtomicBool,
}

// SAFETY: what it points to are functions and static variables of the interpreter, which stay as long as the process; how
// they may be used is said where they are.
unsafe impl Send for Interpreter {}
// SAFETY: as above, and it never changes.
unsafe impl Sync for Interpreter {}

/// Why this process cannot be traced; a sentence for the user.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    /// There is no Python here.
    #[error("this process runs no Python that memray-view knows; it runs untraced")]
    NoPython,
    /// PyPy, GraalPy and their like.
    #[error("this is {0}, and only CPython can be traced; it runs untraced")]
    OtherImplementation(&'static str),
    /// Older or newer than what is known.
    #[error("this is Python {0}, and only 3.9 to 3.15 can be traced; it runs untraced")]
    Version(Version),
    /// Built without the GIL.
    #[error("this is a free-threaded Python {0}, which cannot be traced; it runs untraced")]
    FreeThreaded(Version),
    /// Built for debugging, with other layouts.
    #[error("this is a debug build of Python {0}, which cannot be traced; it runs untraced")]
    DebugBuild(Version),
    /// Another C library.
    #[error("this Python does not run on glibc, and cannot be traced; it runs untraced")]
    NotGlibc,
    /// Set-uid, set-gid or with capabilities.
    #[error("this program runs with privileges of its file (set-uid or the like), and is not traced")]
    Privileged,
    /// A function that should be there is not.
    #[error("this Python has no {}, and cannot be traced; it runs untraced", .0.to_string_lossy())]
    Missing(&'static CStr),
    /// It does not say how it lays out its structures.
    #[error("this Python {0} lays out its structures in a way that is not known; it runs untraced")]
    Layout(Version),
    /// It has begun to end, or not yet begun.
    #[error("Python is not running in this process yet; it runs untraced")]
    NotInitialized,
    /// Our walk and the interpreter differ.
    #[error("stacks of this Python {version} could not be read as expected ({difference}); it runs untraced")]
    SelfTest { version: Version, difference: String },
}

impl Interpreter {
    /// This interpreter, read by another layout: the self-test must refuse it.
    #[cfg(feature = "walk-check")]
    pub(super) fn with_layout(layout: Layout) -> Result<Self, Refusal> {
        let (symbols, version) = (Symbols::find()?, version()?);
        let this_thread = ThisThread::new(&symbols, &layout);
        Ok(Self { version: version.0, symbols, layout, this_thread, uses_shortcut: AtomicBool::new(false) })
    }

    /// Finds and checks it. To be called with the GIL held, in a thread that runs Python. Runs a little Python, of which
    /// nothing is left.
    pub(crate) fn find() -> Result<Self, Refusal> {
        // SAFETY: asks the kernel's word on this process.
        if unsafe { libc::getauxval(libc::AT_SECURE) } != 0 {
            return Err(Refusal::Privileged);
        }
        let version = version()?;
        // SAFETY: a function without preconditions.
        if unsafe { symbols::find::<*const u8>(c"gnu_get_libc_version") }.is_none() {
            return Err(Refusal::NotGlibc);
        }
        let symbols = Symbols::find()?;
        // SAFETY: may be called at any time.
        if unsafe { (symbols.is_initialized)() } == 0 {
            return Err(Refusal::NotInitialized);
        }
        // SAFETY: the GIL is held, as the caller promises.
        if unsafe { !(symbols.system_object)(c"gettotalrefcount".as_ptr()).is_null() } {
            return Err(Refusal::DebugBuild(version));
        }
        // SAFETY: the symbol is that of the version that the interpreter says it is.
        let layout = unsafe { Layout::of(version, symbols.runtime.expose_provenance()) }?;
        let this_thread = ThisThread::new(&symbols, &layout);
        let uses_shortcut = AtomicBool::new(false);
        let mut interpreter = Self { version: version.0, symbols, layout, this_thread, uses_shortcut };
        let tested = self_test::run(&interpreter);
        // What the test saw of code objects has died unwatched.
        lives::forget_all();
        let proven = tested.map_err(|difference| Refusal::SelfTest { version, difference })?;
        if !proven.wires {
            interpreter.layout.frame.wire = None;
        }
        interpreter.use_shortcut(true);
        Ok(interpreter)
    }

    /// What a capture says of a code object. To be called while the calling thread's stack has it.
    pub(crate) fn text(&self, code: CodeObject) -> CodeText {
        // SAFETY: a frame of the calling thread holds the code object.
        let mut text = unsafe { CodeText::read(code.address, &self.layout) };
        if text.line_table.is_empty() {
            // Code of one line, up to 3.9. Readers take an empty table for none; this one says as much.
            text.line_table = vec![0, 0];
        }
        text
    }

    /// The allocator behind Python's own functions, as long as nobody has hooked them.
    pub(crate) fn allocator(&self) -> PythonAllocator {
        // SAFETY: a function without preconditions; it gives a constant, or null.
        let name = self.symbols.allocator_name.map_or(std::ptr::null(), |name| unsafe { name() });
        if name.is_null() {
            return PythonAllocator::Other;
        }
        // SAFETY: a C string.
        match unsafe { CStr::from_ptr(name) }.to_bytes() {
            b"pymalloc" => PythonAllocator::Pymalloc,
            b"pymalloc_debug" => PythonAllocator::PymallocDebug,
            b"mimalloc" => PythonAllocator::Mimalloc,
            b"mimalloc_debug" => PythonAllocator::MimallocDebug,
            b"malloc" => PythonAllocator::Malloc,
            _ => PythonAllocator::Other,
        }
    }

    /// Where it keeps its modules. To be called with the GIL held.
    pub(crate) fn module_paths(&self) -> ModulePaths {
        module_paths::read(self)
    }

    /// Lets the walk take its shortcut, or not, from the next capture on.
    pub(crate) fn use_shortcut(&self, uses: bool) {
        self.uses_shortcut.store(uses, Ordering::Relaxed);
    }

    /// What the walk's shortcut needs, if it may be taken.
    pub(super) fn shortcut(&self) -> Option<&WireLayout> {
        self.layout.frame.wire.as_ref().filter(|_| self.uses_shortcut.load(Ordering::Relaxed))
    }

    pub(super) fn version(&self) -> Version {
        Version(self.version)
    }

    /// The calling thread's current frame; 0 if it has none.
    #[inline]
    pub(super) fn current_frame(&self) -> usize {
        self.this_thread.current_frame(&self.layout)
    }

    /// Whether the calling thread has the GIL.
    pub(super) fn holds_gil(&self) -> bool {
        self.this_thread.holds_gil(&self.layout)
    }

    /// The calling thread's state; 0 if it has none.
    pub(super) fn thread_state(&self) -> usize {
        self.this_thread.state(&self.layout)
    }

    pub(super) fn this_thread(&self) -> &ThisThread {
        &self.this_thread
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }
}

/// What the interpreter says of itself.
fn version() -> Result<Version, Refusal> {
    // SAFETY: `const char *Py_GetVersion(void)`.
    let Some(get) = (unsafe { symbols::find::<unsafe extern "C" fn() -> *const c_char>(c"Py_GetVersion") }) else {
        // PyPy's C API has all names with its own in front.
        // SAFETY: only whether it is there is asked.
        let is_pypy = unsafe { symbols::find::<*const u8>(c"pypy_execute_source") }.is_some();
        return Err(if is_pypy { Refusal::OtherImplementation("PyPy") } else { Refusal::NoPython });
    };
    // SAFETY: may be called at any time; gives a C string that stays.
    let text = unsafe { CStr::from_ptr(get()) }.to_bytes();
    let says = |word: &[u8]| text.windows(word.len()).any(|window| window == word);
    for (word, name) in [("PyPy", "PyPy"), ("GraalVM", "GraalPy"), ("Pyston", "Pyston"), ("Cinder", "Cinder")] {
        if says(word.as_bytes()) {
            return Err(Refusal::OtherImplementation(name));
        }
    }
    let version = Version::parse(text).ok_or(Refusal::NoPython)?;
    if says(b"free-threading") {
        return Err(Refusal::FreeThreaded(version));
    }
    Ok(version)
}
