// SPDX-License-Identifier: Apache-2.0
//! Which stacks are shown, as chips: each filter that is on can be removed with a click, others are added from a menu.

use super::document::Document;
use crate::style;
use crate::theme::Palette;
use egui::{Button, CornerRadius, Id, Popup, PopupCloseBehavior, Response, RichText, ScrollArea, Stroke, Ui};
use memray_index::{Filter, Pattern, ThreadIndex};
use memray_report::asking::parse_pattern;
use memray_report::caption::named_function;
use memray_report::escape;

/// What is typed into the menu of filters, and whether it is open.
#[derive(Clone, Debug, Default)]
pub(super) struct FilterMenu {
    is_open: bool,
    module: String,
    file: String,
    function: String,
}

impl FilterMenu {
    /// Opens it on what is filtered now.
    pub(super) fn open(&mut self, filter: &Filter) {
        let text = |pattern: &Option<Pattern>| pattern.as_ref().map(pattern_text).unwrap_or_default();
        *self = Self {
            is_open: true,
            module: text(&filter.module),
            file: text(&filter.file),
            function: text(&filter.function),
        };
    }
}

/// Draws the chips.
pub(super) fn show(ui: &mut Ui, document: &mut Document) {
    threads(ui, document);
    allocators(ui, document);
    let filter = &mut document.view.filter;
    if filter.hide_irrelevant && removable(ui, "irrelevant frames hidden").clicked() {
        filter.hide_irrelevant = false;
    }
    if filter.hide_import_system && removable(ui, "import system hidden").clicked() {
        filter.hide_import_system = false;
    }
    let index = &document.index;
    filter.hidden_functions.retain(|function| {
        let name = escape::visible(&index.text(*function)).into_owned();
        !removable(ui, &format!("{} hidden", escape::shorten(&name, 40))).clicked()
    });
    for (name, pattern) in
        [("module", &mut filter.module), ("file", &mut filter.file), ("function", &mut filter.function)]
    {
        if let Some(shown) = pattern
            && removable(ui, &format!("{name}: {}", escape::shorten(&pattern_text(shown), 40))).clicked()
        {
            *pattern = None;
        }
    }
    if let Some(function) = filter.function_named {
        let words = named_function(&index.text(function.name), &index.text(function.file));
        if removable(ui, &format!("only {}", escape::shorten(&words, 60))).clicked() {
            filter.function_named = None;
        }
    }
    menu(ui, document);
}

fn threads(ui: &mut Ui, document: &mut Document) {
    if let Some(thread) = document.view.filter.thread {
        let label = document.index.thread_label(thread);
        if removable(ui, &format!("thread: {}", escape::shorten(&escape::visible(&label), 40))).clicked() {
            document.view.filter.thread = None;
        }
        return;
    }
    let count = document.index.threads().len();
    let response = chip(ui, "all threads", "Show one thread only");
    Popup::menu(&response).show(|ui| {
        ui.set_width(220.0);
        let row_height = ui.spacing().interact_size.y;
        ScrollArea::vertical().max_height(320.0).show_rows(ui, row_height, count, |ui, rows| {
            for row in rows {
                let thread = ThreadIndex(row as u32);
                let label = document.index.thread_label(thread);
                let text = escape::visible(&label);
                if ui.add(Button::selectable(false, escape::shorten(&text, 60))).clicked() {
                    document.view.filter.thread = Some(thread);
                    ui.close();
                }
            }
        });
    });
}

fn allocators(ui: &mut Ui, document: &mut Document) {
    let filter = &mut document.view.filter;
    if let Some(allocator) = filter.allocator {
        if removable(ui, allocator.name()).clicked() {
            filter.allocator = None;
        }
        return;
    }
    let response = chip(ui, "all allocators", "Show one allocator only");
    Popup::menu(&response).show(|ui| {
        document.wants_allocators = true;
        let Some(allocators) = &document.answers.allocators else {
            ui.label("Asking…");
            return;
        };
        for allocator in allocators.iter() {
            if ui.add(Button::selectable(false, allocator.name())).clicked() {
                filter.allocator = Some(*allocator);
                ui.close();
            }
        }
    });
}

fn menu(ui: &mut Ui, document: &mut Document) {
    let response = chip(ui, "+ filter", "Show only some modules, files or functions");
    let mut menu = std::mem::take(&mut document.filter_menu);
    if response.clicked() {
        if menu.is_open {
            menu.is_open = false;
        } else {
            menu.open(&document.view.filter);
        }
    }
    let mut is_open = menu.is_open;
    let filter = &mut document.view.filter;
    Popup::from_response(&response)
        .open_bool(&mut is_open)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .show(|ui| {
            ui.set_width(300.0);
            for (name, text, pattern) in [
                ("Module", &mut menu.module, &mut filter.module),
                ("File", &mut menu.file, &mut filter.file),
                ("Function", &mut menu.function, &mut filter.function),
            ] {
                ui.horizontal(|ui| {
                    let label = ui.add_sized([64.0, 20.0], egui::Label::new(name));
                    let field = style::text_field(ui, text, Id::unique(("filter", name)))
                        .hint_text("text or /pattern/")
                        .desired_width(f32::INFINITY);
                    let field = ui.add(field).labelled_by(label.id);
                    if field.lost_focus() {
                        let wanted = text.trim();
                        *pattern = (!wanted.is_empty()).then(|| parse_pattern(wanted));
                    }
                });
            }
            ui.separator();
            ui.checkbox(&mut filter.hide_irrelevant, "Hide irrelevant frames");
            ui.checkbox(&mut filter.hide_import_system, "Hide import system");
        });
    menu.is_open = is_open;
    document.filter_menu = menu;
}

fn pattern_text(pattern: &Pattern) -> String {
    match pattern {
        Pattern::Substring(text) => escape::visible(text).into_owned(),
        Pattern::Regex(text) => format!("/{}/", escape::visible(text)),
    }
}

pub(super) fn chip(ui: &mut Ui, text: &str, help: &str) -> Response {
    let palette = Palette::of(ui.visuals());
    let text = RichText::new(text).size(12.0).color(palette.text);
    let button = Button::new(text).corner_radius(CornerRadius::same(10)).stroke(Stroke::new(1.0, palette.outline));
    ui.add(button).on_hover_text(help)
}

fn removable(ui: &mut Ui, text: &str) -> Response {
    removable_chip(ui, text, "Click to remove this filter")
}

/// A chip with a cross: what it says is gone once it is clicked.
pub(super) fn removable_chip(ui: &mut Ui, text: &str, help: &str) -> Response {
    chip(ui, &format!("{text}  ×"), help)
}
