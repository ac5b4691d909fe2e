// SPDX-License-Identifier: Apache-2.0
//! A tree of two captures: how its frames are coloured, labelled and explained by what changed. [`Changes`] leads; where
//! a [`Source`](super::Source) has none, its frames show one capture.

use crate::theme::Palette;
use egui::Color32;
use memray_compare::{Change, Delta, Side, UnionTree};
use memray_index::TreeNodeId;
use memray_report::comparison::glyph;
use memray_report::size::{
    Units, format_bytes, format_bytes_exact, format_bytes_signed, format_count, format_count_signed,
    format_share_signed,
};

/// What changed in a tree of two captures.
#[derive(Clone, Copy)]
pub struct Changes<'a> {
    /// The tree, which is the source's too.
    pub tree: &'a UnionTree,
    /// What its labels tell.
    pub shown: Shown,
}

/// What labels tell of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shown {
    /// How much it changed.
    Change,
    /// How much it has on one side.
    Amount(Side),
}

/// How a frame is painted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    pub(super) fill: Color32,
    /// What vanished is hollow.
    pub(super) outline: Option<Color32>,
}

impl Changes<'_> {
    /// How a frame is painted: the more of it changed, the stronger.
    pub(super) fn look(&self, palette: &Palette, node: TreeNodeId) -> Look {
        look(palette, self.tree.change(node), self.tree.total(node))
    }

    /// What stands before a name: the change's sign and a space; nothing where it is neutral.
    pub(super) fn sign(&self, node: TreeNodeId) -> String {
        match self.tree.change(node) {
            Change::Neutral => String::new(),
            change => format!("{} ", glyph(change)),
        }
    }

    /// What stands behind a name.
    pub(super) fn size(&self, node: TreeNodeId, units: Units) -> String {
        let delta = self.tree.total(node);
        match self.shown {
            Shown::Change => format_bytes_signed(delta.bytes(), units),
            Shown::Amount(Side::Before) => format_bytes(delta.before.bytes, units),
            Shown::Amount(Side::After) => format_bytes(delta.after.bytes, units),
        }
    }

    /// What is known of a frame, by name.
    pub(super) fn facts(&self, node: TreeNodeId, units: Units) -> Vec<(&'static str, String)> {
        let total = self.tree.total(node);
        let own = match self.tree.tree.is_inverted {
            false => self.tree.own(node),
            true if self.tree.tree.is_inverted_leaf(node) => total,
            true => Delta::default(),
        };
        let exact = |bytes: i64| match bytes.unsigned_abs() < 1000 {
            true => format_bytes(bytes, units),
            false => format!("{} ({})", format_bytes(bytes, units), format_bytes_exact(bytes)),
        };
        let allocations = format!(
            "{} \u{2192} {} ({})",
            format_count(total.before.allocations),
            format_count(total.after.allocations),
            format_count_signed(total.allocations())
        );
        vec![
            ("before", exact(total.before.bytes)),
            ("after", exact(total.after.bytes)),
            ("change", format_bytes_signed(total.bytes(), units)),
            ("change in %", share(self.tree.change(node), total)),
            ("own change", format_bytes_signed(own.bytes(), units)),
            ("allocations", allocations),
        ]
    }

    /// The same in a sentence, for those who cannot see it.
    pub(super) fn in_words(&self, node: TreeNodeId, units: Units) -> String {
        let total = self.tree.total(node);
        format!(
            "{} before, {} after, {}, {}",
            format_bytes(total.before.bytes, units),
            format_bytes(total.after.bytes, units),
            format_bytes_signed(total.bytes(), units),
            share(self.tree.change(node), total)
        )
    }
}

/// A change as a share of what was before, or that it is new or gone.
pub(crate) fn share(change: Change, delta: Delta) -> String {
    match change {
        Change::New => "new".to_owned(),
        Change::Vanished => "gone".to_owned(),
        _ => format_share_signed(delta.bytes(), delta.before.bytes),
    }
}

fn look(palette: &Palette, change: Change, delta: Delta) -> Look {
    let filled = |fill: Color32| Look { fill, outline: None };
    // Even a small change that matters is told from what is neutral.
    let strength = 0.35 + 0.65 * (delta.bytes().unsigned_abs() as f32 / delta.larger_bytes().max(1) as f32).min(1.0);
    match change {
        Change::Neutral => filled(palette.library_frame),
        Change::More => filled(palette.library_frame.lerp_to_gamma(palette.more_frame, strength)),
        Change::Less => filled(palette.library_frame.lerp_to_gamma(palette.less_frame, strength)),
        Change::New => filled(palette.new_frame),
        Change::Vanished => Look {
            fill: palette.panel.lerp_to_gamma(palette.less_frame, 0.25),
            outline: Some(palette.vanished_outline),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::colour::contrast;
    use super::*;
    use memray_index::Amount;

    const THEMES: [Palette; 2] = [Palette::DARK, Palette::LIGHT];
    const CHANGES: [Change; 5] = [Change::Neutral, Change::More, Change::New, Change::Less, Change::Vanished];

    fn delta(before: i64, after: i64) -> Delta {
        let amount = |bytes| Amount { bytes, allocations: 1 };
        Delta { before: amount(before), after: amount(after) }
    }

    #[test]
    fn text_reads_on_every_change() {
        for palette in THEMES {
            for change in CHANGES {
                for (before, after) in [(100, 120), (100, 200), (0, 100), (100, 0), (200, 100)] {
                    let fill = look(&palette, change, delta(before, after)).fill;
                    let ratio = contrast(fill, palette.text_strong);
                    assert!(ratio >= 4.5, "{change:?} {fill:?} with {ratio}");
                }
            }
        }
    }

    /// How a colour looks to those without red (protanopia) or green (deuteranopia) cones: the matrices of Machado,
    /// Oliveira and Fernandes, for linear light.
    fn seen(colour: Color32, matrix: [[f32; 3]; 3]) -> [f32; 3] {
        let rgba = egui::Rgba::from(colour);
        matrix.map(|row| (row[0] * rgba.r() + row[1] * rgba.g() + row[2] * rgba.b()).clamp(0.0, 1.0).cbrt())
    }

    #[test]
    fn changes_are_told_apart_with_any_colour_vision() {
        const NORMAL: [[f32; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
        const PROTANOPIA: [[f32; 3]; 3] = [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ];
        const DEUTERANOPIA: [[f32; 3]; 3] =
            [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]];
        for palette in THEMES {
            for matrix in [NORMAL, PROTANOPIA, DEUTERANOPIA] {
                // What vanished is told by its outline: inside it is nearly empty.
                let colours = [
                    palette.library_frame,
                    palette.more_frame,
                    palette.new_frame,
                    palette.less_frame,
                    palette.vanished_outline,
                ];
                let colours = colours.map(|colour| seen(colour, matrix));
                for (i, one) in colours.iter().enumerate() {
                    for other in &colours[..i] {
                        let distance: f32 = one.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f32>().sqrt();
                        assert!(distance > 0.12, "{one:?} and {other:?} are {distance} apart");
                    }
                }
            }
        }
    }

    #[test]
    fn a_larger_change_is_stronger_and_what_vanished_is_hollow() {
        let palette = Palette::DARK;
        let distance = |after| {
            let fill = look(&palette, Change::More, delta(100, after)).fill;
            (i32::from(fill.r()) - i32::from(palette.library_frame.r())).abs()
        };
        assert!(distance(1000) > distance(130) && distance(130) > 0);
        assert_eq!(look(&palette, Change::Vanished, delta(5, 0)).outline, Some(palette.vanished_outline));
    }
}
