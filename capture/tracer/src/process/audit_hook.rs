// SPDX-License-Identifier: Apache-2.0
//! The interpreter's audit hook: how the tracer learns that the program begins.
//!
//! CPython tells its hooks `cpython.run_…` once it is initialised and about to run a script, a module, a command or what
//! comes on standard input; the GIL is held. A hook can be added before that, and never be taken away again: it would cost
//! time at each event, and CPython frees it as if it had been made after start-up, which its debug allocators
//! (`-X dev`) take for corrupted memory. So the word in `_PyRuntime` that our hook's addition changed is remembered, and
//! when the program begins, and the word and the hook are found as they must be, the hook is unlinked there.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// `Py_AuditHookFunction`.
type Hook = extern "C" fn(*const c_char, *mut c_void, *mut c_void) -> c_int;

type AddAuditHook = unsafe extern "C" fn(Hook, *mut c_void) -> c_int;

/// `_Py_AuditHookEntry`, the same in all versions.
#[repr(C)]
struct Entry {
    next: *mut Entry,
    hook: *mut c_void,
    user_data: *mut c_void,
}

/// What is called when the program begins.
static BEGINNING: AtomicPtr<()> = AtomicPtr::new(null_mut());

/// Set once the program has begun.
static HAS_BEGUN: AtomicBool = AtomicBool::new(false);

/// The word of `_PyRuntime` that held our entry when it was added, and the entry.
static HEAD: AtomicPtr<AtomicPtr<Entry>> = AtomicPtr::new(null_mut());
static ENTRY: AtomicPtr<Entry> = AtomicPtr::new(null_mut());

/// The events that say so.
const BEGINNINGS: [&CStr; 4] =
    [c"cpython.run_file", c"cpython.run_module", c"cpython.run_command", c"cpython.run_stdin"];

/// `dladdr1`'s flag that asks for the symbol's entry.
const RTLD_DL_SYMENT: c_int = 1;

/// A Python in this process that is not initialised yet.
pub(crate) enum DormantPython {
    /// One that tells when the program begins.
    Auditing(DormantInterpreter),
    /// One that does not, in words.
    Other(&'static str),
}

/// A CPython in this process that is not initialised yet.
pub(crate) struct DormantInterpreter {
    add_audit_hook: AddAuditHook,
}

impl DormantPython {
    /// Finds it, if this process is one.
    pub(crate) fn find() -> Option<Self> {
        if let Some(address) = symbol(c"PySys_AddAuditHook") {
            // SAFETY: the function of that name has this signature since CPython 3.8.
            let add_audit_hook = unsafe { std::mem::transmute::<*mut c_void, AddAuditHook>(address) };
            return Some(Self::Auditing(DormantInterpreter { add_audit_hook }));
        }
        let is_pypy = symbol(c"pypy_main_startup").is_some();
        let is_old = || symbol(c"Py_GetVersion").is_some();
        match is_pypy {
            true => Some(Self::Other("this is PyPy")),
            false => is_old().then_some(Self::Other("this Python is too old")),
        }
    }
}

impl DormantInterpreter {
    /// Has a function called, with the GIL held, when the program begins. Returns whether it will be.
    ///
    /// # Safety
    /// No other thread may run yet.
    pub(crate) unsafe fn at_beginning(&self, call: fn()) -> bool {
        // A hook that could not be taken away again is not added.
        let Some(runtime) = Runtime::find() else { return false };
        let before = runtime.words();
        BEGINNING.store(call as *mut (), Ordering::Release);
        // SAFETY: may be called before the interpreter is initialised; the hook stays loaded, as this library does.
        if unsafe { (self.add_audit_hook)(on_event, mark()) } != 0 {
            return false;
        }
        // Not found where another library added a hook before: then ours is behind it, and stays.
        if let Some((head, entry)) = runtime.filled_with_our_entry(&before) {
            ENTRY.store(entry, Ordering::Release);
            HEAD.store(head, Ordering::Release);
        }
        true
    }
}

/// Marks our entry.
fn mark() -> *mut c_void {
    (&raw const HAS_BEGUN).cast_mut().cast()
}

extern "C" fn on_event(event: *const c_char, _arguments: *mut c_void, _: *mut c_void) -> c_int {
    if HAS_BEGUN.load(Ordering::Relaxed) || event.is_null() {
        return 0;
    }
    // SAFETY: events have names that end.
    let event = unsafe { CStr::from_ptr(event) };
    if !BEGINNINGS.contains(&event) || HAS_BEGUN.swap(true, Ordering::AcqRel) {
        return 0;
    }
    unlink();
    let call = BEGINNING.load(Ordering::Acquire);
    if !call.is_null() {
        // SAFETY: only `at_beginning` stores here, a function of this type.
        unsafe { std::mem::transmute::<*mut (), fn()>(call)() };
    }
    0
}

/// Takes our hook out of the interpreter's list, if it is the first still.
fn unlink() {
    let (head, entry) = (HEAD.load(Ordering::Acquire), ENTRY.load(Ordering::Acquire));
    if head.is_null() || entry.is_null() {
        return;
    }
    // SAFETY: the word lies in `_PyRuntime`, which stays. The entry is ours: it is freed at the interpreter's end, and once
    // it is unlinked never, as whoever walks the list at this moment goes on from it.
    let (head, next) = unsafe { (&*head, (*entry).next) };
    // Should another hook stand there, ours stays too, and returns at once.
    let _ = head.compare_exchange(entry, next, Ordering::AcqRel, Ordering::Relaxed);
}

/// Whether a word that our addition changed is the address of our entry.
fn is_ours(entry: *mut Entry) -> bool {
    let Some(found) = read(entry) else { return false };
    found.hook == (on_event as Hook as *mut c_void) && found.user_data == mark()
}

/// Reads what may be no address at all. A pipe takes what can be read, and refuses the rest.
fn read(entry: *mut Entry) -> Option<Entry> {
    let bytes = size_of::<Entry>();
    let mut found = Entry { next: null_mut(), hook: null_mut(), user_data: null_mut() };
    let mut pipe = [-1; 2];
    // SAFETY: there is room for two numbers.
    if unsafe { libc::pipe2(pipe.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) } != 0 {
        return None;
    }
    let [reader, writer] = pipe;
    // SAFETY: the kernel reads `entry`, and fails where it cannot; `found` is there to be written to, and its fields may
    // hold any bits. Both ends of the pipe are ours.
    let is_read = unsafe {
        let is_written = libc::write(writer, entry.cast(), bytes) == bytes as isize;
        let is_read = is_written && libc::read(reader, (&raw mut found).cast(), bytes) == bytes as isize;
        libc::close(reader);
        libc::close(writer);
        is_read
    };
    is_read.then_some(found)
}

/// `_PyRuntime`, as words.
struct Runtime {
    start: *mut AtomicPtr<Entry>,
    word_count: usize,
}

impl Runtime {
    fn find() -> Option<Self> {
        let address = symbol(c"_PyRuntime")?;
        let mut info = libc::Dl_info {
            dli_fname: std::ptr::null(),
            dli_fbase: null_mut(),
            dli_sname: std::ptr::null(),
            dli_saddr: null_mut(),
        };
        let mut symbol: *mut c_void = null_mut();
        // SAFETY: both places are there to be written to; the flag asks for the symbol's entry.
        let is_found = unsafe { libc::dladdr1(address, &mut info, &mut symbol, RTLD_DL_SYMENT) } != 0;
        if !is_found || symbol.is_null() || info.dli_saddr != address || !address.addr().is_multiple_of(8) {
            return None;
        }
        // SAFETY: the linker gave the address of a symbol's entry, which stays.
        let size_bytes = unsafe { (*symbol.cast::<libc::Elf64_Sym>()).st_size };
        Some(Self { start: address.cast(), word_count: usize::try_from(size_bytes).ok()? / 8 })
    }

    fn word(&self, i: usize) -> *mut AtomicPtr<Entry> {
        self.start.wrapping_add(i)
    }

    fn words(&self) -> Vec<*mut Entry> {
        // SAFETY: the words lie within the symbol, which is data that can be read.
        (0..self.word_count).map(|i| unsafe { (*self.word(i)).load(Ordering::Relaxed) }).collect()
    }

    /// The word that was null and holds our entry now.
    fn filled_with_our_entry(&self, before: &[*mut Entry]) -> Option<(*mut AtomicPtr<Entry>, *mut Entry)> {
        let after = self.words();
        let filled = before.iter().zip(&after).enumerate();
        let filled = filled.filter(|(_, (before, after))| before.is_null() && !after.is_null());
        let (i, entry) = filled.map(|(i, (_, after))| (i, *after)).find(|(_, entry)| is_ours(*entry))?;
        Some((self.word(i), entry))
    }
}

/// A symbol of any library that was there when the program started.
pub(super) fn symbol(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the name ends.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}
