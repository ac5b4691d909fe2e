// SPDX-License-Identifier: Apache-2.0
//! What the window shows, as lines of JSON, for whole-program tests that drive a real window. Only built with the
//! feature `test-channel`, which releases do not have.

use super::document::Document;
use super::path_entry::PathEntry;
use super::{App, Page, search_field};
use crate::landmark::landmarks;
use egui::Context;
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;

/// Names the file that lines are appended to.
const VARIABLE: &str = "MEMRAY_VIEW_TEST_CHANNEL";

/// The channel, and what was said last.
#[derive(Default)]
pub(super) struct TestChannel {
    last: Option<Value>,
}

impl TestChannel {
    /// Appends a line if what is shown has changed.
    pub(super) fn tell(&mut self, app: &App, context: &Context) {
        let Some(path) = std::env::var_os(VARIABLE).map(PathBuf::from) else { return };
        let mut shown = shown(app);
        shown["places"] = json!(landmarks(context));
        shown["is_dark"] = (context.theme() == egui::Theme::Dark).into();
        shown["asks_for_path"] = app.path_entry.as_ref().is_some_and(PathEntry::is_ready).into();
        shown["search_has_focus"] = search_field::has_focus(context).into();
        context.input(|input| {
            // Where the window has seen the pointer, so that a test need not guess when it has.
            let scale = input.pixels_per_point();
            let pointer = input.pointer.latest_pos().map(|at| [at.x, at.y].map(|at| (at * scale).round() as i32));
            shown["pointer"] = json!(pointer);
            shown["pointer_is_down"] = input.pointer.primary_down().into();
        });
        if self.last.as_ref() == Some(&shown) {
            return;
        }
        if let Ok(mut file) = std::fs::OpenOptions::new().create(true).append(true).open(path) {
            // A test that cannot read a line fails by itself.
            drop(writeln!(file, "{shown}"));
        }
        self.last = Some(shown);
    }
}

fn shown(app: &App) -> Value {
    let title = app.title();
    match &app.page {
        Page::Start => json!({"page": "start", "title": title}),
        Page::Opening(_) => json!({"page": "opening", "title": title}),
        Page::Processes(page) => json!({
            "page": "processes",
            "title": title,
            "is_settled": page.is_settled(),
            "headline": page.headline(Default::default()),
        }),
        Page::OpeningBoth(_) => json!({"page": "opening", "title": title}),
        Page::Comparing(document) => json!({
            "page": "comparing",
            "title": title,
            "is_settled": document.is_settled(),
            "headline": document.verdict_text(),
            "tab": document.view.tab.label(),
        }),
        Page::Failed { message, .. } => json!({"page": "failed", "title": title, "message": message}),
        Page::Open(document) => {
            let mut shown = of_document(document);
            shown["title"] = title.into();
            shown["page"] = "open".into();
            shown
        }
    }
}

fn of_document(document: &Document) -> Value {
    let answers = &document.answers;
    let headline = answers.headline.as_ref().and_then(|(_, headline)| headline.as_ref().ok());
    let hits = answers.hits.as_ref().and_then(|hits| hits.as_ref().ok());
    let selected = answers.selected.as_ref().filter(|s| Some(&s.selection) == document.view.selection.as_ref());
    let mut shown = json!({
        "is_settled": document.is_settled() && !document.is_moving(),
        "headline": headline.map(|headline| headline.text()),
        "facts": headline.map(|headline| headline.facts_line()),
        "notes": answers.notes.iter().flat_map(|notes| notes.iter()).map(|note| note.text.clone()).collect::<Vec<_>>(),
        "mode": document.view.asked.mode.label(document.index.info()),
        "tab": document.view.tab.label(),
        "is_zoomed": document.is_zoomed(),
        "has_changed_on_disk": document.has_changed_on_disk(),
        "search": document.search.text,
        "matched_frames": hits.map(|hits| hits.frame_count()),
        "matched_bytes": hits.map(|hits| hits.bytes),
        "selected": selected.map(|selected| selected.name.clone()),
    });
    if let Some((answer, tree)) = answers.tree() {
        shown["question"] = format!("{:?}", answer.question.mode).into();
        shown["total_bytes"] = answer.total.bytes.into();
        shown["total_allocations"] = answer.total.allocations.into();
        shown["tree_nodes"] = tree.nodes.len().into();
        shown["caption"] = memray_report::caption::caption(&document.index, answer, Default::default()).into();
    }
    shown
}
