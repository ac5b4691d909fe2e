// SPDX-License-Identifier: Apache-2.0
//! A wish for a thread to fulfil, of which the latest counts: [`Latest`].

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The latest wish. One side puts it, the other takes it.
pub(super) struct Latest<T> {
    wish: Mutex<Wish<T>>,
    changed: Condvar,
}

struct Wish<T> {
    wanted: Option<T>,
    is_closed: bool,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self { wish: Mutex::new(Wish { wanted: None, is_closed: false }), changed: Condvar::new() }
    }
}

impl<T> Latest<T> {
    fn lock(&self) -> MutexGuard<'_, Wish<T>> {
        // A wish is replaced whole, so one that a panic left behind is as good as any.
        self.wish.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what is wanted now; what was wanted before is not any more.
    pub(super) fn put(&self, wanted: T) {
        self.lock().wanted = Some(wanted);
        self.changed.notify_one();
    }

    /// Says that nothing is wanted any more.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Waits for the next wish; `None` when there will be none.
    pub(super) fn next(&self) -> Option<T> {
        let mut wish = self.lock();
        loop {
            if wish.is_closed {
                return None;
            }
            if let Some(wanted) = wish.wanted.take() {
                return Some(wanted);
            }
            wish = self.changed.wait(wish).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether another wish waits, or none will come.
    pub(super) fn has_newer(&self) -> bool {
        let wish = self.lock();
        wish.is_closed || wish.wanted.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_wish_is_the_next_and_none_comes_once_it_is_closed() {
        let latest = Latest::default();
        latest.put(1);
        latest.put(2);
        assert!(latest.has_newer());
        assert_eq!(latest.next(), Some(2));
        assert!(!latest.has_newer());
        latest.put(3);
        latest.close();
        assert!(latest.has_newer());
        assert_eq!(latest.next(), None);
    }
}
