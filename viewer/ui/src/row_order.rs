// SPDX-License-Identifier: Apache-2.0
//! In which order rows are shown, and which of them: [`RowOrder`] keeps what was computed last, and computes long
//! lists on another thread, so that no frame waits for a sort.

use crate::background::{Background, Poll};
use egui::Context;

/// Lists up to this long are sorted at once: that takes less than a frame.
const AT_ONCE: usize = 10_000;

/// Rows in the order shown. `Key` tells when they must be computed anew.
pub(crate) struct RowOrder<Key> {
    /// What `order` answers.
    key: Option<Key>,
    order: Vec<u32>,
    generation: u64,
    running: Option<(Key, Background<Vec<u32>>)>,
}

impl<Key> Default for RowOrder<Key> {
    fn default() -> Self {
        Self { key: None, order: Vec::new(), generation: 0, running: None }
    }
}

impl<Key: PartialEq + Clone> RowOrder<Key> {
    /// Asks for the order of `row_count` rows under `key`; `sort` computes it if it is not known. Until then an order
    /// of the same rows stays, as `same_rows` says of two keys.
    pub(crate) fn update<Sort>(
        &mut self,
        context: &Context,
        key: &Key,
        row_count: usize,
        same_rows: impl Fn(&Key, &Key) -> bool,
        sort: impl FnOnce() -> Sort,
    ) where
        Sort: FnOnce() -> Vec<u32> + Send + 'static,
    {
        if let Some((running_key, running)) = &self.running {
            match running.poll() {
                Poll::Pending => {}
                Poll::Ready(order) => {
                    self.key = Some(running_key.clone());
                    self.running = None;
                    self.replace(order);
                }
                Poll::Failed => {
                    // The order of before stays: it is of the same rows.
                    self.key = Some(running_key.clone());
                    self.running = None;
                }
            }
        }
        if self.key.as_ref() == Some(key) || self.running.as_ref().is_some_and(|(running, _)| running == key) {
            return;
        }
        if row_count <= AT_ONCE {
            self.replace(sort()());
            self.key = Some(key.clone());
            self.running = None;
            return;
        }
        if !self.key.as_ref().is_some_and(|known| same_rows(known, key)) {
            // The rows that the old order numbers are gone; the new ones come as they were given.
            self.replace((0..row_count as u32).collect());
            self.key = None;
        }
        self.running = Some((key.clone(), Background::start(context, "sort", sort())));
    }

    fn replace(&mut self, order: Vec<u32>) {
        self.order = order;
        self.generation += 1;
    }

    /// Counts the orders: what was found in one need not lie there in the next.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// Rows in the order shown.
    pub(crate) fn rows(&self) -> &[u32] {
        &self.order
    }

    /// Whether a newer order is being computed.
    pub(crate) fn is_running(&self) -> bool {
        self.running.is_some()
    }
}
