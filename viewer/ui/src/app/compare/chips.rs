// SPDX-License-Identifier: Apache-2.0
//! When frames of both are the same and which are shown, as chips in the status bar: roots that are taken for one another,
//! functions or lines, widths.

use super::super::filter_bar::{chip, removable_chip};
use super::super::status_bar;
use super::CompareDocument;
use super::view::CompareTab;
use crate::settings::Settings;
use crate::style;
use crate::theme::Palette;
use egui::{Id, Key, Modifiers, Popup, PopupCloseBehavior, RichText, Ui};
use memray_compare::{RootRule, Width};
use memray_report::escape;
use memray_report::size::format_counted;

/// A rule being typed.
#[derive(Debug, Default)]
pub(super) struct RuleEntry {
    is_open: bool,
    wants_focus: bool,
    before: String,
    after: String,
}

/// Paths are shown up to so many characters.
const PATH_CHARS: usize = 40;

/// Draws the status bar.
pub(super) fn show(ui: &mut Ui, document: &mut CompareDocument, settings: &mut Settings) {
    status_bar::bar(
        ui,
        document,
        |ui, document| {
            status_bar::units(ui, settings);
            let is_wide = ui.ctx().content_rect().width() >= 1200.0;
            if is_wide && document.view.tab != CompareTab::Table {
                let palette = Palette::of(ui.visuals());
                let words = "grey: under 15 % of the frame and 1 % of the total  ·";
                ui.label(RichText::new(words).color(palette.text_weak).size(12.0));
            }
        },
        chips,
    );
}

fn chips(ui: &mut Ui, document: &mut CompareDocument) {
    rules(ui, document);
    let takes_widths = document.takes_widths();
    let view = &mut document.view;
    let (words, help) = if view.matching.by_line {
        ("by line", "Frames are the same if their lines are: code that moved is new. Click to go by function")
    } else {
        ("by function", "Frames are the same if their functions are, wherever the lines went. Click to go by line")
    };
    if chip(ui, words, help).clicked() {
        view.matching.by_line ^= true;
    }
    if view.filter.hide_irrelevant && removable_chip(ui, "irrelevant frames hidden", REMOVE).clicked() {
        view.filter.hide_irrelevant = false;
    }
    if view.filter.hide_import_system && removable_chip(ui, "import system hidden", REMOVE).clicked() {
        view.filter.hide_import_system = false;
    }
    if takes_widths {
        let name = width_name(view.width);
        let response = chip(ui, &format!("width: {name}"), "What a frame is as wide as");
        Popup::menu(&response).show(|ui| {
            for width in [Width::Larger, Width::Before, Width::After] {
                if ui.selectable_label(view.width == width, width_name(width)).clicked() {
                    view.width = width;
                    ui.close();
                }
            }
        });
    }
}

const REMOVE: &str = "Click to remove this filter";

fn width_name(width: Width) -> &'static str {
    match width {
        Width::Larger => "larger of both",
        Width::Before => "before",
        Width::After => "after",
    }
}

fn rules(ui: &mut Ui, document: &mut CompareDocument) {
    let known: Vec<(RootRule, usize)> = document.said().map(|said| said.rules.clone()).unwrap_or_default();
    let rules_but = |left_out: &RootRule| -> Vec<RootRule> {
        known.iter().map(|(rule, _)| rule.clone()).filter(|rule| rule != left_out).collect()
    };
    for (rule, locations) in &known {
        let [before, after] = [&rule.before, &rule.after]
            .map(|path| escape::shorten(&escape::visible_bytes(path), PATH_CHARS).into_owned());
        let matched = format_counted(*locations as i128, "location");
        let words = format!("root: {before} \u{2192} {after}, {matched}");
        let help = format!(
            "What lies below the one is the same as what lies below the other: {matched} match. Click to remove this rule",
        );
        if removable_chip(ui, &words, &help).clicked() {
            document.view.matching.roots = Some(rules_but(rule));
        }
    }
    let response = chip(ui, "+ root", "Take what lies below one folder before for what lies below another after");
    let entry = &mut document.rule_entry;
    if response.clicked() {
        match entry.is_open {
            true => entry.is_open = false,
            false => entry.open(),
        }
    }
    let mut is_open = entry.is_open;
    let mut added = None;
    Popup::from_response(&response)
        .open_bool(&mut is_open)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .show(|ui| added = entry.fields(ui));
    entry.is_open = is_open && added.is_none();
    if let Some(rule) = added {
        let rules = known.iter().map(|(rule, _)| rule.clone()).filter(|known| *known != rule);
        document.view.matching.roots = Some(rules.chain([rule.clone()]).collect());
    }
}

impl RuleEntry {
    /// Has one typed.
    pub(super) fn open(&mut self) {
        *self = Self { is_open: true, wants_focus: true, ..Self::default() };
    }

    /// Draws the fields; the rule, once it is entered.
    fn fields(&mut self, ui: &mut Ui) -> Option<RootRule> {
        ui.set_width(380.0);
        let mut is_entered = false;
        for (name, text, hint) in
            [("Folder in A", &mut self.before, "/srv/app-1.4.2"), ("Folder in B", &mut self.after, "/srv/app-1.5.0")]
        {
            ui.horizontal(|ui| {
                let label = ui.add_sized([84.0, 20.0], egui::Label::new(name));
                let field = style::text_field(ui, text, Id::unique(("root rule", name)));
                let field = ui.add(field.hint_text(hint).desired_width(f32::INFINITY)).labelled_by(label.id);
                if std::mem::take(&mut self.wants_focus) {
                    field.request_focus();
                }
                // Taken, else the icicle would zoom by it.
                is_entered |= field.lost_focus() && ui.input_mut(|it| it.consume_key(Modifiers::NONE, Key::Enter));
            });
        }
        let path = |text: &str| text.trim().trim_end_matches('/').as_bytes().to_vec();
        let rule = RootRule { before: path(&self.before), after: path(&self.after) };
        let is_whole = !rule.before.is_empty() && !rule.after.is_empty();
        let is_added = ui.add_enabled(is_whole, egui::Button::new("Add")).clicked();
        if !is_added && (!is_entered || !is_whole) {
            return None;
        }
        (self.before, self.after) = (String::new(), String::new());
        Some(rule)
    }
}
