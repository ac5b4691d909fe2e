// SPDX-License-Identifier: Apache-2.0
//! A thread as the tracer knows it. [`Entered`] leads: leave to run the tracer's code on this thread.
//!
//! Each thread has one word ([`word`]) in which it keeps whether it is inside the tracer, and where its [`ThreadState`] is.
//! What happens while a thread is inside is the tracer's own doing and is not recorded; a signal handler that
//! allocates there loses its records, and does not deadlock.

pub(crate) mod greenlets;
mod word;

use crate::biased_lock::OwnBias;
use crate::native::NativeStack;
use crate::python::{Interpreter, PythonStack};
use greenlets::Greenlets;
use memray_format::ThreadId;
use std::ffi::c_int;
use std::sync::atomic::{AtomicU64, Ordering};

/// What is kept of a thread from its first record to its end.
pub(crate) struct ThreadState {
    /// Its number in the capture, or that of the greenlet that runs in it.
    pub(crate) id: ThreadId,
    /// Its Python stack as the capture has it, or the greenlet's.
    pub(crate) stack: PythonStack,
    /// Its other greenlets.
    greenlets: Greenlets,
    /// Its last name, as far as it is known.
    name: Vec<u8>,
    /// The same, until it is written.
    pub(crate) new_name: Option<Vec<u8>>,
    /// Its native stack, if that is recorded.
    pub(crate) native: NativeStack,
    /// Its bias in the recorder's lock.
    pub(crate) bias: OwnBias,
    /// Of which capture `id` and `stack` speak: a forked child writes another.
    pub(crate) epoch: u32,
}

/// How much of a thread's name the system keeps: `TASK_COMM_LEN` without the NUL.
pub(crate) const SYSTEMS_NAME_BYTES: usize = 15;

/// Set in a thread's word while it is inside the tracer.
const INSIDE: usize = 1;

/// Set besides while it forks.
const FORKING: usize = 2;

/// What is left is the address of its state.
const FLAGS: usize = INSIDE | FORKING;

static NEXT_THREAD_ID: AtomicU64 = AtomicU64::new(1);

/// A thread inside the tracer, until this is dropped. `errno` is then as it was.
pub(crate) struct Entered {
    /// The thread's word as it was, and will be. Nobody else sets it meanwhile.
    word: usize,
    errno: i32,
    errno_at: *mut i32,
}

impl Entered {
    /// Enters, unless this thread is inside already.
    #[inline]
    pub(crate) fn enter() -> Option<Self> {
        let word = word::get();
        if word & INSIDE != 0 {
            return None;
        }
        word::set(word | INSIDE);
        let errno_at = word::errno();
        // SAFETY: the address of this thread's errno, which lives as long as the thread.
        Some(Self { word, errno: unsafe { *errno_at }, errno_at })
    }

    /// What is kept of this thread.
    #[inline]
    pub(crate) fn state(&mut self) -> &mut ThreadState {
        if self.word == 0 {
            self.word = begin();
        }
        // SAFETY: the word holds the address of a box that this thread made and that only its end takes away; the result
        // borrows the one leave to be inside.
        unsafe { &mut *std::ptr::with_exposed_provenance_mut::<ThreadState>(self.word) }
    }
}

/// Makes what is kept of this thread, which is inside; returns its word without that.
#[cold]
fn begin() -> usize {
    let state = Box::new(ThreadState {
        // It gets its number with its first capture; none is the zeroth.
        id: ThreadId(0),
        stack: PythonStack::default(),
        greenlets: Greenlets::default(),
        name: Vec::new(),
        new_name: None,
        native: NativeStack::default(),
        bias: OwnBias::default(),
        epoch: 0,
    });
    let address = Box::into_raw(state).expose_provenance();
    word::set(address | INSIDE);
    end::call_at_thread_end();
    address
}

impl Drop for Entered {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: as in `enter`.
        unsafe { *self.errno_at = self.errno };
        word::set(self.word);
    }
}

/// Enters until [`leave_after_fork`]; not if this thread is inside already.
pub(crate) fn enter_for_fork() -> bool {
    let word = word::get();
    let enters = word & INSIDE == 0;
    if enters {
        word::set(word | FLAGS);
    }
    enters
}

/// Whether this thread entered for a fork.
pub(crate) fn is_in_fork() -> bool {
    word::get() & FORKING != 0
}

/// Leaves after a fork.
pub(crate) fn leave_after_fork() {
    word::set(word::get() & !FLAGS);
}

/// A number that no thread or greenlet of the capture has.
fn next_id() -> ThreadId {
    ThreadId(NEXT_THREAD_ID.fetch_add(1, Ordering::Relaxed))
}

/// In a forked child: the thread that is left is its first.
pub(crate) fn number_from_one_again() {
    NEXT_THREAD_ID.store(1, Ordering::Relaxed);
}

/// The calling thread is not cancelled until this is dropped: to open and to write files are points at which it else may be,
/// and that unwinds through the tracer.
pub(crate) struct Uncancelled {
    state: c_int,
}

/// As `pthread.h` has it.
const PTHREAD_CANCEL_DISABLE: c_int = 1;

unsafe extern "C" {
    fn pthread_setcancelstate(state: c_int, before: *mut c_int) -> c_int;
}

impl Uncancelled {
    pub(crate) fn begin() -> Self {
        let mut state = 0;
        // SAFETY: the old state is a place to write to.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &mut state) };
        Self { state }
    }
}

impl Drop for Uncancelled {
    fn drop(&mut self) {
        let mut unwanted = 0;
        // SAFETY: as above; the state is one that the thread had.
        unsafe { pthread_setcancelstate(self.state, &mut unwanted) };
    }
}

impl ThreadState {
    /// Begins a new capture: another number, and nothing of the stack written yet.
    #[cold]
    pub(crate) fn begin_epoch(&mut self, epoch: u32) {
        self.epoch = epoch;
        self.id = next_id();
        self.stack = PythonStack::default();
        self.native.forget();
        self.greenlets = Greenlets::default();
        self.name.clear();
    }

    /// It is called so from now on. The system knows the first bytes of a name only: those say nothing new.
    pub(crate) fn rename(&mut self, name: Vec<u8>) {
        let is_known = self.name == name || (name.len() == SYSTEMS_NAME_BYTES && self.name.starts_with(&name));
        if !is_known {
            self.name.clone_from(&name);
            self.new_name = Some(name);
        }
    }

    /// Looks at the Python stack: what `stack` is to take over. `id` and `stack` become those of the greenlet that runs now.
    #[inline]
    pub(crate) fn look(&mut self, interpreter: &Interpreter) -> Option<usize> {
        let mut kept = self.stack.look(interpreter);
        if kept.is_none_or(|links| links <= 1) && greenlets::are_there() {
            kept = self.look_at_greenlet(kept, interpreter);
        }
        kept
    }

    /// Nothing was as before: another greenlet may run.
    #[cold]
    fn look_at_greenlet(&mut self, kept: Option<usize>, interpreter: &Interpreter) -> Option<usize> {
        if self.greenlets.switch(&mut self.id, &mut self.stack, interpreter) {
            return self.stack.look(interpreter);
        }
        kept
    }
}

/// The end of a thread, told by the C library.
mod end {
    use super::{FLAGS, INSIDE, ThreadState, word};
    use std::ffi::c_void;
    use std::sync::OnceLock;

    static KEY: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();

    pub(super) fn call_at_thread_end() {
        let key = KEY.get_or_init(|| {
            let mut key = 0;
            // SAFETY: the key is a place to write to; `ended` stays loaded, as this library is never unloaded.
            (unsafe { libc::pthread_key_create(&mut key, Some(ended)) } == 0).then_some(key)
        });
        if let Some(key) = *key {
            // SAFETY: the key exists. Any value but null makes `ended` be called.
            unsafe { libc::pthread_setspecific(key, std::ptr::without_provenance(1)) };
        }
    }

    /// Frees what is kept of the thread, which may wait for the recorder's lock. Should it allocate once more, all begins anew.
    extern "C" fn ended(_: *mut c_void) {
        let address = word::get() & !FLAGS;
        word::set(INSIDE);
        if address != 0 {
            // SAFETY: the word held a box of this thread, which nobody reaches any more.
            drop(unsafe { Box::from_raw(address as *mut ThreadState) });
        }
        word::set(0);
    }
}
