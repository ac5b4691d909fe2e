// SPDX-License-Identifier: Apache-2.0
//! The fonts that ship with the window, so that it looks the same everywhere and needs none installed. The system's own
//! help out with scripts that ours lack, and what none of them has is shown as its code point.
//!
//! Names must look as they are written: our fonts would draw `3x3` as `3×3` and `->` as an arrow, and egui has no way to
//! tell them not to, so the table that says it is hidden from it.

mod code_point;

use egui::epaint::text::{FallbackRequest, FontInsert, FontProvider};
use egui::{Context, FontData, FontDefinitions, FontFamily, FontId, Ui};
use egui_system_font_provider::SystemFontProvider;
use std::sync::{Arc, OnceLock};

/// The family of headlines and of what is emphasised.
pub const STRONG: &str = "strong";

/// Gives egui our fonts: Inter for text, its semi-bold for [`STRONG`], JetBrains Mono for source lines.
pub fn install(context: &Context) {
    let mut fonts = FontDefinitions::empty();
    for (name, bytes) in [
        ("inter", &include_bytes!("../../../../resources/fonts/Inter-Regular.otf")[..]),
        ("inter-semibold", &include_bytes!("../../../../resources/fonts/Inter-SemiBold.otf")[..]),
        ("jetbrains-mono", &include_bytes!("../../../../resources/fonts/JetBrainsMono-Regular.ttf")[..]),
    ] {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_owned(without_substitutions(bytes))));
    }
    let families = [
        (FontFamily::Proportional, ["inter", "jetbrains-mono"]),
        (FontFamily::Monospace, ["jetbrains-mono", "inter"]),
        (FontFamily::Name(STRONG.into()), ["inter-semibold", "inter"]),
    ];
    for (family, names) in families {
        fonts.families.insert(family, names.map(str::to_owned).to_vec());
    }
    context.set_fonts(fonts);
    context.add_font_provider(Arc::new(SystemFonts::default()));
    context.add_glyph_rasterizer(code_point::boxes());
}

/// How wide a character is drawn.
pub(crate) fn char_width(ui: &Ui, font: &FontId, character: char) -> f32 {
    let scale = ui.pixels_per_point();
    ui.fonts_mut(|fonts| match fonts.has_glyph(font, character) {
        true => fonts.glyph_width(font, character),
        false => code_point::width_px(character, font.size * scale) / scale,
    })
}

/// The system's fonts, looked for when the first character comes that ours lack: few captures have one.
#[derive(Default)]
struct SystemFonts(OnceLock<SystemFontProvider>);

impl FontProvider for SystemFonts {
    fn font_for(&self, request: &FallbackRequest<'_>) -> Option<FontInsert> {
        self.0.get_or_init(SystemFontProvider::new).font_for(request)
    }
}

/// A font whose directory of tables names no `GSUB`, which replaces letters by others.
fn without_substitutions(font: &[u8]) -> Vec<u8> {
    /// A font begins with its version and the number of its tables, 12 bytes in all, and a record a table follows.
    const HEADER_BYTES: usize = 12;
    const RECORD_BYTES: usize = 16;
    let mut font = font.to_vec();
    let count = font.get(4..6).map_or(0, |bytes| usize::from(u16::from_be_bytes([bytes[0], bytes[1]])));
    let records = font.get_mut(HEADER_BYTES..).unwrap_or_default();
    for record in records.chunks_exact_mut(RECORD_BYTES).take(count) {
        if record.starts_with(b"GSUB") {
            // No table has this name, and it stands where the records stay sorted.
            record[..4].copy_from_slice(b"GSUA");
        }
    }
    font
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Color32, RawInput};

    /// The sizes of the pictures of a text's letters.
    fn letters(context: &Context, family: &FontFamily, text: &str) -> Vec<[u16; 2]> {
        let font = FontId::new(24.0, family.clone());
        let galley = context.fonts_mut(|fonts| fonts.layout_no_wrap(text.to_owned(), font, Color32::WHITE));
        galley.rows[0].glyphs.iter().map(|glyph| [0, 1].map(|i| glyph.uv_rect.max[i] - glyph.uv_rect.min[i])).collect()
    }

    #[test]
    fn letters_look_the_same_whatever_stands_beside_them() {
        let context = Context::default();
        install(&context);
        context.run_ui(RawInput::default(), |_| {}).textures_delta.clear();
        for family in [FontFamily::Proportional, FontFamily::Monospace, FontFamily::Name(STRONG.into())] {
            for name in ["conv3x3", "operator->", "operator!=", "<=>", "www", "a:b", "fi", "__init__", "(A)"] {
                let alone: Vec<_> = name.chars().flat_map(|c| letters(&context, &family, &c.to_string())).collect();
                for (i, (among, alone)) in letters(&context, &family, name).iter().zip(&alone).enumerate() {
                    // Where a letter falls between two pixels, its picture may have one more.
                    let differs = (0..2).any(|axis| among[axis].abs_diff(alone[axis]) > 1);
                    assert!(!differs, "{name}, letter {i}, {family:?}: {among:?} and {alone:?}");
                }
            }
        }
    }

    #[test]
    fn characters_that_no_font_has_differ_all_the_same() {
        let context = Context::default();
        install(&context);
        context.run_ui(RawInput::default(), |_| {}).textures_delta.clear();
        let pictures = |text: &str| {
            let font = FontId::proportional(13.0);
            let galley = context.fonts_mut(|fonts| fonts.layout_no_wrap(text.to_owned(), font, Color32::WHITE));
            galley.rows[0].glyphs.iter().map(|glyph| (glyph.uv_rect.min, glyph.uv_rect.max)).collect::<Vec<_>>()
        };
        // Of no script: private to whoever uses them.
        let [first, second] = pictures("\u{f8ffe}\u{f8fff}")[..] else { panic!("two characters") };
        assert_ne!(first, second);
        assert_eq!(first.1[0] - first.0[0], 16, "a box of six digits");
        let width = |ui: &Ui| char_width(ui, &FontId::proportional(13.0), '\u{f8ffe}');
        context.run_ui(RawInput::default(), |ui| assert_eq!(width(ui), 16.0)).textures_delta.clear();
    }

    #[test]
    fn a_font_that_is_cut_is_left_as_it_is() {
        for font in [&b""[..], b"OTTO", b"OTTO\xff\xff________GSU"] {
            assert_eq!(without_substitutions(font), font);
        }
    }
}
