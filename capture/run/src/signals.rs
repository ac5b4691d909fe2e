// SPDX-License-Identifier: Apache-2.0
//! [`Signals`]: what this process does about signals while the program runs, and [`Ended`], how the program ended.
//!
//! Signals are blocked and fetched one by one, so nothing of what the program inherits changes. Those that the terminal
//! sends reach the whole process group, and so the program too; all others are passed on.

use crate::error::RunError;
use std::io;
use std::mem::MaybeUninit;
use std::process::ExitCode;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// What is passed on, besides the real-time signals. Those that stop and continue are left to do so.
const PASSED_ON: [i32; 13] = [
    libc::SIGHUP,
    libc::SIGINT,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGALRM,
    libc::SIGTERM,
    libc::SIGVTALRM,
    libc::SIGPROF,
    libc::SIGWINCH,
    libc::SIGIO,
    libc::SIGPWR,
    libc::SIGURG,
];

/// What asks a process to end.
const ENDING: [i32; 4] = [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM];

/// Signals that this process, or Rust before it, had ignored: the program gets them as processes usually do.
pub(crate) const CHANGED_HERE: [i32; 2] = [libc::SIGPIPE, libc::SIGXFSZ];

/// A process of ours that runs, or has ended and was not waited for.
#[derive(Clone, Copy)]
pub(crate) struct Child(pub(crate) libc::pid_t);

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// With a code.
    Exited(u8),
    /// By a signal.
    Killed(i32),
}

/// Signals held back, until this is dropped.
pub struct Signals {
    before: libc::sigset_t,
    held: libc::sigset_t,
    /// Whether the ends of children were ignored: then these cannot be waited for.
    ignored_children: bool,
}

/// The ends of children are ignored as they were before, until this is dropped.
pub(crate) struct IgnoredChildren(bool);

impl Drop for IgnoredChildren {
    fn drop(&mut self) {
        if self.0 {
            // SAFETY: no handler is installed.
            unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
        }
    }
}

impl Signals {
    /// Holds them back. To be called while the process has one thread.
    ///
    /// # Errors
    /// [`RunError::Wait`]
    pub fn hold() -> Result<Self, RunError> {
        let real_time = libc::SIGRTMIN()..=libc::SIGRTMAX();
        let held = set_of(&PASSED_ON.into_iter().chain([libc::SIGCHLD]).chain(real_time).collect::<Vec<_>>());
        let mut before = MaybeUninit::uninit();
        // SAFETY: `held` is a set, and `before` there to be written to.
        let error = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &held, before.as_mut_ptr()) };
        if error != 0 {
            return Err(RunError::Wait(io::Error::from_raw_os_error(error)));
        }
        // SAFETY: no handler is installed.
        let ignored_children = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) } == libc::SIG_IGN;
        // SAFETY: it was written.
        Ok(Self { before: unsafe { before.assume_init() }, held, ignored_children })
    }

    /// For the time in which a process is made: what is ignored then is ignored there.
    pub(crate) fn ignore_children_as_before(&self) -> IgnoredChildren {
        if self.ignored_children {
            // SAFETY: no handler is installed.
            unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
        }
        IgnoredChildren(self.ignored_children)
    }

    /// What was blocked before.
    pub(crate) fn before(&self) -> &libc::sigset_t {
        &self.before
    }

    /// Passes signals on to a process until it ends.
    pub(crate) fn wait_for(&self, child: Child) -> Result<Ended, RunError> {
        // Of an end that came while ends were ignored, no signal tells, and how it ended is not known: that is an error.
        if let Some(ended) = child.ended()? {
            return Ok(ended);
        }
        loop {
            let info = self.next();
            if let Some(ended) = child.ended()? {
                return Ok(ended);
            }
            if is_to_pass_on(&info, child) {
                // SAFETY: the child was not waited for, so its number is its own.
                unsafe { libc::kill(child.0, info.si_signo) };
            }
        }
    }

    /// Does some work, and meanwhile calls `cancel` when the user asks this process to end.
    pub fn cancellable<T>(&self, cancel: impl Fn() + Send + Sync, work: impl FnOnce() -> T) -> T {
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            let watch = || {
                while !is_done.load(Ordering::Acquire) {
                    if ENDING.contains(&self.next().si_signo) {
                        cancel();
                    }
                }
            };
            // Without the thread there is no cancelling; the work is done all the same.
            let _ = thread::Builder::new().name("signals".to_owned()).spawn_scoped(scope, watch);
            let result = work();
            is_done.store(true, Ordering::Release);
            // The thread waits for this signal among others, or is about to; all threads hold it back.
            // SAFETY: nothing is done about this signal otherwise.
            unsafe { libc::kill(libc::getpid(), libc::SIGCHLD) };
            result
        })
    }

    /// Waits for the next.
    fn next(&self) -> libc::siginfo_t {
        let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
        // SAFETY: the set is one, and `info` is there to be written to.
        while unsafe { libc::sigwaitinfo(&self.held, info.as_mut_ptr()) } == -1 {
            // Stopped and continued, or traced: nothing came.
        }
        // SAFETY: it was written, and zeroes are valid too.
        unsafe { info.assume_init() }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // SAFETY: the set was given by the same function.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, null_mut()) };
    }
}

impl Child {
    /// How it ended, if it has.
    fn ended(self) -> Result<Option<Ended>, RunError> {
        let mut status = 0;
        // SAFETY: `status` is there to be written to.
        match unsafe { libc::waitpid(self.0, &mut status, libc::WNOHANG) } {
            -1 => Err(RunError::Wait(io::Error::last_os_error())),
            0 => Ok(None),
            _ if libc::WIFSIGNALED(status) => Ok(Some(Ended::Killed(libc::WTERMSIG(status)))),
            // A process's code has eight bits.
            _ => Ok(Some(Ended::Exited((libc::WEXITSTATUS(status) & 0xff) as u8))),
        }
    }
}

fn is_to_pass_on(info: &libc::siginfo_t, child: Child) -> bool {
    match info.si_signo {
        libc::SIGCHLD => false,
        // The terminal's keys and size concern the whole group; when it goes away, the leader of its session alone is told.
        libc::SIGINT | libc::SIGQUIT | libc::SIGWINCH if info.si_code == libc::SI_KERNEL => false,
        // SAFETY: these only look.
        libc::SIGHUP if info.si_code == libc::SI_KERNEL => unsafe { libc::getsid(0) == libc::getpid() },
        // SAFETY: a signal that a process sent says which.
        _ if info.si_code <= 0 => unsafe { info.si_pid() != child.0 },
        _ => true,
    }
}

pub(crate) fn set_of(signals: &[i32]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: the set is made empty before anything is added.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for &signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

impl Ended {
    /// Ends this process the same way: by the same signal, else with the code that is returned.
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::Exited(code) => ExitCode::from(code),
            Self::Killed(signal) => {
                die_by(signal);
                // It was ignored or cannot be sent: a shell's way to say it.
                ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
            }
        }
    }
}

/// Dies by a signal, and leaves no core: the program's own is the one that tells something.
fn die_by(signal: i32) {
    let no_core = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: all concern this process alone, which has nothing left to do. The set is one.
    unsafe {
        libc::setrlimit(libc::RLIMIT_CORE, &no_core);
        // Where cores go to a program, the limit is not asked.
        libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0);
        libc::signal(signal, libc::SIG_DFL);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &set_of(&[signal]), null_mut());
        libc::raise(signal);
    }
}
