// SPDX-License-Identifier: Apache-2.0
//! The fonts that ship with the window, so that it looks the same everywhere and needs none installed.

use egui::{Context, FontData, FontDefinitions, FontFamily};
use std::sync::Arc;

/// The family of headlines and of what is emphasised.
pub const STRONG: &str = "strong";

/// Gives egui our fonts: Inter for text, its semi-bold for [`STRONG`], JetBrains Mono for source lines.
pub fn install(context: &Context) {
    let mut fonts = FontDefinitions::empty();
    for (name, bytes) in [
        ("inter", &include_bytes!("../../../resources/fonts/Inter-Regular.otf")[..]),
        ("inter-semibold", &include_bytes!("../../../resources/fonts/Inter-SemiBold.otf")[..]),
        ("jetbrains-mono", &include_bytes!("../../../resources/fonts/JetBrainsMono-Regular.ttf")[..]),
    ] {
        fonts.font_data.insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
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
}
