// SPDX-License-Identifier: Apache-2.0
//! What a frame is called, and the texts of a box: the longest that fits.

use crate::labels::Labels;
use memray_index::{LocationId, TreeNode};
use memray_report::escape::{self, visible};
use std::borrow::Cow;

/// No name is looked at beyond this many bytes: a capture may hold one of a megabyte.
const LONGEST_NAME_BYTES: usize = 512;

fn file_name(path: &str) -> &str {
    std::str::from_utf8(escape::file_name(path.as_bytes())).unwrap_or(path)
}

fn bounded(name: &str) -> Cow<'_, str> {
    if name.len() <= LONGEST_NAME_BYTES {
        return visible(name);
    }
    let end = name.floor_char_boundary(LONGEST_NAME_BYTES);
    Cow::Owned(format!("{}…", visible(&name[..end])))
}

/// A frame's name: its function, escaped and of bounded length; its thread's of a thread's tower.
pub fn frame_name(labels: &dyn Labels, node: &TreeNode) -> String {
    match (node.location, node.thread) {
        (LocationId::NONE, _) if node.depth == 0 => "<root>".to_owned(),
        (LocationId::NONE, Some(thread)) if node.depth == 1 => bounded(&labels.thread(thread)).into_owned(),
        (LocationId::NONE, _) => "(no Python stack)".to_owned(),
        (location, _) => bounded(&labels.location(location).function).into_owned(),
    }
}

/// A frame's place, `loader.py:88`: its file without folders and its line. An `__init__.py` keeps its package.
pub fn frame_place(labels: &dyn Labels, node: &TreeNode) -> Option<String> {
    if node.location == LocationId::NONE {
        return None;
    }
    let location = labels.location(node.location);
    let file = location.file;
    let name = file_name(&file);
    let name = if name == "__init__.py" {
        let folders = file[..file.len() - name.len()].trim_end_matches(['/', '\\']);
        let package = file_name(folders);
        if package.is_empty() { bounded(name) } else { Cow::Owned(format!("{}/{name}", bounded(package))) }
    } else {
        bounded(name)
    };
    with_line(name, location.line)
}

/// A frame's place with all of its folders, `/srv/app/loader.py:88`.
pub fn frame_path(labels: &dyn Labels, node: &TreeNode) -> Option<String> {
    if node.location == LocationId::NONE {
        return None;
    }
    let location = labels.location(node.location);
    with_line(bounded(&location.file), location.line)
}

fn with_line(file: Cow<'_, str>, line: u32) -> Option<String> {
    match (file.is_empty(), line) {
        (true, _) => None,
        (false, 0) => Some(file.into_owned()),
        (false, line) => Some(format!("{file}:{line}")),
    }
}

/// A text that fits a width, and the widths for which it is the right one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fitted {
    pub(super) text: String,
    /// Where the name ends in it, and place and size begin.
    pub(super) name_end: usize,
    /// From this width…
    from: f32,
    /// …up to this one, not included, it stays.
    to: f32,
}

impl Fitted {
    /// Whether it is the right one for a width.
    pub(super) fn suits(&self, width: f32) -> bool {
        self.from <= width && width < self.to
    }
}

/// Fewer letters than these, and a cut name says nothing.
const SHORTEST_CUT_CHARS: usize = 2;

/// The longest text for a width: `function file.py:88 1.2 GiB`, then without place, without size, the name cut short,
/// and nothing.
pub(super) fn fit(
    name: &str,
    place: Option<&str>,
    size: &str,
    width: f32,
    char_width: &mut dyn FnMut(char) -> f32,
) -> Fitted {
    let mut measure = |text: &str| text.chars().map(&mut *char_width).sum::<f32>();
    let mut to = f32::INFINITY;
    let full = place.map(|place| format!("{name} {place} {size}"));
    for text in full.into_iter().chain([format!("{name} {size}"), name.to_owned()]) {
        // Room for rounding in the layout of the real text.
        let from = measure(&text) + 0.5;
        if from <= width {
            return Fitted { name_end: name.len(), text, from, to };
        }
        to = from;
    }
    let mut used = measure("…") + 0.5;
    let mut kept = Fitted { text: String::new(), name_end: 0, from: 0.0, to };
    for (at, (start, character)) in name.char_indices().enumerate() {
        used += char_width(character);
        let is_enough = at + 1 >= SHORTEST_CUT_CHARS;
        if used > width {
            kept.to = kept.to.min(if is_enough { used } else { f32::MAX });
            if !is_enough {
                // The width from which the shortest cut fits.
                let rest = name.chars().skip(at + 1).take(SHORTEST_CUT_CHARS - at - 1);
                kept.to = to.min(used + rest.map(&mut *char_width).sum::<f32>());
            }
            break;
        }
        if is_enough {
            kept.text.clear();
            kept.text.push_str(&name[..start + character.len_utf8()]);
            kept.text.push('…');
            kept.name_end = kept.text.len();
            kept.from = used;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::sample::{Branch, Numbered, tree};
    use super::*;
    use crate::labels::LocationLabel;
    use memray_index::{FrameKind, LocationTraits, StringId, ThreadIndex};

    fn fitted(width: f32) -> String {
        fit("load_frame", Some("loader.py:88"), "1.20 GiB", width, &mut |_| 1.0).text
    }

    #[test]
    fn a_label_gives_up_its_place_then_its_size_then_its_end_then_itself() {
        assert_eq!(fitted(40.0), "load_frame loader.py:88 1.20 GiB");
        assert_eq!(fitted(32.0), "load_frame 1.20 GiB");
        assert_eq!(fitted(19.0), "load_frame");
        assert_eq!(fitted(8.0), "load_f…");
        assert_eq!(fitted(3.6), "lo…");
        assert_eq!(fitted(3.0), "");
    }

    #[test]
    fn a_label_knows_for_which_widths_it_stays() {
        for tenth in 0..400 {
            let width = tenth as f32 / 10.0;
            let label = fit("load_frame", Some("loader.py:88"), "1.20 GiB", width, &mut |_| 1.0);
            assert!(label.suits(width), "{label:?} at {width}");
            for other in 0..400 {
                let other = other as f32 / 10.0;
                assert_eq!(label.suits(other), label.text == fitted(other), "{label:?} from {width} at {other}");
            }
        }
    }

    #[test]
    fn names_are_harmless_and_bounded() {
        struct Hostile;
        impl Labels for Hostile {
            fn location(&self, _: LocationId) -> LocationLabel<'_> {
                LocationLabel {
                    function: "\u{202e}é".repeat(500_000).into(),
                    file: "/usr/lib/python3/json/__init__.py".into(),
                    line: 0,
                    kind: FrameKind::Python,
                    module: "json".into(),
                    traits: LocationTraits::default(),
                }
            }
            fn string(&self, _: StringId) -> Cow<'_, str> {
                "".into()
            }
            fn thread(&self, _: ThreadIndex) -> String {
                String::new()
            }
        }
        let tree = tree(&Branch::new(0, 10).over([Branch::new(1, 10)]));
        let name = frame_name(&Hostile, &tree.nodes[1]);
        assert!(name.starts_with("\\u{202e}é\\u{202e}é") && name.ends_with('…'));
        assert!(name.chars().count() < 2000);
        assert_eq!(frame_place(&Hostile, &tree.nodes[1]).as_deref(), Some("json/__init__.py"));
    }

    #[test]
    fn places_are_short_and_paths_are_whole() {
        let tree = tree(&Branch::new(0, 10).over([Branch::new(7, 10)]));
        assert_eq!(frame_name(&Numbered, &tree.nodes[0]), "<root>");
        assert_eq!(frame_place(&Numbered, &tree.nodes[0]), None);
        assert_eq!(frame_place(&Numbered, &tree.nodes[1]).as_deref(), Some("file_7.py:7"));
        let path = frame_path(&Numbered, &tree.nodes[1]);
        assert_eq!(path.as_deref(), Some("/usr/lib/python3/dist-packages/lib/file_7.py:7"));
    }
}
