// SPDX-License-Identifier: Apache-2.0
//! Characters that no font on this machine has, as boxes with their code points in them: an empty box would make two
//! names look alike that are not.

use egui::epaint::text::{GlyphBitmap, GlyphRasterizer, GlyphRasterizerRequest, RasterizedGlyph};
use egui::{Color32, ColorImage, vec2};

/// Digits are so many cells wide and high.
const DIGIT: [usize; 2] = [3, 5];
/// The hexadecimal digits, a number a row, a bit a cell.
#[rustfmt::skip]
const DIGITS: [[u8; DIGIT[1]]; 16] = [
    [7, 5, 5, 5, 7], [2, 6, 2, 2, 7], [7, 1, 7, 4, 7], [7, 1, 7, 1, 7],
    [5, 5, 7, 1, 1], [7, 4, 7, 1, 7], [7, 4, 7, 5, 7], [7, 1, 2, 2, 2],
    [7, 5, 7, 5, 7], [7, 5, 7, 1, 7], [2, 5, 7, 5, 5], [6, 5, 6, 5, 6],
    [3, 4, 4, 4, 3], [6, 5, 5, 5, 6], [7, 4, 6, 4, 7], [7, 4, 6, 4, 4],
];
/// The edge, and room within it.
const MARGIN: usize = 2;
/// Two rows of digits with a cell between them, in a box.
const HEIGHT: usize = 2 * MARGIN + 2 * DIGIT[1] + 1;
/// How much of it hangs below the line.
const DESCENT: usize = 3;
/// At this size a cell is a pixel.
const CELL_PER_PX: f32 = 1.0 / 13.0;
/// Of what stands in one place, a letter and all its accents, no more is drawn.
const MOST_CHARS: usize = 4;
const GAP: usize = 1;

/// What draws them, to be asked after all fonts.
pub(super) fn boxes() -> GlyphRasterizer {
    GlyphRasterizer::new("memray-ui code points", |request: &GlyphRasterizerRequest<'_>| {
        let cell_px = cell_px(request.font_size_px);
        let boxes: Vec<Vec<[usize; 2]>> = request.cluster.chars().take(MOST_CHARS).map(cells).collect();
        let widths: Vec<usize> = request.cluster.chars().take(MOST_CHARS).map(width).collect();
        let cells_wide = widths.iter().map(|width| width + GAP).sum::<usize>();
        let mut image = ColorImage::filled([cells_wide * cell_px, HEIGHT * cell_px], Color32::TRANSPARENT);
        let mut left = 0;
        for (cells, width) in boxes.iter().zip(widths) {
            for [x, y] in cells {
                for pixel in 0..cell_px * cell_px {
                    let (dx, dy) = (pixel % cell_px, pixel / cell_px);
                    image[((left + x) * cell_px + dx, y * cell_px + dy)] = Color32::WHITE;
                }
            }
            left += width + GAP;
        }
        let rise = ((HEIGHT - DESCENT) * cell_px) as f32;
        let bitmap = GlyphBitmap { image, offset_px: vec2(0.0, -rise), is_color: false };
        Some(RasterizedGlyph { bitmap, advance_px: (cells_wide * cell_px) as f32 })
    })
}

fn cell_px(font_size_px: f32) -> usize {
    (font_size_px * CELL_PER_PX).round().clamp(1.0, 16.0) as usize
}

/// How wide a character's box is, with the room behind it.
pub(super) fn width_px(character: char, font_size_px: f32) -> f32 {
    ((width(character) + GAP) * cell_px(font_size_px)) as f32
}

/// The digits of a row: four in all, or six where four do not do.
fn digits_in_row(character: char) -> usize {
    if u32::from(character) > 0xffff { 3 } else { 2 }
}

fn width(character: char) -> usize {
    2 * MARGIN + digits_in_row(character) * (DIGIT[0] + 1) - 1
}

/// The cells of a character's box that are filled, from its left upper corner.
fn cells(character: char) -> Vec<[usize; 2]> {
    let (width, in_row) = (width(character), digits_in_row(character));
    let mut cells = Vec::new();
    for x in 0..width {
        cells.extend([[x, 0], [x, HEIGHT - 1]]);
    }
    for y in 1..HEIGHT - 1 {
        cells.extend([[0, y], [width - 1, y]]);
    }
    for place in 0..2 * in_row {
        let shift = 4 * (2 * in_row - 1 - place);
        let rows = DIGITS[(u32::from(character) >> shift & 0xf) as usize];
        let left = MARGIN + place % in_row * (DIGIT[0] + 1);
        let top = MARGIN + place / in_row * (DIGIT[1] + 1);
        for (dy, row) in rows.into_iter().enumerate() {
            let filled = (0..DIGIT[0]).filter(|dx| row >> (DIGIT[0] - 1 - dx) & 1 == 1);
            cells.extend(filled.map(|dx| [left + dx, top + dy]));
        }
    }
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_has_the_code_point_in_it() {
        let filled = cells('\u{8ba1}');
        let rows: Vec<String> = (0..HEIGHT)
            .map(|y| (0..width('\u{8ba1}')).map(|x| if filled.contains(&[x, y]) { '#' } else { ' ' }).collect())
            .collect();
        assert_eq!(
            rows,
            [
                "###########",
                "#         #",
                "# ### ##  #",
                "# # # # # #",
                "# ### ##  #",
                "# # # # # #",
                "# ### ##  #",
                "#         #",
                "#  #   #  #",
                "# # # ##  #",
                "# ###  #  #",
                "# # #  #  #",
                "# # # ### #",
                "#         #",
                "###########",
            ]
        );
        assert_eq!(width('\u{1f980}'), 15, "six digits");
    }
}
