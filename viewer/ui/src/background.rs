// SPDX-License-Identifier: Apache-2.0
//! Work that would hold up a frame: [`Background`] does it on a thread of its own and wakes the window when it is done.

use egui::Context;
use std::sync::mpsc::{Receiver, TryRecvError, channel};

/// A value that a thread is computing. Dropping it abandons the value.
pub(crate) struct Background<T> {
    receiver: Receiver<T>,
}

impl<T: Send + 'static> Background<T> {
    /// Starts `work`.
    pub(crate) fn start(context: &Context, name: &str, work: impl FnOnce() -> T + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        let context = context.clone();
        // Where no thread can be had, the sender is dropped with the closure, and `poll` says that it failed.
        let _ = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            // The receiver is gone where the value is no longer wanted.
            let _ = sender.send(work());
            context.request_repaint();
        });
        Self { receiver }
    }

    /// The value once it is there.
    pub(crate) fn poll(&self) -> Poll<T> {
        match self.receiver.try_recv() {
            Ok(value) => Poll::Ready(value),
            Err(TryRecvError::Empty) => Poll::Pending,
            Err(TryRecvError::Disconnected) => Poll::Failed,
        }
    }
}

/// How far a [`Background`] is.
pub(crate) enum Poll<T> {
    /// Still at work.
    Pending,
    /// Done.
    Ready(T),
    /// It gave up without a value.
    Failed,
}
