// SPDX-License-Identifier: Apache-2.0
//! A page copied as Markdown: written on a thread of its own, as it asks for more than is shown.

use crate::background::{Background, Poll};
use egui::Context;
use memray_report::markdown::MarkdownExtras;
use std::io;

/// Text being written, until it is in the clipboard.
#[derive(Default)]
pub(super) struct MarkdownCopy {
    /// What is written beyond names and figures.
    pub(super) extras: MarkdownExtras,
    writing: Option<Background<Result<String, String>>>,
}

impl MarkdownCopy {
    /// Has it written, unless it is being written.
    pub(super) fn start(
        &mut self,
        context: &Context,
        write: impl FnOnce(&MarkdownExtras, &mut Vec<u8>) -> Result<(), String> + Send + 'static,
    ) {
        if self.is_running() {
            return;
        }
        let extras = self.extras.clone();
        self.writing = Some(Background::start(context, "memray-view markdown", move || {
            let mut text = Vec::new();
            write(&extras, &mut text)?;
            Ok(String::from_utf8_lossy(&text).into_owned())
        }));
    }

    /// Whether it is being written.
    pub(super) fn is_running(&self) -> bool {
        self.writing.is_some()
    }

    /// Copies it once it is there; what is to be said of that.
    pub(super) fn poll(&mut self, context: &Context) -> Option<String> {
        let said = match self.writing.as_ref()?.poll() {
            Poll::Pending => return None,
            Poll::Ready(Ok(text)) => {
                context.copy_text(text);
                "Copied as Markdown".to_owned()
            }
            Poll::Ready(Err(refusal)) => refusal,
            Poll::Failed => "It could not be written as Markdown".to_owned(),
        };
        self.writing = None;
        Some(said)
    }
}

/// Writing into memory fails only where there is none.
pub(super) fn written(result: io::Result<()>) -> Result<(), String> {
    result.map_err(|error| error.to_string())
}
