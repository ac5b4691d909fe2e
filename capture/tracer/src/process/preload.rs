// SPDX-License-Identifier: Apache-2.0
//! The tracer as a preloaded library: it waits until the interpreter begins with the program.
//!
//! Between the command and the interpreter there may be shells and shims. In those, and in every process that is not to be
//! traced, nothing is done at all. In a process that is a Python interpreter the environment is made what it was without
//! us, before Python reads it; then nothing more is done until the program begins.

use super::audit_hook::DormantPython;
use super::message::{leave_to_command, remember_standard_error, report, say, say_line};
use super::session::StartError;
use super::settings::{Report, Settings, VARIABLE};
use super::{environment, python_exit, session};
use std::os::unix::ffi::OsStringExt;
use std::sync::OnceLock;

#[used]
#[unsafe(link_section = ".init_array")]
static AT_LOAD: extern "C" fn() = at_load;

#[used]
#[unsafe(link_section = ".fini_array")]
static AT_EXIT: extern "C" fn() = at_exit;

/// What is to be recorded when the program begins.
static WAITING: OnceLock<Waiting> = OnceLock::new();

struct Waiting {
    settings: Settings,
    /// The process that was asked to. What it forks until then is not it.
    pid: u32,
}

/// Called by the dynamic linker, before `main`.
extern "C" fn at_load() {
    let Some(value) = std::env::var_os(VARIABLE) else { return };
    let Some(python) = DormantPython::find() else { return };
    remember_standard_error();
    // SAFETY: the process has one thread, which is loading its libraries.
    unsafe { environment::clean(VARIABLE) };
    let settings = match Settings::decode(&value.into_vec()) {
        Ok(settings) => settings,
        Err(error) => return say(format_args!("{error}; the program runs untraced")),
    };
    if let Some(report) = settings.report.as_ref().filter(|_| settings.is_child) {
        leave_to_command(report.clone());
    }
    let interpreter = match python {
        DormantPython::Auditing(interpreter) => interpreter,
        DormantPython::Other(what) => {
            say(format_args!("{what}, and only CPython 3.9 to 3.15 can be traced; it runs untraced"));
            return refuse(&settings);
        }
    };
    let waiting = WAITING.get_or_init(|| Waiting { settings, pid: std::process::id() });
    // SAFETY: as above.
    if !unsafe { interpreter.at_beginning(begin) } {
        say("this Python does not tell when the program begins; it runs untraced");
        refuse(&waiting.settings);
    }
}

/// The program begins; the GIL is held.
fn begin() {
    let Some(Waiting { settings, pid }) = WAITING.get() else { return };
    if *pid != std::process::id() {
        return;
    }
    if settings.is_child && is_bookkeeper() {
        return;
    }
    python_exit::register();
    let shown_path = settings.shown_path_of(*pid);
    match session::start(settings.clone()) {
        Ok(path) if settings.is_child => report(settings, &Report::Child { path }),
        Ok(path) => {
            if !settings.is_quiet {
                say_line(&format!("Writing profile results into {}", shown_path.display()));
            }
            report(settings, &Report::Recording { path, shown_path });
        }
        Err(error) => {
            match error {
                // It says so itself.
                StartError::Refused(refusal) => say(refusal),
                error => say(format_args!("{}; the program runs untraced", error.to_string().trim_end_matches('.'))),
            }
            refuse(settings);
        }
    }
}

/// Tells the command that its program is not recorded.
fn refuse(settings: &Settings) {
    if !settings.is_child {
        report(settings, &Report::Refused);
    }
}

/// Whether this is the process in which `multiprocessing` keeps count of shared memory: nothing of the program's own.
fn is_bookkeeper() -> bool {
    let words = std::fs::read("/proc/self/cmdline").unwrap_or_default();
    words.split(|&byte| byte == 0).any(|word| word.starts_with(b"from multiprocessing.resource_tracker import main"))
}

/// Called by the C library as the process exits, where Python did not say so before.
extern "C" fn at_exit() {
    session::stop();
}
