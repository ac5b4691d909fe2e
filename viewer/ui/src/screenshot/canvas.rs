// SPDX-License-Identifier: Apache-2.0
//! Triangles drawn on the CPU, by the rules that egui asks of a GPU: colours are premultiplied and blended as sRGB,
//! vertex colours multiply texture colours, meshes are cut at their clip rectangle.
//!
//! Corners are snapped to 1/256 of a pixel and edges tested in integers with the top-left rule, so that triangles that
//! share an edge touch each pixel on it once, on every machine.

use super::texture::{Texture, Textures, channels};
use egui::epaint::{ClippedPrimitive, Mesh, Primitive, Vertex, WHITE_UV};
use egui::{Color32, Rect};

/// Fractions of a pixel that corners are snapped to.
const SUBPIXELS: i64 = 256;

/// A picture being drawn.
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Row by row from the top, premultiplied.
    pub(super) pixels: Vec<Color32>,
}

/// Pixels `left..right`, `top..bottom`.
#[derive(Clone, Copy)]
struct Bounds {
    left: i64,
    top: i64,
    right: i64,
    bottom: i64,
}

/// A corner in 1/256 pixels, and what is interpolated from it.
#[derive(Clone, Copy)]
struct Corner {
    x: i64,
    y: i64,
    colour: [f32; 4],
    uv: [f32; 2],
}

impl Canvas {
    /// A picture of one colour.
    pub(super) fn new(width: usize, height: usize, background: Color32) -> Self {
        Self { width, height, pixels: vec![background; width * height] }
    }

    /// Draws what egui made of a pass.
    pub(super) fn draw(&mut self, primitives: &[ClippedPrimitive], textures: &Textures, pixels_per_point: f32) {
        for clipped in primitives {
            let bounds = self.bounds(clipped.clip_rect, pixels_per_point);
            // Callbacks draw with a GPU; this window has none.
            if let Primitive::Mesh(mesh) = &clipped.primitive {
                self.draw_mesh(mesh, textures.get(mesh.texture_id), bounds, pixels_per_point);
            }
        }
    }

    /// A clip rectangle in whole pixels, within the picture.
    fn bounds(&self, clip: Rect, pixels_per_point: f32) -> Bounds {
        let whole = |points: f32, limit: usize| ((points * pixels_per_point).round() as i64).clamp(0, limit as i64);
        Bounds {
            left: whole(clip.left(), self.width),
            top: whole(clip.top(), self.height),
            right: whole(clip.right(), self.width),
            bottom: whole(clip.bottom(), self.height),
        }
    }

    fn draw_mesh(&mut self, mesh: &Mesh, texture: Option<&Texture>, bounds: Bounds, pixels_per_point: f32) {
        let corner = |index: u32| mesh.vertices.get(index as usize).map(|vertex| Corner::of(vertex, pixels_per_point));
        for triangle in mesh.indices.chunks_exact(3) {
            let (Some(a), Some(b), Some(c)) = (corner(triangle[0]), corner(triangle[1]), corner(triangle[2])) else {
                continue;
            };
            self.draw_triangle([a, b, c], texture, bounds);
        }
    }

    fn draw_triangle(&mut self, [a, mut b, mut c]: [Corner; 3], texture: Option<&Texture>, bounds: Bounds) {
        let mut area = edge(a, b, c.x, c.y);
        if area == 0 {
            return;
        }
        if area < 0 {
            // egui winds triangles either way round.
            std::mem::swap(&mut b, &mut c);
            area = -area;
        }
        let least = |f: fn(&Corner) -> i64| [a, b, c].iter().map(f).min().unwrap_or(0).div_euclid(SUBPIXELS);
        let most = |f: fn(&Corner) -> i64| [a, b, c].iter().map(f).max().unwrap_or(0).div_euclid(SUBPIXELS) + 1;
        let (left, right) = (least(|p| p.x).max(bounds.left), most(|p| p.x).min(bounds.right));
        let (top, bottom) = (least(|p| p.y).max(bounds.top), most(|p| p.y).min(bounds.bottom));
        let is_plain = [a, b, c].iter().all(|corner| corner.uv == [WHITE_UV.x, WHITE_UV.y]);
        let is_flat = is_plain && a.colour == b.colour && b.colour == c.colour;
        // Pixels exactly on an edge belong to the triangle whose top or left edge it is.
        let bias = [is_top_or_left(b, c), is_top_or_left(c, a), is_top_or_left(a, b)].map(|owns| i64::from(!owns));
        for y in top..bottom {
            for x in left..right {
                let (px, py) = (x * SUBPIXELS + SUBPIXELS / 2, y * SUBPIXELS + SUBPIXELS / 2);
                let weights = [edge(b, c, px, py), edge(c, a, px, py), edge(a, b, px, py)];
                if weights[0] < bias[0] || weights[1] < bias[1] || weights[2] < bias[2] {
                    continue;
                }
                let source = if is_flat {
                    a.colour
                } else {
                    let [wa, wb, wc] = weights.map(|weight| (weight as f64 / area as f64) as f32);
                    let mut colour: [f32; 4] =
                        std::array::from_fn(|i| a.colour[i] * wa + b.colour[i] * wb + c.colour[i] * wc);
                    if let (false, Some(texture)) = (is_plain, texture) {
                        let [u, v] = std::array::from_fn(|i| a.uv[i] * wa + b.uv[i] * wb + c.uv[i] * wc);
                        let texel = texture.sample(u, v);
                        colour = std::array::from_fn(|i| colour[i] * texel[i]);
                    }
                    colour
                };
                self.blend(x as usize, y as usize, source);
            }
        }
    }

    fn blend(&mut self, x: usize, y: usize, source: [f32; 4]) {
        let Some(pixel) = self.pixels.get_mut(y * self.width + x) else { return };
        let below = channels(*pixel);
        let [r, g, b, a] =
            std::array::from_fn(|i| ((source[i] + below[i] * (1.0 - source[3])) * 255.0 + 0.5).clamp(0.0, 255.0) as u8);
        *pixel = Color32::from_rgba_premultiplied(r, g, b, a);
    }
}

impl Corner {
    fn of(vertex: &Vertex, pixels_per_point: f32) -> Self {
        // Far outside any picture, but with room for products of two in 64 bits.
        let snap = |points: f32| {
            (f64::from(points) * f64::from(pixels_per_point) * SUBPIXELS as f64).round().clamp(-1e9, 1e9) as i64
        };
        Self {
            x: snap(vertex.pos.x),
            y: snap(vertex.pos.y),
            colour: channels(vertex.color),
            uv: [vertex.uv.x, vertex.uv.y],
        }
    }
}

/// Twice the area of the triangle from an edge to a point; positive on its inner side.
fn edge(from: Corner, to: Corner, x: i64, y: i64) -> i64 {
    (to.x - from.x) * (y - from.y) - (to.y - from.y) * (x - from.x)
}

/// Whether an edge of a triangle wound clockwise on the screen owns the pixels that lie exactly on it.
fn is_top_or_left(from: Corner, to: Corner) -> bool {
    (from.y == to.y && to.x > from.x) || to.y < from.y
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{TextureId, pos2, vec2};

    fn rectangle(rect: Rect, colour: Color32) -> ClippedPrimitive {
        let mut mesh = Mesh::with_texture(TextureId::default());
        mesh.add_colored_rect(rect, colour);
        ClippedPrimitive { clip_rect: Rect::EVERYTHING, primitive: Primitive::Mesh(mesh) }
    }

    #[test]
    fn a_translucent_rectangle_covers_each_pixel_of_its_diagonal_once() {
        let mut canvas = Canvas::new(8, 8, Color32::BLACK);
        let half = Color32::from_rgba_premultiplied(100, 0, 0, 128);
        let rect = Rect::from_min_size(pos2(1.0, 1.0), vec2(6.0, 6.0));
        canvas.draw(&[rectangle(rect, half)], &Textures::default(), 1.0);
        let red = |x: usize, y: usize| canvas.pixels[y * 8 + x].r();
        for y in 0..8 {
            for x in 0..8 {
                let inside = (1..7).contains(&x) && (1..7).contains(&y);
                assert_eq!(red(x, y), if inside { 100 } else { 0 }, "at {x}, {y}");
            }
        }
    }

    #[test]
    fn two_pixels_per_point_double_every_length() {
        let mut canvas = Canvas::new(8, 8, Color32::BLACK);
        let rect = Rect::from_min_size(pos2(1.0, 1.0), vec2(2.0, 1.0));
        canvas.draw(&[rectangle(rect, Color32::WHITE)], &Textures::default(), 2.0);
        assert_eq!(canvas.pixels.iter().filter(|pixel| **pixel == Color32::WHITE).count(), 4 * 2);
    }

    #[test]
    fn the_clip_rectangle_cuts() {
        let mut canvas = Canvas::new(8, 8, Color32::BLACK);
        let mut clipped = rectangle(Rect::from_min_size(pos2(0.0, 0.0), vec2(8.0, 8.0)), Color32::WHITE);
        clipped.clip_rect = Rect::from_min_size(pos2(2.0, 3.0), vec2(4.0, 2.0));
        canvas.draw(&[clipped], &Textures::default(), 1.0);
        assert_eq!(canvas.pixels.iter().filter(|pixel| **pixel == Color32::WHITE).count(), 4 * 2);
    }
}
