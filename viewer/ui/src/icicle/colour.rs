// SPDX-License-Identifier: Apache-2.0
//! The colour of a module's own code: a hue from a hash of its name, the same in every run and on every machine, at one
//! lightness and one chroma a theme, so that text reads equally well on all of them.
//!
//! Lightness is the eye's (Oklab), not that of HSL, in which a yellow and a blue of equal "lightness" are not.

use crate::theme::Palette;
use egui::{Color32, Rgba};

/// The frame colour of a module.
pub fn module_frame(palette: &Palette, module: &str) -> Color32 {
    let (lightness, chroma) = if palette.is_dark { (0.47, 0.085) } else { (0.84, 0.072) };
    from_oklch(lightness, chroma, hue_degrees(module))
}

/// The colour of the so manieth band of many: hues a golden angle apart, so that neighbours differ.
pub(crate) fn band_colour(palette: &Palette, number: usize) -> Color32 {
    const GOLDEN_DEGREES: f32 = 137.508;
    let (lightness, chroma) = if palette.is_dark { (0.56, 0.1) } else { (0.74, 0.1) };
    from_oklch(lightness, chroma, (240.0 + number as f32 * GOLDEN_DEGREES) % 360.0)
}

/// The frame colour of a subtree that shrank, in answers about growth.
pub(super) fn shrunk_frame(palette: &Palette) -> Color32 {
    palette.panel.lerp_to_gamma(palette.less, 0.32)
}

/// A frame colour of what a search did not find.
pub(super) fn dimmed(palette: &Palette, colour: Color32) -> Color32 {
    colour.lerp_to_gamma(palette.panel, 0.72)
}

/// The text colour on a frame that [`dimmed`] greys out.
pub(super) fn dimmed_text(palette: &Palette) -> Color32 {
    palette.text_weak
}

/// FNV-1a, spread once more: stable across runs, versions and machines, which std's hashers do not promise.
fn hue_degrees(module: &str) -> f32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in module.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> 40) as f32 / (1 << 24) as f32 * 360.0
}

/// Oklab in polar form (Björn Ottosson's definition) to sRGB.
fn from_oklch(lightness: f32, chroma: f32, hue_degrees: f32) -> Color32 {
    let (sin, cos) = hue_degrees.to_radians().sin_cos();
    let (a, b) = (chroma * cos, chroma * sin);
    let long = (lightness + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
    let medium = (lightness - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
    let short = (lightness - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
    let red = 4.076_741_7 * long - 3.307_711_6 * medium + 0.230_969_94 * short;
    let green = -1.268_438 * long + 2.609_757_4 * medium - 0.341_319_38 * short;
    let blue = -0.004_196_086_3 * long - 0.703_418_6 * medium + 1.707_614_7 * short;
    let [red, green, blue] = [red, green, blue].map(|linear| linear.clamp(0.0, 1.0));
    Color32::from(Rgba::from_rgb(red, green, blue))
}

/// The contrast of two opaque colours by WCAG 2: from 1 to 21.
#[cfg(test)]
pub(crate) fn contrast(one: Color32, other: Color32) -> f32 {
    let luminance = |colour: Color32| {
        let rgba = Rgba::from(colour);
        0.2126 * rgba.r() + 0.7152 * rgba.g() + 0.0722 * rgba.b()
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEMES: [Palette; 2] = [Palette::DARK, Palette::LIGHT];

    #[test]
    fn text_reads_on_every_frame_colour() {
        for palette in THEMES {
            for module in 0..2000 {
                let frame = module_frame(&palette, &format!("module_{module}"));
                let ratio = contrast(frame, palette.text_strong);
                assert!(ratio >= 4.5, "{frame:?} with {ratio}");
            }
            for frame in [palette.library_frame, palette.neutral_frame, shrunk_frame(&palette)] {
                assert!(contrast(frame, palette.text) >= 4.5, "{frame:?}");
            }
        }
    }

    #[test]
    fn a_module_has_the_same_colour_in_every_run() {
        let colours: Vec<_> = THEMES.iter().map(|palette| module_frame(palette, "loader").to_array()).collect();
        assert_eq!(colours, [[25, 106, 82, 255], [156, 218, 194, 255]]);
    }

    #[test]
    fn the_colours_of_a_theme_are_equally_light() {
        for palette in THEMES {
            let ratios = (0..360).map(|m| contrast(module_frame(&palette, &m.to_string()), palette.text_strong));
            let (least, most) = ratios.fold((f32::MAX, 0.0_f32), |(least, most), r| (least.min(r), most.max(r)));
            assert!(most / least < 1.35, "{least} to {most}");
        }
    }
}
