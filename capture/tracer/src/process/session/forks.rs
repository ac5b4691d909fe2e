// SPDX-License-Identifier: Apache-2.0
//! A session in a process that forks: what is held meanwhile, and the child's own capture. Its file is made when the child
//! allocates.

use super::sampling::{begin_paused, forget_pause};
use super::{INTERPRETER, IS_CLAIMED, IS_TRACING, RECORDER, SESSION, TRACES_PYTHON_ALLOCATORS, begin_child};
use crate::process::message::{report, say};
use crate::process::settings::Report;
use crate::process::{children, header};
use crate::recorder::Recorder;
use crate::snapshot::now_ms;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Holds what a fork must not cut through.
pub(in crate::process) fn before_fork() {
    std::mem::forget(SESSION.hold());
    std::mem::forget(RECORDER.hold());
}

/// In the parent, or at first in the child: gives it back.
pub(in crate::process) fn after_fork() {
    RECORDER.release();
    SESSION.release();
}

/// In a forked child: its own capture, or none.
pub(in crate::process) fn begin_in_child() {
    RECORDER.in_forked_child();
    let mut held = SESSION.hold();
    let Some(session) = held.as_mut() else { return };
    let parents = RECORDER.hold().take().map(Recorder::abandon);
    let Some(header) = parents.or_else(|| session.unbegun.take()) else { return };
    if let Some(sampler) = session.sampler.take() {
        sampler.forget();
    }
    crate::thread::number_from_one_again();
    if session.settings.follows_forks {
        session.unbegun = Some(header::of_child(header, now_ms()));
        session.started = Instant::now();
        begin_paused();
    } else {
        *held = None;
        drop(held);
        run_untraced();
    }
}

/// In a forked child that allocates: gives it a file, if it has none. Most children that only execute another program never
/// come here, and leave none.
#[cold]
pub(super) fn begin_after_fork() {
    let mut held = SESSION.hold();
    let Some(session) = held.as_mut() else { return };
    let Some(header) = session.unbegun.take() else { return };
    match begin_child(&session.family, &session.settings, header) {
        Ok(path) => report(&session.settings, &Report::Child { path }),
        Err(error) => {
            *held = None;
            drop(held);
            run_untraced();
            say(format_args!("a forked child runs untraced: {error}"));
        }
    }
}

/// The forked child is traced no more; it may start tracing anew.
fn run_untraced() {
    forget_pause();
    TRACES_PYTHON_ALLOCATORS.store(false, Ordering::Release);
    children::stop_following();
    IS_TRACING.store(false, Ordering::Release);
    IS_CLAIMED.store(false, Ordering::Release);
    if let Some(interpreter) = INTERPRETER.get() {
        interpreter.undo();
    }
}
