// SPDX-License-Identifier: Apache-2.0
//! The one tracing that a process can have. [`start`] and [`stop`] lead; [`allocated`] and [`freed`] are what hooks call.

use super::message::say;
use super::settings::Settings;
use super::{fork, header};
use crate::file::{CaptureFile, FileError, FileOptions};
use crate::lock::Lock;
use crate::python::{Interpreter, Refusal};
use crate::recorder::{RecordError, Recorder};
use crate::snapshot::{Sampler, now_ms};
use crate::thread::{Entered, ThreadState};
use crate::{hooks, private_heap, python};
use memray_format::{Allocation, Allocator, EncodeError, Header, encode_header};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;
use thiserror::Error;

/// Why tracing did not start; a sentence for the user.
#[derive(Debug, Error)]
pub(crate) enum StartError {
    /// The interpreter cannot be traced.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The capture cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The header cannot be written.
    #[error("the capture's header cannot be written: {0}")]
    Header(#[from] EncodeError),
    /// Nothing can be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// There is one already.
    #[error("this process is traced already")]
    IsTraced,
}

/// Whether hooks record. All else is looked at only if they do.
static IS_TRACING: AtomicBool = AtomicBool::new(false);

/// Whether what Python's own allocators do is recorded too.
static TRACES_PYTHON_ALLOCATORS: AtomicBool = AtomicBool::new(false);

/// Whether native stacks are recorded.
static TRACES_NATIVE: AtomicBool = AtomicBool::new(false);

/// Which capture of this process is written, counted from 1.
static EPOCH: AtomicU32 = AtomicU32::new(0);

/// The interpreter, found by the first start: a process has one.
static INTERPRETER: OnceLock<Interpreter> = OnceLock::new();

/// Whether tracing was started and its end is not complete.
static IS_CLAIMED: AtomicBool = AtomicBool::new(false);

static RECORDER: Lock<Option<Recorder>> = Lock::new(None);

/// What was asked for, and when it began.
static SESSION: Lock<Option<Session>> = Lock::new(None);

struct Session {
    settings: Settings,
    path: PathBuf,
    started: Instant,
    sampler: Option<Sampler>,
}

/// Starts tracing. To be called with the GIL held.
pub(crate) fn start(settings: Settings) -> Result<(), StartError> {
    let Some(mut entered) = Entered::enter() else { return Err(StartError::IsTraced) };
    if IS_CLAIMED.swap(true, Ordering::AcqRel) {
        return Err(StartError::IsTraced);
    }
    let started = start_claimed(settings, &mut entered);
    if started.is_err() {
        IS_CLAIMED.store(false, Ordering::Release);
    }
    started
}

fn start_claimed(settings: Settings, entered: &mut Entered) -> Result<(), StartError> {
    let interpreter = match INTERPRETER.get() {
        Some(interpreter) => interpreter,
        None => {
            let found = Interpreter::find()?;
            INTERPRETER.get_or_init(|| found)
        }
    };
    interpreter.use_shortcut(settings.uses_shortcut);
    if !private_heap::heap().reserve() {
        return Err(RecordError::NoMemory.into());
    }
    let path = settings.path_of(std::process::id());
    let header = header::describe(&settings, interpreter, now_ms());
    crate::thread::number_from_one_again();
    begin_capture(&path, &settings, header)?;
    // The thread that starts tracing is the first.
    state(entered);
    // A tracing that ended while it was paused leaves this behind; a second sampler would never be stopped.
    RESUMES_AT_MS.store(0, Ordering::Release);
    let sampler = Sampler::start(settings.memory_interval, sampled);
    TRACES_NATIVE.store(settings.traces_native, Ordering::Relaxed);
    let traces_python_allocators = settings.traces_python_allocators;
    *SESSION.hold() = Some(Session { settings, path, started: Instant::now(), sampler });
    interpreter.watch();
    fork::watch();
    hooks::install();
    if traces_python_allocators {
        python::allocators::install::<Tracing>(interpreter);
    }
    TRACES_PYTHON_ALLOCATORS.store(traces_python_allocators, Ordering::Release);
    IS_TRACING.store(true, Ordering::Release);
    Ok(())
}

/// Stops tracing and completes the capture; nothing if there is none. May be called by any thread, at any time.
pub(crate) fn stop() {
    end(None);
}

/// Whether hooks record.
#[inline]
pub(crate) fn is_tracing() -> bool {
    IS_TRACING.load(Ordering::Acquire)
}

fn begin_capture(path: &Path, settings: &Settings, header: Header) -> Result<(), StartError> {
    let options = FileOptions {
        overwrites: settings.overwrites,
        compresses: settings.compresses,
        max_size_bytes: settings.max_size_bytes,
    };
    let file = CaptureFile::create(path, options, &encode_header(&header)?)?;
    let epoch = EPOCH.fetch_add(1, Ordering::Relaxed) + 1;
    *RECORDER.hold() = Some(Recorder::new(header, file, epoch)?);
    Ok(())
}

/// Hooks call this when something was allocated.
#[inline(always)]
pub(crate) fn allocated(allocator: Allocator, address: usize, size_bytes: usize) {
    if IS_TRACING.load(Ordering::Relaxed)
        && let Some(mut entered) = Entered::enter()
    {
        record_allocation(&mut entered, allocator, address, size_bytes);
    }
}

/// Hooks call this just before something is freed.
#[inline(always)]
pub(crate) fn freed(allocator: Allocator, address: usize, size_bytes: usize) {
    if IS_TRACING.load(Ordering::Relaxed)
        && let Some(mut entered) = Entered::enter()
    {
        record_free(&mut entered, allocator, address, size_bytes);
    }
}

/// What Python's own allocators tell.
struct Tracing;

impl python::allocators::Listener for Tracing {
    #[inline(always)]
    fn is_listening() -> bool {
        TRACES_PYTHON_ALLOCATORS.load(Ordering::Relaxed)
    }

    fn allocated(entered: &mut Entered, allocator: Allocator, address: usize, size_bytes: usize) {
        record_allocation(entered, allocator, address, size_bytes);
    }

    fn freed(entered: &mut Entered, allocator: Allocator, address: usize) {
        record_free(entered, allocator, address, 0);
    }
}

fn record(allocator: Allocator, address: usize, size_bytes: usize) -> Allocation {
    Allocation { address: address as u64, size_bytes: size_bytes as u64, allocator, native_frame: 0 }
}

/// The calling thread's state, as of the capture that is written now.
#[inline]
fn state(entered: &mut Entered) -> &mut ThreadState {
    let epoch = EPOCH.load(Ordering::Relaxed);
    let thread = entered.state();
    if thread.epoch != epoch {
        thread.begin_epoch(epoch);
    }
    thread
}

/// Records an allocation by a thread that has entered.
pub(crate) fn record_allocation(entered: &mut Entered, allocator: Allocator, address: usize, size_bytes: usize) {
    let Some(interpreter) = INTERPRETER.get() else { return };
    let resumes_at_ms = RESUMES_AT_MS.load(Ordering::Relaxed);
    if resumes_at_ms != 0 {
        resume_sampling(resumes_at_ms);
    }
    let thread = state(entered);
    let epoch = thread.epoch;
    let new_name = thread.new_name.take().map(|name| (thread.id, name));
    let kept = thread.look(interpreter);
    let id = thread.id;
    let change = thread.stack.take_over(kept, interpreter);
    let mut native = None;
    if TRACES_NATIVE.load(Ordering::Relaxed) {
        thread.native.observe();
        native = Some(&mut thread.native);
    }
    let mut recorder = RECORDER.hold();
    let Some(recording) = recorder.as_mut().filter(|recording| recording.epoch() == epoch) else { return };
    let named = new_name.map_or(Ok(()), |(thread, name)| recording.thread_name(thread, &name));
    let allocation = record(allocator, address, size_bytes);
    let result = named.and_then(|()| recording.allocation(id, &change, native, allocation, interpreter));
    drop(recorder);
    if let Err(error) = result {
        end(Some(error));
    } else if private_heap::heap().is_short() {
        end(Some(RecordError::NoMemory));
    }
}

/// The calling thread is called so from now on.
pub(crate) fn thread_is_named(entered: &mut Entered, name: Vec<u8>) {
    state(entered).new_name = Some(name);
}

/// The interpreter, while it is traced.
pub(crate) fn traced_interpreter() -> Option<&'static Interpreter> {
    if is_tracing() { INTERPRETER.get() } else { None }
}

/// Records a free by a thread that has entered.
pub(crate) fn record_free(entered: &mut Entered, allocator: Allocator, address: usize, size_bytes: usize) {
    let thread = state(entered);
    let (id, epoch) = (thread.id, thread.epoch);
    let mut recorder = RECORDER.hold();
    let Some(recording) = recorder.as_mut().filter(|recording| recording.epoch() == epoch) else { return };
    let result = recording.free(id, record(allocator, address, size_bytes));
    drop(recorder);
    if let Err(error) = result {
        end(Some(error));
    }
}

/// The sampling thread calls this.
fn sampled(time_ms: i64, rss_bytes: u64) {
    let mut recorder = RECORDER.hold();
    let Some(recording) = recorder.as_mut() else { return };
    let result = recording.snapshot(time_ms, rss_bytes);
    drop(recorder);
    let is_over = || {
        let session = SESSION.hold();
        let session = session.as_ref();
        session.is_some_and(|it| it.settings.duration.is_some_and(|duration| it.started.elapsed() >= duration))
    };
    match result {
        Err(error) => end(Some(error)),
        Ok(()) if is_over() => end(None),
        Ok(()) => {}
    }
}

/// What must be left to name native functions: files are read for that, and the names can be done without.
const NAMING_BYTES: usize = 64 << 20;

/// Ends tracing; with an error, says so. Whoever comes first does it.
fn end(error: Option<RecordError>) {
    if !IS_TRACING.swap(false, Ordering::AcqRel) {
        return;
    }
    TRACES_PYTHON_ALLOCATORS.store(false, Ordering::Release);
    // In a hook, the thread has entered already.
    let _entered = Entered::enter();
    let is_by_choice = error.is_none();
    let recorder = RECORDER.hold().take();
    let session = SESSION.hold().take();
    let names_native = is_by_choice && TRACES_NATIVE.load(Ordering::Relaxed) && private_heap::has_room(NAMING_BYTES);
    let finished = recorder.map(|recorder| recorder.finish(now_ms(), names_native));
    if let Some(error) = error {
        say(format_args!("tracing ends here and the program runs on: {error}"));
    }
    if let Some(Err(error)) = finished {
        say(format_args!("the capture is not complete: {error}"));
    }
    if let Some(sampler) = session.and_then(|session| session.sampler) {
        sampler.stop();
    }
    if is_by_choice {
        // Not from within a hook, which the loader may have called with its lock held.
        hooks::remove();
    }
    if let Some(interpreter) = INTERPRETER.get() {
        interpreter.undo();
    }
    IS_CLAIMED.store(false, Ordering::Release);
}

/// When sampling goes on after a fork, in milliseconds of the monotonic clock; 0 while it is not paused.
static RESUMES_AT_MS: AtomicU64 = AtomicU64::new(0);

/// How long there is no thread of ours after a fork: from 3.12 on Python counts threads then, and warns of forking with more
/// than one.
const PAUSE_MS: u64 = 20;

fn monotonic_ms() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes the time to where it is told.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &mut now) };
    now.tv_sec as u64 * 1000 + now.tv_nsec as u64 / 1_000_000
}

/// Ends the sampling thread before a fork; [`resume_sampling`] starts another. Holds nothing while it waits.
pub(super) fn pause_sampling() {
    let sampler = SESSION.hold().as_mut().and_then(|session| session.sampler.take());
    if let Some(sampler) = sampler {
        sampler.stop_and_wait();
        RESUMES_AT_MS.store(u64::MAX, Ordering::Release);
    }
}

/// In the parent: the fork is done.
pub(super) fn resume_sampling_soon() {
    if RESUMES_AT_MS.load(Ordering::Acquire) != 0 {
        RESUMES_AT_MS.store(monotonic_ms() + PAUSE_MS, Ordering::Release);
    }
}

/// Starts the sampling thread again, if its pause is over.
#[cold]
fn resume_sampling(resumes_at_ms: u64) {
    let is_over = monotonic_ms() >= resumes_at_ms;
    if is_over && RESUMES_AT_MS.compare_exchange(resumes_at_ms, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
        let interval = SESSION.hold().as_ref().map(|session| session.settings.memory_interval);
        let sampler = interval.and_then(|interval| Sampler::start(interval, sampled));
        match SESSION.hold().as_mut() {
            Some(session) => session.sampler = sampler,
            None => sampler.into_iter().for_each(Sampler::stop),
        }
    }
}

/// Holds what a fork must not cut through.
pub(super) fn before_fork() {
    std::mem::forget(SESSION.hold());
    std::mem::forget(RECORDER.hold());
}

/// In the parent, or at first in the child: gives it back.
pub(super) fn after_fork() {
    RECORDER.release();
    SESSION.release();
}

/// In a forked child: its own capture, or none.
pub(super) fn begin_in_child() {
    let Some(recorder) = RECORDER.hold().take() else { return };
    let header = recorder.abandon();
    let mut held = SESSION.hold();
    let Some(mut session) = held.take() else { return };
    if let Some(sampler) = session.sampler.take() {
        sampler.forget();
    }
    RESUMES_AT_MS.store(0, Ordering::Release);
    crate::thread::number_from_one_again();
    if !session.settings.follows_forks {
        run_untraced();
        return;
    }
    session.path = fork::child_path(&session.path, u32::try_from(header.pid).unwrap_or(0));
    session.settings.overwrites = true;
    session.started = Instant::now();
    let header = header::of_child(header, now_ms());
    match begin_capture(&session.path, &session.settings, header) {
        Ok(()) => {
            session.sampler = Sampler::start(session.settings.memory_interval, sampled);
            *held = Some(session);
        }
        Err(error) => {
            run_untraced();
            say(format_args!("a forked child runs untraced: {error}"));
        }
    }
}

/// The forked child is traced no more; it may start tracing anew.
fn run_untraced() {
    TRACES_PYTHON_ALLOCATORS.store(false, Ordering::Release);
    IS_TRACING.store(false, Ordering::Release);
    IS_CLAIMED.store(false, Ordering::Release);
    if let Some(interpreter) = INTERPRETER.get() {
        interpreter.undo();
    }
}
