// SPDX-License-Identifier: Apache-2.0
//! What was shown before: [`Step`], a view and its zoom, so that back and forward retrace both in the order of time.

use crate::icicle::Place;

/// What was shown at a time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step<V> {
    /// The view.
    pub view: V,
    /// What the icicle showed of it, if it was drawn.
    pub zoom: Option<Place>,
}

/// Steps that were left, to go back and forward between.
#[derive(Debug)]
pub(super) struct History<V> {
    back: Vec<Step<V>>,
    forward: Vec<Step<V>>,
}

impl<V> Default for History<V> {
    fn default() -> Self {
        Self { back: Vec::new(), forward: Vec::new() }
    }
}

/// More steps back than anyone takes.
const MAX_STEPS: usize = 200;

impl<V> History<V> {
    /// Notes that a step was left for another.
    pub(super) fn left(&mut self, step: Step<V>) {
        self.back.push(step);
        self.forward.clear();
        if self.back.len() > MAX_STEPS {
            self.back.remove(0);
        }
    }

    /// The step before, if there is one; `now` can be gone forward to.
    pub(super) fn back(&mut self, now: Step<V>) -> Option<Step<V>> {
        let step = self.back.pop()?;
        self.forward.push(now);
        Some(step)
    }

    /// The step after, if one was gone back from.
    pub(super) fn forward(&mut self, now: Step<V>) -> Option<Step<V>> {
        let step = self.forward.pop()?;
        self.back.push(now);
        Some(step)
    }

    /// Forgets what icicles showed, where their trees have other numbers now.
    pub(super) fn forget_zooms(&mut self) {
        self.back.iter_mut().chain(&mut self.forward).for_each(|step| step.zoom = None);
    }

    /// Whether there is a step to go back to.
    pub(super) fn can_go_back(&self) -> bool {
        !self.back.is_empty()
    }

    /// Whether there is a step to go forward to.
    pub(super) fn can_go_forward(&self) -> bool {
        !self.forward.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::view::View;
    use crate::app::{Asked, ModeChoice};

    #[test]
    fn back_and_forward_return_to_the_same_steps() {
        let mut history = History::default();
        let first = Step { view: View::default(), zoom: None };
        let second = Step {
            view: View { asked: Asked { mode: ModeChoice::Leaked, ..Asked::default() }, ..View::default() },
            zoom: None,
        };
        history.left(first.clone());
        assert_eq!(history.back(second.clone()), Some(first.clone()));
        assert_eq!(history.forward(first), Some(second));
        assert!(!history.can_go_forward());
    }
}
