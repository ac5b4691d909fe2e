// SPDX-License-Identifier: Apache-2.0
//! The thread that samples memory use while a session lasts: paused around forks, and the one that ends a session whose time
//! is over.

use super::{End, RECORDER, SESSION, Session, end};
use crate::snapshot::Sampler;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// The sampling thread calls this.
pub(super) fn sampled(time_ms: i64, rss_bytes: u64) {
    let mut recorder = RECORDER.hold();
    let Some(recording) = recorder.as_mut() else { return };
    let result = recording.snapshot(time_ms, rss_bytes);
    drop(recorder);
    let is_over = || {
        let session = SESSION.hold();
        session.as_ref().and_then(Session::over).is_some_and(|over| Instant::now() >= over)
    };
    match result {
        Err(error) => end(End::Failed(error)),
        Ok(()) if is_over() => end(End::Duration),
        Ok(()) => {}
    }
}

/// When sampling goes on after a fork, in milliseconds of the monotonic clock; 0 while it is not paused. It is paused, too,
/// in a forked child that has no file yet.
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

/// When sampling goes on; 0 if it is not paused.
#[inline(always)]
pub(super) fn resumes_at_ms() -> u64 {
    RESUMES_AT_MS.load(Ordering::Relaxed)
}

/// In a forked child, where there is no sampling thread: the next allocation gives it a capture, and starts one.
pub(super) fn begin_paused() {
    RESUMES_AT_MS.store(1, Ordering::Release);
}

/// Nothing goes on later.
pub(super) fn forget_pause() {
    RESUMES_AT_MS.store(0, Ordering::Release);
}

/// Ends the sampling thread before a fork; [`resume_sampling`] starts another. Holds nothing while it waits.
pub(in crate::process) fn pause_sampling() {
    let sampler = SESSION.hold().as_mut().and_then(|session| session.sampler.take());
    if let Some(sampler) = sampler {
        sampler.stop_and_wait();
        RESUMES_AT_MS.store(u64::MAX, Ordering::Release);
    }
}

/// In the parent: the fork is done.
pub(in crate::process) fn resume_sampling_soon() {
    if RESUMES_AT_MS.load(Ordering::Acquire) != 0 {
        RESUMES_AT_MS.store(monotonic_ms() + PAUSE_MS, Ordering::Release);
    }
}

/// Starts the sampling thread again, if its pause is over.
#[cold]
pub(super) fn resume_sampling(resumes_at_ms: u64) {
    let is_over = monotonic_ms() >= resumes_at_ms;
    if is_over && RESUMES_AT_MS.compare_exchange(resumes_at_ms, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
        let times = SESSION.hold().as_ref().map(|session| (session.settings.memory_interval, session.over()));
        let sampler = times.and_then(|(interval, over)| Sampler::start(interval, over, sampled));
        match SESSION.hold().as_mut() {
            Some(session) => session.sampler = sampler,
            None => sampler.into_iter().for_each(Sampler::stop),
        }
    }
}
