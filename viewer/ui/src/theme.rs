// SPDX-License-Identifier: Apache-2.0
//! Every colour and measure of the window, by what it is for, in a dark and a light version. Nothing else in this crate
//! names a raw colour.

use egui::Color32;
use memray_compare::Change;

/// The colours of one theme.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Palette {
    /// Whether it is the dark one.
    pub is_dark: bool,
    /// Behind everything.
    pub background: Color32,
    /// Behind a panel: graph, icicle, details.
    pub panel: Color32,
    /// Lines between and around panels.
    pub outline: Color32,
    /// Text that is read first.
    pub text_strong: Color32,
    /// Ordinary text.
    pub text: Color32,
    /// Labels, units, what is read last; still at least 4.5:1 on `panel`.
    pub text_weak: Color32,
    /// Links, the chosen mode, the selected range's edges.
    pub accent: Color32,
    /// Text on `accent`.
    pub on_accent: Color32,
    /// The heap's line; filled at low opacity.
    pub heap: Color32,
    /// The resident set's line.
    pub rss: Color32,
    /// The selection: its line in the graph, its outline in the icicle.
    pub selection: Color32,
    /// A note's bar.
    pub note: Color32,
    /// Behind a note.
    pub note_background: Color32,
    /// Growth; also errors.
    pub more: Color32,
    /// Shrinkage.
    pub less: Color32,
    /// A frame of a library in the icicle.
    pub library_frame: Color32,
    /// The root's frame, and merged small frames.
    pub neutral_frame: Color32,
    /// A search hit's outline.
    pub search_hit: Color32,
    /// A frame that has more than before, where two captures are compared. More is of the hue of vermilion and less of
    /// blue's, which are told apart with any kind of colour vision; signs stand beside them.
    pub more_frame: Color32,
    /// A frame that was not there before.
    pub new_frame: Color32,
    /// A frame that has less than before.
    pub less_frame: Color32,
    /// The outline of a frame that is not there any more.
    pub vanished_outline: Color32,
    /// What is before: its name and its graph.
    pub before: Color32,
    /// What is after.
    pub after: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

impl Palette {
    /// The dark theme.
    pub const DARK: Self = Self {
        is_dark: true,
        background: rgb(0x16181c),
        panel: rgb(0x1d2024),
        outline: rgb(0x2e3238),
        text_strong: rgb(0xf0f2f5),
        text: rgb(0xc9ced6),
        text_weak: rgb(0x98a0ab),
        accent: rgb(0x62b5fb),
        on_accent: rgb(0x0d1520),
        heap: rgb(0x3d90d9),
        rss: rgb(0x8a929d),
        selection: rgb(0xb48cf5),
        note: rgb(0xd9a441),
        note_background: rgb(0x29251d),
        more: rgb(0xf07878),
        less: rgb(0x62b5fb),
        library_frame: rgb(0x343a42),
        neutral_frame: rgb(0x2a2e34),
        search_hit: rgb(0xf5b942),
        more_frame: rgb(0x8f4426),
        new_frame: rgb(0xc4400a),
        less_frame: rgb(0x2a68a8),
        vanished_outline: rgb(0x62b5fb),
        before: rgb(0x62b5fb),
        after: rgb(0xf28c5a),
    };

    /// The light theme.
    pub const LIGHT: Self = Self {
        is_dark: false,
        background: rgb(0xf6f8fa),
        panel: rgb(0xffffff),
        outline: rgb(0xd9dee4),
        text_strong: rgb(0x14181d),
        text: rgb(0x2f353c),
        text_weak: rgb(0x5c646e),
        accent: rgb(0x1669c5),
        on_accent: rgb(0xffffff),
        heap: rgb(0x2a7bc4),
        rss: rgb(0x7a828c),
        selection: rgb(0x7a44cf),
        note: rgb(0x8a5a00),
        note_background: rgb(0xf7f0de),
        more: rgb(0xc02f2f),
        less: rgb(0x1669c5),
        library_frame: rgb(0xe3e7eb),
        neutral_frame: rgb(0xeceff2),
        search_hit: rgb(0xd07f00),
        more_frame: rgb(0xf2a27e),
        new_frame: rgb(0xf0801e),
        less_frame: rgb(0x8fc0ee),
        vanished_outline: rgb(0x1669c5),
        before: rgb(0x1669c5),
        after: rgb(0xb8450e),
    };

    /// Words that tell a change.
    pub fn change_text(&self, change: Change) -> Color32 {
        match change {
            Change::Neutral => self.text,
            Change::More | Change::New => self.after,
            Change::Less | Change::Vanished => self.before,
        }
    }

    /// The one that goes with egui's visuals.
    pub fn of(visuals: &egui::Visuals) -> Self {
        if visuals.dark_mode { Self::DARK } else { Self::LIGHT }
    }
}
