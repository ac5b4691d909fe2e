// SPDX-License-Identifier: Apache-2.0
//! Frames by number, so that stacks a thousand frames deep are quickly compared. [`FrameId`] leads; the numbers are the
//! same for all that is compared in one thread.

use std::cell::RefCell;
use std::collections::HashMap;

/// Function, file and line (0 for none).
pub type Frame = (Vec<u8>, Vec<u8>, u32);
/// The innermost frame first.
pub type Stack = Vec<FrameId>;

/// A frame. Equal frames have equal numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameId(u32);

thread_local! {
    static FRAMES: RefCell<(HashMap<Frame, FrameId>, Vec<Frame>)> = RefCell::default();
}

impl FrameId {
    pub fn of(frame: Frame) -> Self {
        FRAMES.with_borrow_mut(|(ids, frames)| {
            *ids.entry(frame).or_insert_with_key(|frame| {
                frames.push(frame.clone());
                Self(frames.len() as u32 - 1)
            })
        })
    }

    pub fn frame(self) -> Frame {
        FRAMES.with_borrow(|(_, frames)| frames[self.0 as usize].clone())
    }
}
