// SPDX-License-Identifier: Apache-2.0
//! Waiting for what must happen soon, by looking again and again: never by sleeping and hoping.

use std::time::{Duration, Instant};

/// Far beyond what a slow machine needs; reached only where a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until there is something, and panics with `what` if there never is.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
