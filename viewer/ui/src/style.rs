// SPDX-License-Identifier: Apache-2.0
//! egui's own widgets in our colours and measures, for both themes.

use crate::fonts::{self, STRONG};
use crate::theme::Palette;
use egui::style::{Selection, WidgetVisuals, Widgets};
use egui::{
    Align2, Color32, Context, CornerRadius, FontFamily, FontId, Frame, Id, Margin, Panel, Shadow, Stroke, Style,
    TextEdit, TextStyle, Theme, Ui, Visuals, vec2,
};

/// Room between the window's edge and what it holds, and between panels.
pub const MARGIN: f32 = 14.0;
/// Room between neighbours.
pub const GAP: f32 = 8.0;
/// Corners of panels and controls.
pub const RADIUS: u8 = 5;

/// The headline's size.
pub const HEADLINE_SIZE: f32 = 20.0;

/// The headline's text style.
pub fn headline() -> TextStyle {
    TextStyle::Heading
}

/// Emphasis within running text.
pub fn strong() -> TextStyle {
    TextStyle::Name(STRONG.into())
}

/// A field for a line of text, with an outline that shows where one types.
pub fn text_field<'t>(ui: &Ui, text: &'t mut String, id: Id) -> TextEdit<'t> {
    let palette = Palette::of(ui.visuals());
    let is_focused = ui.memory(|memory| memory.has_focus(id));
    let outline = if is_focused { palette.accent } else { palette.outline };
    let frame = Frame::new()
        .fill(palette.panel)
        .stroke(Stroke::new(1.0, outline))
        .corner_radius(CornerRadius::same(RADIUS))
        .inner_margin(Margin::symmetric(8, 3));
    TextEdit::singleline(text).id(id).frame(frame).align(Align2::LEFT_CENTER)
}

/// A panel that fills the room that is left.
pub fn panel(ui: &mut Ui, inner: i8, content: impl FnOnce(&mut Ui)) {
    let palette = Palette::of(ui.visuals());
    Frame::new()
        .fill(palette.panel)
        .stroke(Stroke::new(1.0, palette.outline))
        .corner_radius(CornerRadius::same(RADIUS))
        .inner_margin(Margin::same(inner))
        .show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            content(ui);
        });
}

/// A panel at the top, as high as what is in it.
///
/// egui makes a panel as high as it was in the pass before. Where that has changed, as when a text has another number of
/// lines in a window of another width, the pass is drawn anew: else there would be a gap, or a text cut off, until the next.
pub fn top_panel<R>(ui: &mut Ui, name: &'static str, frame: Frame, content: impl FnOnce(&mut Ui) -> R) -> R {
    let shown = Panel::top(name).frame(frame).show_separator_line(false).show(ui, content);
    let height_id = Id::unique(name).with("height");
    let height = shown.response.rect.height();
    let before = ui.ctx().data_mut(|data| data.get_temp::<f32>(height_id));
    if before.is_some_and(|before| (before - height).abs() > 0.1) {
        ui.ctx().request_discard("the height of a panel changed");
    }
    ui.ctx().data_mut(|data| data.insert_temp(height_id, height));
    shown.inner
}

/// Gives a context our fonts, and both themes' colours and measures.
pub fn install(context: &Context) {
    fonts::install(context);
    for (theme, palette) in [(Theme::Dark, Palette::DARK), (Theme::Light, Palette::LIGHT)] {
        context.set_style_of(theme, style(&palette));
    }
    context.options_mut(|options| {
        // The graph's own keys are bare ones, so egui keeps Ctrl and plus, minus, 0 for the size of the interface.
        options.zoom_with_keyboard = true;
        options.fallback_theme = Theme::Dark;
    });
}

fn style(palette: &Palette) -> Style {
    let theme = if palette.is_dark { Theme::Dark } else { Theme::Light };
    let mut style = Style { visuals: visuals(palette), ..theme.default_style() };
    let strong_family = FontFamily::Name(STRONG.into());
    style.text_styles = [
        (TextStyle::Small, FontId::proportional(11.5)),
        (TextStyle::Body, FontId::proportional(13.0)),
        (TextStyle::Button, FontId::proportional(13.0)),
        (TextStyle::Monospace, FontId::monospace(12.0)),
        (TextStyle::Heading, FontId::new(HEADLINE_SIZE, strong_family.clone())),
        (TextStyle::Name(STRONG.into()), FontId::new(13.0, strong_family)),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(GAP, 6.0);
    spacing.button_padding = vec2(9.0, 3.0);
    spacing.interact_size = vec2(28.0, 22.0);
    spacing.menu_margin = Margin::same(6);
    spacing.window_margin = Margin::same(14);
    spacing.icon_width = 14.0;
    spacing.icon_width_inner = 8.0;
    spacing.tooltip_width = 460.0;
    style.interaction.tooltip_delay = 0.25;
    style.interaction.selectable_labels = false;
    style
}

fn visuals(palette: &Palette) -> Visuals {
    let mut visuals = if palette.is_dark { Visuals::dark() } else { Visuals::light() };
    let radius = CornerRadius::same(RADIUS);
    let state = |background: Color32, outline: Color32, text: Color32| WidgetVisuals {
        bg_fill: background,
        weak_bg_fill: background,
        bg_stroke: Stroke::new(1.0, outline),
        corner_radius: radius,
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    visuals.widgets = Widgets {
        noninteractive: state(palette.panel, palette.outline, palette.text),
        inactive: state(palette.panel, palette.outline, palette.text),
        hovered: state(palette.neutral_frame, palette.text_weak, palette.text_strong),
        active: state(palette.library_frame, palette.accent, palette.text_strong),
        open: state(palette.neutral_frame, palette.outline, palette.text_strong),
    };
    visuals.selection =
        Selection { bg_fill: palette.accent.gamma_multiply(0.35), stroke: Stroke::new(1.0, palette.text_strong) };
    visuals.hyperlink_color = palette.accent;
    visuals.weak_text_color = Some(palette.text_weak);
    visuals.panel_fill = palette.background;
    visuals.window_fill = palette.panel;
    visuals.window_stroke = Stroke::new(1.0, palette.outline);
    visuals.window_corner_radius = CornerRadius::same(8);
    visuals.menu_corner_radius = CornerRadius::same(6);
    visuals.extreme_bg_color = palette.neutral_frame;
    visuals.text_edit_bg_color = Some(palette.panel);
    visuals.faint_bg_color = palette.panel;
    visuals.code_bg_color = palette.background;
    visuals.warn_fg_color = palette.note;
    visuals.error_fg_color = palette.more;
    let shade = if palette.is_dark { 96 } else { 40 };
    let shadow = Shadow { offset: [0, 4], blur: 14, spread: 0, color: Color32::from_black_alpha(shade) };
    visuals.window_shadow = shadow;
    visuals.popup_shadow = shadow;
    visuals.text_cursor.stroke = Stroke::new(2.0, palette.accent);
    visuals
}
