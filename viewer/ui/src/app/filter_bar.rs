// SPDX-License-Identifier: Apache-2.0
//! Which stacks are shown, as chips: each filter that is on can be removed with a click, others are added from a menu.

use super::document::Document;
use super::view::ModeChoice;
use crate::style;
use crate::theme::Palette;
use egui::{Button, ComboBox, CornerRadius, Id, Popup, PopupCloseBehavior, Response, RichText, ScrollArea, Stroke, Ui};
use memray_index::{Filter, LifetimeRange, Pattern, SizeClass, SizeRange, ThreadIndex};
use memray_report::asking::parse_pattern;
use memray_report::escape;
use memray_report::filtering::{charged_words, function_words, lifetime_words, size_words};

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
    let named = |function| escape::shorten(&function_words(index, function), 60).into_owned();
    if filter.function_named.is_some_and(|function| removable(ui, &format!("only {}", named(function))).clicked()) {
        filter.function_named = None;
    }
    if filter.starts_at.is_some_and(|function| removable(ui, &format!("from {} on", named(function))).clicked()) {
        filter.starts_at = None;
    }
    filter.without.retain(|function| !removable(ui, &format!("without {}", named(*function))).clicked());
    filter.charged_to.retain(|charged_to| {
        let words = charged_words(index, |thread| index.thread_label(thread), *charged_to);
        !removable(ui, &format!("only {}", escape::shorten(&words, 60))).clicked()
    });
    if filter.size.is_some_and(|range| removable(ui, &size_words(range)).clicked()) {
        filter.size = None;
    }
    if filter.lifetime.is_some_and(|range| removable(ui, &lifetime_words(range)).clicked()) {
        filter.lifetime = None;
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
            let is_aggregated = document.index.info().is_aggregated();
            ui.add_enabled_ui(!is_aggregated, |ui| {
                choice(ui, "Size", &mut filter.size, &SIZES.map(sizes_from_to), size_words);
                // Temporary allocations are not told by time.
                let takes_lifetime = document.view.asked.mode != ModeChoice::Temporary;
                ui.add_enabled_ui(takes_lifetime, |ui| {
                    choice(ui, "Lifetime", &mut filter.lifetime, &LIFETIMES, lifetime_words);
                });
            });
            ui.separator();
            ui.checkbox(&mut filter.hide_irrelevant, "Hide irrelevant frames");
            ui.checkbox(&mut filter.hide_import_system, "Hide import system");
        });
    menu.is_open = is_open;
    document.filter_menu = menu;
}

/// Sizes that one would ask for, in bytes: from, and to under.
const SIZES: [(u64, u64); 8] = [
    (0, 64),
    (0, 512),
    (512, u64::MAX),
    (4 << 10, u64::MAX),
    (64 << 10, u64::MAX),
    (1 << 20, u64::MAX),
    (16 << 20, u64::MAX),
    (256 << 20, u64::MAX),
];

fn sizes_from_to((from, to): (u64, u64)) -> SizeRange {
    SizeRange { from: SizeClass::of(from), to: SizeClass::of(if to == u64::MAX { to } else { to - 1 }) }
}

/// Lifetimes that one would ask for.
const LIFETIMES: [LifetimeRange; 9] = [
    LifetimeRange { more_than_ms: None, at_most_ms: Some(100) },
    LifetimeRange { more_than_ms: None, at_most_ms: Some(1_000) },
    LifetimeRange { more_than_ms: None, at_most_ms: Some(10_000) },
    LifetimeRange { more_than_ms: None, at_most_ms: Some(u64::MAX) },
    LifetimeRange { more_than_ms: Some(1_000), at_most_ms: None },
    LifetimeRange { more_than_ms: Some(10_000), at_most_ms: None },
    LifetimeRange { more_than_ms: Some(60_000), at_most_ms: None },
    LifetimeRange { more_than_ms: Some(600_000), at_most_ms: None },
    LifetimeRange { more_than_ms: Some(u64::MAX), at_most_ms: None },
];

/// A line of the menu in which one of some ranges is chosen, or any.
fn choice<Range: Copy + PartialEq>(
    ui: &mut Ui,
    name: &str,
    chosen: &mut Option<Range>,
    ranges: &[Range],
    words: impl Fn(Range) -> String,
) {
    ui.horizontal(|ui| {
        let label = ui.add_sized([64.0, 20.0], egui::Label::new(name));
        let selected = chosen.map_or_else(|| "any".to_owned(), &words);
        let combo = ComboBox::from_id_salt(("filter", name))
            .selected_text(selected)
            .width(ui.available_width() - 8.0)
            .height(400.0);
        let combo = combo.show_ui(ui, |ui| {
            ui.selectable_value(chosen, None, "any");
            for range in ranges {
                ui.selectable_value(chosen, Some(*range), words(*range));
            }
        });
        combo.response.labelled_by(label.id);
    });
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
