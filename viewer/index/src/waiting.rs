// SPDX-License-Identifier: Apache-2.0
//! One process builds an index, others wait for it: how the builder says how far it is, and how those who wait follow it.
//!
//! It says so in the file that it holds the lock of ([`crate::cache`]), over and over, so that its silence means that it
//! stands still: then nobody waits for it any longer.

use crate::progress::Progress;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often a waiting process looks whether the building one is done.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a building process may say nothing before nobody waits for it any longer. It says something every
/// [`LOOK_EVERY`], unless it was stopped or its machine sleeps.
const STANDS_STILL_AFTER: Duration = Duration::from_secs(5);

/// The process that builds the index we want, as seen from here.
#[derive(Default)]
pub(crate) struct Builder {
    /// What it last said, and when it was first seen to say so.
    last: Option<(String, Instant)>,
}

impl Builder {
    /// Whether it has said the same for too long.
    pub(crate) fn stands_still(&mut self, told: String, now: Instant) -> bool {
        match &self.last {
            Some((last, since)) if *last == told => now.saturating_duration_since(*since) >= STANDS_STILL_AFTER,
            _ => {
                self.last = Some((told, now));
                false
            }
        }
    }
}

/// Shows how far the process is that builds the index we want; what it said.
pub(crate) fn follow(lock: Option<&File>, progress: &Progress) -> String {
    let mut told = String::new();
    if lock.is_some_and(|lock| lock.take(100).read_to_string(&mut told).is_ok()) {
        let mut numbers = told.split_whitespace().map_while(|number| number.parse::<u64>().ok());
        if let (Some(done), Some(total), Some(records)) = (numbers.next(), numbers.next(), numbers.next()) {
            progress.set_total(total);
            progress.advance(done, records);
        }
    }
    told
}

/// Does some work, and says meanwhile in a file how far it is, for those who wait for it; that it still says something
/// shows that it goes on.
pub(crate) fn while_telling<T>(file: &File, progress: &Progress, work: impl FnOnce() -> T) -> T {
    // Dropped when the work is done, also if it panics.
    let (working, is_done) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        // Without a thread to say it, nobody waits for long.
        let _ = std::thread::Builder::new().name("tell progress".to_owned()).spawn_scoped(scope, move || {
            for beat in 0u64.. {
                let (bytes, total) = progress.bytes();
                let line = format!("{bytes} {total} {} {beat} \n", progress.records());
                let mut file = file;
                let _ = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(line.as_bytes()));
                if is_done.recv_timeout(LOOK_EVERY) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        let result = work();
        drop(working);
        result
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_builder_that_says_nothing_new_for_a_while_stands_still() {
        let start = Instant::now();
        let mut builder = Builder::default();
        let mut stands_still =
            |told: &str, after_ms: u64| builder.stands_still(told.to_owned(), start + Duration::from_millis(after_ms));
        assert!(!stands_still("", 0));
        assert!(!stands_still("", 4900));
        assert!(!stands_still("1 2 3 0 \n", 5000), "it spoke");
        assert!(!stands_still("1 2 3 1 \n", 9900), "no further, but alive");
        assert!(!stands_still("1 2 3 1 \n", 14_899));
        assert!(stands_still("1 2 3 1 \n", 14_900));
    }

    #[test]
    fn a_panic_while_others_are_told_how_far_it_is_is_a_panic_and_no_endless_wait() {
        let file = tempfile::tempfile().unwrap();
        let progress = Progress::default();
        progress.set_total(9);
        let work = std::panic::AssertUnwindSafe(|| while_telling(&file, &progress, || panic!("a bug")));
        assert!(std::panic::catch_unwind(work).is_err());
        let mut told = String::new();
        (&file).seek(SeekFrom::Start(0)).unwrap();
        (&file).read_to_string(&mut told).unwrap();
        assert!(told.is_empty() || told.starts_with("0 9 0 "), "{told}");
        assert_eq!(while_telling(&file, &progress, || 7), 7);
    }
}
