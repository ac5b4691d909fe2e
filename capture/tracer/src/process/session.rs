// SPDX-License-Identifier: Apache-2.0
//! The one tracing that a process can have. [`start`] and [`stop`] lead; [`allocated`] and [`freed`] are what hooks call.
//! [`sampling`] samples memory use meanwhile; [`forks`] is about processes that fork.

mod forks;
mod sampling;

use super::completion::{Completion, await_completion};
use super::family::Family;
use super::message::say;
use super::settings::Settings;
use super::{children, fork, header};
use crate::biased_lock::{BiasedLock, allow_biases};
use crate::file::{CaptureFile, FileError, FileOptions};
use crate::lock::Lock;
use crate::native::Naming;
use crate::python::{Interpreter, Refusal};
use crate::recorder::{RecordError, Recorder};
use crate::snapshot::{Sampler, now_ms};
use crate::thread::{Entered, ThreadState, Uncancelled};
use crate::{hooks, private_heap, python};
use forks::begin_after_fork;
pub(super) use forks::{after_fork, before_fork, begin_in_child};
use memray_format::appendix::StoppedBy;
use memray_format::{Allocation, Allocator, EncodeError, Header, encode_header};
use sampling::{forget_pause, resume_sampling, resumes_at_ms, sampled};
pub(super) use sampling::{pause_sampling, resume_sampling_soon};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
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
    Record(RecordError),
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

/// The process that is traced.
static TRACED_PID: AtomicU32 = AtomicU32::new(0);

static RECORDER: BiasedLock<Option<Recorder>> = BiasedLock::new(None);

/// What was asked for, and when it began.
static SESSION: Lock<Option<Session>> = Lock::new(None);

struct Session {
    settings: Settings,
    family: Family,
    started: Instant,
    sampler: Option<Sampler>,
    /// Of a forked child's capture that has no file yet.
    unbegun: Option<Header>,
}

impl Session {
    /// When the time to record is over, if that is limited.
    fn over(&self) -> Option<Instant> {
        self.settings.duration.and_then(|duration| self.started.checked_add(duration))
    }
}

/// Starts tracing; returns the capture's path. To be called with the GIL held.
pub(crate) fn start(settings: Settings) -> Result<PathBuf, StartError> {
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

fn start_claimed(settings: Settings, entered: &mut Entered) -> Result<PathBuf, StartError> {
    let interpreter = match INTERPRETER.get() {
        Some(interpreter) => interpreter,
        None => {
            let found = Interpreter::find()?;
            INTERPRETER.get_or_init(|| found)
        }
    };
    interpreter.use_shortcut(settings.uses_shortcut);
    allow_biases();
    if !private_heap::heap().reserve() {
        return Err(StartError::Record(RecordError::Exhausted));
    }
    let header = header::describe(&settings, interpreter, now_ms());
    crate::thread::number_from_one_again();
    let pid = std::process::id();
    let (path, family) = if settings.is_child {
        let family = Family::joined(settings.path_of(pid));
        (begin_child(&family, &settings, header)?, family)
    } else {
        let path = settings.path_of(pid);
        begin_capture(&settings, header, |options, header| Ok(((), CaptureFile::create(&path, options, header)?)))?;
        (path.clone(), Family::begun_by(pid, path))
    };
    children::follow(&settings, family.first());
    // The thread that starts tracing is the first.
    state(entered);
    // A tracing that ended while it was paused leaves this behind; a second sampler would never be stopped.
    forget_pause();
    let mut session = Session { settings, family, started: Instant::now(), sampler: None, unbegun: None };
    session.sampler = Sampler::start(session.settings.memory_interval, session.over(), sampled);
    TRACES_NATIVE.store(session.settings.traces_native, Ordering::Relaxed);
    let traces_python_allocators = session.settings.traces_python_allocators;
    *SESSION.hold() = Some(session);
    interpreter.watch();
    fork::watch();
    hooks::install();
    if traces_python_allocators {
        python::allocators::install::<Tracing>(interpreter);
    }
    TRACES_PYTHON_ALLOCATORS.store(traces_python_allocators, Ordering::Release);
    IS_TRACING.store(true, Ordering::Release);
    Ok(path)
}

/// Stops tracing and completes the capture; nothing if there is none. May be called by any thread, at any time.
pub(crate) fn stop() {
    end(End::Asked);
}

/// Completes the capture, as the program ends here and now. Nothing is put back. Whether there was one. May be called
/// anywhere, also by a signal handler; and by a child that shares this process's memory, in which nothing is done.
pub(crate) fn stop_at_once() -> bool {
    if TRACED_PID.load(Ordering::Relaxed) != std::process::id() {
        return false;
    }
    // A thread that is inside may hold the recorder.
    let Some(entered) = Entered::enter() else { return false };
    let completion = Completion::begin();
    if !IS_TRACING.swap(false, Ordering::AcqRel) {
        drop((completion, entered));
        await_completion();
        return false;
    }
    TRACES_PYTHON_ALLOCATORS.store(false, Ordering::Release);
    let recorder = RECORDER.hold().take();
    let naming = if TRACES_NATIVE.load(Ordering::Relaxed) { Naming::Anywhere } else { Naming::Nothing };
    let finished = recorder.map(|recorder| recorder.finish(now_ms(), naming, None));
    if let Some(Err(error)) = finished {
        say(format_args!("the capture is not complete: {error}"));
    }
    true
}

/// The program did not end after [`stop_at_once`].
pub(crate) fn go_on_untraced() {
    children::stop_following();
    let Some(_entered) = Entered::enter() else { return };
    let session = SESSION.hold().take();
    put_back(session);
    say("tracing has ended, as the program was going to become another one; it runs on");
}

/// Whether hooks record.
#[inline]
pub(crate) fn is_tracing() -> bool {
    IS_TRACING.load(Ordering::Acquire)
}

/// Begins a capture in a file that is created with a header.
fn begin_capture<T>(
    settings: &Settings,
    header: Header,
    create: impl FnOnce(FileOptions, &[u8]) -> Result<(T, CaptureFile), FileError>,
) -> Result<T, StartError> {
    let options = FileOptions {
        overwrites: settings.overwrites,
        compresses: settings.compresses,
        max_size_bytes: settings.max_size_bytes,
        appendix_bytes: if settings.traces_native { MOST_NAMES_BYTES } else { 0 },
    };
    let (created, file) = create(options, &encode_header(&header)?)?;
    let epoch = EPOCH.fetch_add(1, Ordering::Relaxed) + 1;
    let recorder = Recorder::new(header, file, epoch).map_err(|error| match error {
        RecordError::File(error) => StartError::File(error),
        error => StartError::Record(error),
    })?;
    *RECORDER.hold() = Some(recorder);
    TRACED_PID.store(std::process::id(), Ordering::Relaxed);
    Ok(created)
}

/// Begins the capture of a child; returns its path.
fn begin_child(family: &Family, settings: &Settings, header: Header) -> Result<PathBuf, StartError> {
    begin_capture(settings, header, |options, header| {
        let options = FileOptions { overwrites: false, ..options };
        family.create(std::process::id(), |path| CaptureFile::create(path, options, header))
    })
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

    // Not once for each domain.
    #[inline(never)]
    fn allocated(entered: &mut Entered, allocator: Allocator, address: usize, size_bytes: usize) {
        record_allocation(entered, allocator, address, size_bytes);
    }

    #[inline(never)]
    fn freed(entered: &mut Entered, allocator: Allocator, address: usize) {
        record_free(entered, allocator, address, 0);
    }
}

#[inline(always)]
fn record(allocator: Allocator, address: usize, size_bytes: usize) -> Allocation {
    Allocation { address: address as u64, size_bytes: size_bytes as u64, allocator, native_frame: 0 }
}

/// The calling thread's state, as of the capture that is written now.
#[inline(always)]
fn state(entered: &mut Entered) -> &mut ThreadState {
    let epoch = EPOCH.load(Ordering::Relaxed);
    let thread = entered.state();
    if thread.epoch != epoch {
        thread.begin_epoch(epoch);
    }
    thread
}

/// Records an allocation by a thread that has entered.
#[inline(always)]
fn record_allocation(entered: &mut Entered, allocator: Allocator, address: usize, size_bytes: usize) {
    let Some(interpreter) = INTERPRETER.get() else { return };
    let resumes_at_ms = resumes_at_ms();
    if resumes_at_ms != 0 {
        begin_after_fork();
        resume_sampling(resumes_at_ms);
    }
    let thread = state(entered);
    if thread.new_name.is_some() {
        record_name(thread);
    }
    let is_without_python = thread.stack.stays_empty(interpreter);
    // Others wait for the GIL, which a thread that runs Python may have.
    thread.bias.be_patient(is_without_python);
    if is_without_python && !TRACES_NATIVE.load(Ordering::Relaxed) {
        record_operation(thread, record(allocator, address, size_bytes));
    } else {
        record_with_stack(thread, allocator, address, size_bytes, interpreter);
    }
}

/// Records what a thread did whose stack is as it was, or does not matter.
#[inline(always)]
fn record_operation(thread: &ThreadState, operation: Allocation) {
    let (id, epoch) = (thread.id, thread.epoch);
    let mut recorder = RECORDER.hold_often(&thread.bias);
    let Some(recording) = recorder.as_mut().filter(|recording| recording.epoch() == epoch) else { return };
    let result = recording.operation(id, operation);
    drop(recorder);
    if let Err(error) = result {
        end(End::Failed(error));
    }
}

/// Records an allocation and the stack that it was made with.
#[inline(never)]
fn record_with_stack(
    thread: &mut ThreadState,
    allocator: Allocator,
    address: usize,
    size_bytes: usize,
    interpreter: &Interpreter,
) {
    let allocation = record(allocator, address, size_bytes);
    let kept = thread.look(interpreter);
    let (id, epoch) = (thread.id, thread.epoch);
    let change = thread.stack.take_over(kept, interpreter);
    let mut native = None;
    if TRACES_NATIVE.load(Ordering::Relaxed) {
        thread.native.observe();
        native = Some(&mut thread.native);
    }
    let mut recorder = RECORDER.hold_often(&thread.bias);
    let Some(recording) = recorder.as_mut().filter(|recording| recording.epoch() == epoch) else { return };
    let result = recording.allocation(id, change, native, allocation, interpreter);
    drop(recorder);
    if let Err(error) = result {
        end(End::Failed(error));
    } else if private_heap::heap().is_short() {
        end(End::Failed(RecordError::Exhausted));
    }
}

/// Records a name that the calling thread, or the greenlet that it runs, got since.
#[cold]
fn record_name(thread: &mut ThreadState) {
    let Some(name) = thread.new_name.take() else { return };
    let mut recorder = RECORDER.hold_often(&thread.bias);
    let Some(recording) = recorder.as_mut().filter(|recording| recording.epoch() == thread.epoch) else { return };
    let result = recording.thread_name(thread.id, &name);
    drop(recorder);
    if let Err(error) = result {
        end(End::Failed(error));
    }
}

/// The calling thread is called so from now on.
pub(crate) fn thread_is_named(entered: &mut Entered, name: Vec<u8>) {
    state(entered).rename(name);
}

/// The interpreter, while it is traced.
pub(crate) fn traced_interpreter() -> Option<&'static Interpreter> {
    if is_tracing() { INTERPRETER.get() } else { None }
}

/// Records a free by a thread that has entered.
#[inline(always)]
fn record_free(entered: &mut Entered, allocator: Allocator, address: usize, size_bytes: usize) {
    let thread = state(entered);
    record_operation(thread, record(allocator, address, size_bytes));
}

/// What must be left to name native functions: files are read for that, and the names can be done without.
const NAMING_BYTES: usize = 64 << 20;

/// What the names of native functions may take of a file that must not become too long.
const MOST_NAMES_BYTES: u64 = 8 << 20;

/// Why tracing ends.
enum End {
    /// Somebody asked for it, or the program ends.
    Asked,
    /// The time to record is over.
    Duration,
    /// Nothing more can be recorded.
    Failed(RecordError),
}

impl End {
    /// What the capture says of it, where the program runs on.
    fn stopped_by(&self, settings: &Settings) -> Option<StoppedBy> {
        match self {
            Self::Duration => {
                let ms = settings.duration?.as_millis();
                Some(StoppedBy::Duration(u64::try_from(ms).unwrap_or(u64::MAX)))
            }
            Self::Failed(RecordError::NoMemory(_) | RecordError::Exhausted) => {
                Some(StoppedBy::WriteError(libc::ENOMEM))
            }
            Self::Failed(RecordError::File(FileError::MaxSize)) => settings.max_size_bytes.map(StoppedBy::MaxSize),
            Self::Failed(RecordError::File(FileError::Write(error))) => error.raw_os_error().map(StoppedBy::WriteError),
            Self::Asked | Self::Failed(_) => None,
        }
    }
}

/// Ends tracing; after an error, says so. Whoever comes first does it, and whoever asks for it waits until it is done.
#[cold]
fn end(why: End) {
    let _uncancelled = Uncancelled::begin();
    // In a hook, the thread has entered already.
    let entered = Entered::enter();
    let completion = Completion::begin();
    if !IS_TRACING.swap(false, Ordering::AcqRel) {
        drop((completion, entered));
        if matches!(why, End::Asked) {
            await_completion();
        }
        return;
    }
    TRACES_PYTHON_ALLOCATORS.store(false, Ordering::Release);
    children::stop_following();
    let is_by_choice = !matches!(why, End::Failed(_));
    let recorder = RECORDER.hold().take();
    let session = SESSION.hold().take();
    let naming = match &why {
        _ if !TRACES_NATIVE.load(Ordering::Relaxed) || !private_heap::has_room(NAMING_BYTES) => Naming::Nothing,
        End::Asked | End::Duration => Naming::Anywhere,
        End::Failed(RecordError::File(FileError::MaxSize | FileError::Write(_))) => Naming::InHook,
        End::Failed(_) => Naming::Nothing,
    };
    let stopped = session.as_ref().and_then(|session| why.stopped_by(&session.settings));
    let finished = recorder.map(|recorder| recorder.finish(now_ms(), naming, stopped));
    if let End::Failed(error) = why {
        say(format_args!("tracing ends here and the program runs on: {error}"));
    }
    if let Some(Err(error)) = finished {
        say(format_args!("the capture is not complete: {error}"));
    }
    if is_by_choice {
        // Not from within a hook, which the loader may have called with its lock held.
        hooks::remove();
    }
    put_back(session);
}

/// Leaves the process as it was, but for hooks, after tracing has ended.
fn put_back(session: Option<Session>) {
    if let Some(sampler) = session.and_then(|session| session.sampler) {
        sampler.stop();
    }
    if let Some(interpreter) = INTERPRETER.get() {
        interpreter.undo();
    }
    IS_CLAIMED.store(false, Ordering::Release);
}
