// SPDX-License-Identifier: Apache-2.0
//! In which order rows are shown, and which of them: [`RowOrder`] keeps what was computed last, and computes long
//! lists on another thread, so that no frame waits for a sort. [`Arrangement`] is what an order depends on.

use crate::background::{Background, Poll};
use egui::Context;
use memray_report::size::{format_count, format_counted};
use std::cmp::Reverse;
use std::sync::Arc;

/// Whether a name matches the search. Given anew only when the search changes.
pub type Hits = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What rows can be sorted by; the default is what a list begins with.
pub(crate) trait SortBy: Copy + PartialEq + Default {
    /// Whether it is words, which begin with the first, and not numbers, which begin with the largest.
    fn is_words(self) -> bool;
}

/// By what, and which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sort<By> {
    pub(crate) by: By,
    pub(crate) is_descending: bool,
}

impl<By: SortBy> Default for Sort<By> {
    fn default() -> Self {
        Self::first(By::default())
    }
}

impl<By: SortBy> Sort<By> {
    fn first(by: By) -> Self {
        Self { by, is_descending: !by.is_words() }
    }

    /// After a click on a column's heading.
    pub(crate) fn clicked(self, by: By) -> Self {
        if by == self.by { Self { by, is_descending: !self.is_descending } } else { Self::first(by) }
    }
}

/// What an order depends on: which rows, sorted by what, and which of them match.
pub(crate) struct Arrangement<Row, By> {
    pub(crate) rows: Arc<Vec<Row>>,
    pub(crate) sort: Sort<By>,
    pub(crate) hits: Option<Hits>,
}

impl<Row, By: Copy> Clone for Arrangement<Row, By> {
    fn clone(&self) -> Self {
        Self { rows: self.rows.clone(), sort: self.sort, hits: self.hits.clone() }
    }
}

impl<Row, By: PartialEq> PartialEq for Arrangement<Row, By> {
    fn eq(&self, other: &Self) -> bool {
        let same_hits = match (&self.hits, &other.hits) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        };
        same_hits && self.sort == other.sort && self.has_same_rows(other)
    }
}

impl<Row, By> Arrangement<Row, By> {
    fn has_same_rows(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.rows, &other.rows)
    }

    /// The rows that match, as they were given.
    pub(crate) fn matching(&self, matches: impl Fn(&Row, &Hits) -> bool) -> Vec<u32> {
        let rows = (0_u32..).zip(&*self.rows);
        match &self.hits {
            None => rows.map(|(at, _)| at).collect(),
            Some(hits) => rows.filter(|(_, row)| matches(row, hits)).map(|(at, _)| at).collect(),
        }
    }

    /// Sorts rows by a key. Ties keep their order.
    pub(crate) fn sort_by<Key: Ord>(&self, order: &mut [u32], key: impl Fn(&Row) -> Key) {
        let key = |at: &u32| key(&self.rows[*at as usize]);
        if self.sort.is_descending {
            order.sort_by_cached_key(|at| Reverse(key(at)));
        } else {
            order.sort_by_cached_key(key);
        }
    }
}

/// Lists up to this long are sorted at once: that takes less than a frame.
const AT_ONCE: usize = 10_000;

/// An order being computed, and what it answers.
type Running<Row, By> = (Arrangement<Row, By>, Background<Vec<u32>>);

/// Where a row was found, or that it was not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<Key> {
    key: Key,
    at: Option<usize>,
    /// The order in which it was looked for.
    generation: u64,
}

/// Rows in the order shown.
pub(crate) struct RowOrder<Row, By> {
    /// What `order` answers.
    key: Option<Arrangement<Row, By>>,
    order: Vec<u32>,
    generation: u64,
    running: Option<Running<Row, By>>,
}

impl<Row, By> Default for RowOrder<Row, By> {
    fn default() -> Self {
        Self { key: None, order: Vec::new(), generation: 0, running: None }
    }
}

impl<Row, By: SortBy> RowOrder<Row, By> {
    /// Asks for the order of an arrangement; `sort` computes it if it is not known. Until then an order of the same rows
    /// stays.
    pub(crate) fn update<Sort>(&mut self, context: &Context, key: &Arrangement<Row, By>, sort: impl FnOnce() -> Sort)
    where
        Sort: FnOnce() -> Vec<u32> + Send + 'static,
    {
        let row_count = key.rows.len();
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
        if !self.key.as_ref().is_some_and(|known| known.has_same_rows(key)) {
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

    /// Rows in the order shown.
    pub(crate) fn rows(&self) -> &[u32] {
        &self.order
    }

    /// The order shown of these rows; `None` while it is not known.
    pub(crate) fn of(&self, rows: &Arc<Vec<Row>>) -> Option<&[u32]> {
        let is_known = self.key.as_ref().is_some_and(|key| Arc::ptr_eq(&key.rows, rows));
        (is_known && self.running.is_none()).then_some(self.order.as_slice())
    }

    /// How many rows are shown of how many there are.
    pub(crate) fn in_words(&self) -> String {
        let (shown, all) = (self.order.len(), self.key.as_ref().map_or(0, |key| key.rows.len()));
        if self.running.is_some() {
            "sorting…".to_owned()
        } else if shown == all {
            format_counted(all as i128, "row")
        } else {
            format!("{} of {} match", format_count(shown as i128), format_counted(all as i128, "row"))
        }
    }

    /// Where a row is in the order, and whether it is looked for there for the first time: then it is brought into view.
    /// `found` keeps where it was last.
    pub(crate) fn find<Key: Clone + PartialEq>(
        &self,
        found: &mut Option<Found<Key>>,
        key: Option<&Key>,
        rows: &[Row],
        is_row: impl Fn(&Row, &Key) -> bool,
    ) -> (Option<usize>, Option<usize>) {
        let Some(key) = key else {
            *found = None;
            return (None, None);
        };
        let is_new = match found {
            Some(found) if found.key == *key && found.generation == self.generation => return (found.at, None),
            Some(found) => found.key != *key,
            None => true,
        };
        let is_selected = |row: &u32| rows.get(*row as usize).is_some_and(|row| is_row(row, key));
        let at = self.order.iter().position(is_selected);
        *found = Some(self.found(key.clone(), at));
        (at, at.filter(|_| is_new))
    }

    /// That a row is there in this order.
    pub(crate) fn found<Key>(&self, key: Key, at: Option<usize>) -> Found<Key> {
        Found { key, at, generation: self.generation }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, Default, PartialEq)]
    enum By {
        Name,
        #[default]
        Bytes,
    }

    impl SortBy for By {
        fn is_words(self) -> bool {
            self == By::Name
        }
    }

    #[test]
    fn numbers_begin_with_the_largest_and_words_with_the_first() {
        let sort = Sort::<By>::default();
        assert_eq!(sort, Sort { by: By::Bytes, is_descending: true });
        assert_eq!(sort.clicked(By::Bytes), Sort { by: By::Bytes, is_descending: false });
        assert_eq!(sort.clicked(By::Name), Sort { by: By::Name, is_descending: false });
        assert_eq!(sort.clicked(By::Name).clicked(By::Name), Sort { by: By::Name, is_descending: true });
    }

    #[test]
    fn ties_keep_their_order_whichever_way_they_are_sorted() {
        let rows = Arc::new(vec![(5, 'a'), (7, 'b'), (5, 'c')]);
        for (is_descending, expected) in [(true, [1, 0, 2]), (false, [0, 2, 1])] {
            let sort = Sort { by: By::Bytes, is_descending };
            let arrangement = Arrangement { rows: rows.clone(), sort, hits: None };
            let mut order = arrangement.matching(|_, _| false);
            arrangement.sort_by(&mut order, |row| row.0);
            assert_eq!(order, expected);
        }
    }
}
