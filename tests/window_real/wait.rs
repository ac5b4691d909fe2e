// SPDX-License-Identifier: Apache-2.0
//! Waiting for what must happen, by looking again and again: never by sleeping and hoping.

use std::time::{Duration, Instant};

/// Far beyond what a slow machine needs; reached only where a test fails.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long something that was done may take to show before it is done again.
const SOON: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until there is something, and panics with `what` if there never is.
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(PATIENCE, look).unwrap_or_else(|| panic!("waited {PATIENCE:?} in vain for {what}"))
}

/// Looks for a while.
pub(crate) fn soon<T>(look: impl FnMut() -> Option<T>) -> Option<T> {
    within(SOON, look)
}

fn within<T>(patience: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return Some(found);
        }
        if start.elapsed() >= patience {
            return None;
        }
        std::thread::sleep(PAUSE);
    }
}
