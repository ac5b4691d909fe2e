// SPDX-License-Identifier: Apache-2.0
//! Interleaves a native stack with the Python stack of the same moment, as memray does.
//!
//! Where the interpreter's evaluation loop shows on the native stack, a Python function ran: an entry frame, and the
//! non-entry frames which that same call of the loop then ran. So from the outermost on each loop stands for the next entry
//! frame and those that follow it. If Python frames are left over, the native stack was not walked to its end, or symbols
//! are wrong: then nothing can be said of what lies between.

use crate::ids::LocationId;

/// A frame of a native stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NativeStep {
    /// What it shows.
    pub(crate) location: LocationId,
    /// Whether it is the interpreter's evaluation loop.
    pub(crate) is_eval: bool,
}

/// A frame of a Python stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PythonStep {
    /// What it shows.
    pub(crate) location: LocationId,
    /// Whether the interpreter was entered anew for it.
    pub(crate) is_entry: bool,
}

/// Whether a function is the interpreter's evaluation loop.
pub(crate) fn is_eval(function: &str) -> bool {
    function.contains("_PyEval_EvalFrameDefault") || function.starts_with("_TAIL_CALL_")
}

/// The interleaved stack. All stacks begin with their outermost frame. The `skipped` outermost Python frames are those
/// above the tracker: they are left out, with all native frames around them. `None` if the stacks do not pair.
pub(crate) fn interleave(native: &[NativeStep], python: &[PythonStep], skipped: usize) -> Option<Vec<LocationId>> {
    let mut stack = Vec::with_capacity(native.len() + python.len());
    let mut next = 0;
    for step in native {
        // A loop that is only being entered has no Python frame yet.
        if !step.is_eval || next == python.len() {
            stack.push(step.location);
            continue;
        }
        let mut is_first = true;
        while let Some(frame) = python.get(next).filter(|frame| is_first || !frame.is_entry) {
            if next == skipped && skipped > 0 {
                stack.clear();
            }
            if next >= skipped {
                stack.push(frame.location);
            }
            next += 1;
            is_first = false;
        }
    }
    (next == python.len()).then_some(stack)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stack in letters: `E` is the evaluation loop, all else are functions.
    fn native(letters: &str) -> Vec<NativeStep> {
        letters.bytes().map(|b| NativeStep { location: LocationId(b.into()), is_eval: b == b'E' }).collect()
    }

    /// Capital letters are entry frames.
    fn python(letters: &str) -> Vec<PythonStep> {
        letters
            .bytes()
            .map(|b| PythonStep { location: LocationId(b.into()), is_entry: b.is_ascii_uppercase() })
            .collect()
    }

    fn interleaved(n: &str, p: &str, skipped: usize) -> Option<String> {
        let stack = interleave(&native(n), &python(p), skipped)?;
        Some(stack.into_iter().map(|location| location.0 as u8 as char).collect())
    }

    #[test]
    fn each_evaluation_loop_stands_for_an_entry_frame_and_those_that_follow() {
        assert_eq!(interleaved("mnEoEp", "AbcD", 0).as_deref(), Some("mnAbcoDp"));
    }

    #[test]
    fn native_frames_around_frames_above_the_tracker_are_left_out() {
        assert_eq!(interleaved("mEnEoEp", "ABcD", 1).as_deref(), Some("BcoDp"));
        assert_eq!(interleaved("mEnEo", "AbcD", 2).as_deref(), Some("cnDo"));
    }

    #[test]
    fn python_frames_left_over_mean_that_the_stacks_do_not_pair() {
        assert_eq!(interleaved("mEn", "AbC", 0), None);
        assert_eq!(interleaved("mn", "A", 0), None);
    }

    #[test]
    fn an_evaluation_loop_that_has_no_frame_yet_is_native() {
        assert_eq!(interleaved("mEnEo", "A", 0).as_deref(), Some("mAnEo"));
    }

    #[test]
    fn stacks_without_python_frames_are_native() {
        assert_eq!(interleaved("mno", "", 0).as_deref(), Some("mno"));
    }
}
