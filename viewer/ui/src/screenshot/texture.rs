// SPDX-License-Identifier: Apache-2.0
//! egui's textures (of which the font atlas is the one that matters) kept in memory, and read as a GPU would.

use egui::epaint::textures::TexturesDelta;
use egui::epaint::{ColorImage, ImageData, ImageDelta};
use egui::{Color32, TextureFilter, TextureId};
use rustc_hash::FxHashMap;

/// A texture.
pub(super) struct Texture {
    image: ColorImage,
    filter: TextureFilter,
}

/// All textures by id.
#[derive(Default)]
pub(super) struct Textures {
    by_id: FxHashMap<TextureId, Texture>,
}

impl Textures {
    /// Takes over what a pass changed.
    pub(super) fn apply(&mut self, mut delta: TexturesDelta) {
        for (id, patches) in delta.set.drain() {
            for patch in patches {
                self.patch(id, patch);
            }
        }
        // Freed textures are kept: they are few, and the last pass may still show them.
        delta.clear();
    }

    fn patch(&mut self, id: TextureId, patch: ImageDelta) {
        let ImageData::Color(source) = patch.image;
        let Some([left, top]) = patch.pos else {
            let filter = patch.options.magnification;
            self.by_id.insert(id, Texture { image: source.as_ref().clone(), filter });
            return;
        };
        let Some(texture) = self.by_id.get_mut(&id) else { return };
        let [width, height] = texture.image.size;
        let [patch_width, patch_height] = source.size;
        if left + patch_width > width || top + patch_height > height {
            return;
        }
        for (row, pixels) in source.pixels.chunks_exact(patch_width.max(1)).enumerate() {
            let start = (top + row) * width + left;
            texture.image.pixels[start..start + patch_width].copy_from_slice(pixels);
        }
    }

    /// A texture, if it was ever given.
    pub(super) fn get(&self, id: TextureId) -> Option<&Texture> {
        self.by_id.get(&id)
    }
}

impl Texture {
    /// The colour at texture coordinates from 0 to 1, premultiplied, each channel from 0 to 1.
    pub(super) fn sample(&self, u: f32, v: f32) -> [f32; 4] {
        let [width, height] = self.image.size;
        if width == 0 || height == 0 {
            return [0.0; 4];
        }
        let (x, y) = (u * width as f32 - 0.5, v * height as f32 - 0.5);
        if self.filter == TextureFilter::Nearest {
            return self.texel(x.round() as i64, y.round() as i64);
        }
        let (left, top) = (x.floor(), y.floor());
        let (right_share, bottom_share) = (x - left, y - top);
        let (left, top) = (left as i64, top as i64);
        let top_row = mix(self.texel(left, top), self.texel(left + 1, top), right_share);
        let bottom_row = mix(self.texel(left, top + 1), self.texel(left + 1, top + 1), right_share);
        mix(top_row, bottom_row, bottom_share)
    }

    fn texel(&self, x: i64, y: i64) -> [f32; 4] {
        let [width, height] = self.image.size;
        let x = x.clamp(0, width as i64 - 1) as usize;
        let y = y.clamp(0, height as i64 - 1) as usize;
        self.image.pixels.get(y * width + x).map_or([0.0; 4], |texel| channels(*texel))
    }
}

/// A colour's channels from 0 to 1, as they are stored: sRGB and premultiplied.
pub(super) fn channels(colour: Color32) -> [f32; 4] {
    colour.to_array().map(|channel| f32::from(channel) / 255.0)
}

fn mix(a: [f32; 4], b: [f32; 4], share: f32) -> [f32; 4] {
    std::array::from_fn(|i| a[i] + (b[i] - a[i]) * share)
}
