// SPDX-License-Identifier: Apache-2.0
//! Hand-made names, trees and captures for this crate's tests: small enough to see what is right.

use crate::labels::Labels;
use memray_format::{FileFormat, Header, PythonAllocator, ThreadId};
use memray_index::{
    Amount, CaptureInfo, Ending, FrameKind, Location, LocationId, LocationTraits, RecordCounts, SnapshotRow, StringId,
    Timeline, Tree, TreeNode, TreeNodeId,
};

/// A table of names.
pub(crate) struct Names {
    strings: Vec<Vec<u8>>,
    locations: Vec<Location>,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Self { strings: Vec::new(), locations: Vec::new() };
        names.add("", "", 0, FrameKind::Python, LocationTraits::default());
        names
    }
}

impl Names {
    fn string(&mut self, text: &[u8]) -> StringId {
        self.strings.push(text.to_vec());
        StringId(self.strings.len() as u32 - 1)
    }

    fn add(&mut self, function: &str, file: &str, line: u32, kind: FrameKind, traits: LocationTraits) -> LocationId {
        let (function, file) = (self.string(function.as_bytes()), self.string(file.as_bytes()));
        let module = self.string(b"module");
        self.locations.push(Location { function, file, line, kind, module, traits });
        LocationId(self.locations.len() as u32 - 1)
    }

    /// A location of the program's own code.
    pub(crate) fn own(&mut self, function: &str, file: &str, line: u32) -> LocationId {
        let traits = LocationTraits {
            is_own_code: true,
            is_import_system: false,
            is_interesting: true,
            ..LocationTraits::default()
        };
        self.add(function, file, line, FrameKind::Python, traits)
    }

    /// A location of an installed package.
    pub(crate) fn library(&mut self, function: &str, file: &str, line: u32) -> LocationId {
        let traits = LocationTraits {
            is_own_code: false,
            is_import_system: false,
            is_interesting: true,
            ..LocationTraits::default()
        };
        self.add(function, file, line, FrameKind::Python, traits)
    }

    /// A native library of which no symbols are known.
    pub(crate) fn native_library(&mut self, file_name: &str) -> LocationId {
        self.add(file_name, file_name, 0, FrameKind::Library, LocationTraits::default())
    }

    /// A location whose function's name is not UTF-8.
    pub(crate) fn not_utf8(&mut self, function: &[u8], file: &str, line: u32) -> LocationId {
        let location = self.own("", file, line);
        self.locations[location.index()].function = self.string(function);
        location
    }
}

impl Labels for Names {
    fn location(&self, location: LocationId) -> Location {
        self.locations[location.index()]
    }

    fn bytes(&self, string: StringId) -> &[u8] {
        &self.strings[string.index()]
    }
}

/// A node to be: its location, its own bytes, and those below it.
pub(crate) struct Node(pub(crate) LocationId, pub(crate) i64, pub(crate) Vec<Node>);

impl Node {
    fn bytes(&self) -> i64 {
        self.1 + self.2.iter().map(Self::bytes).sum::<i64>()
    }
}

/// A tree of nodes, with `own` bytes at the root itself.
pub(crate) fn tree(own: i64, children: Vec<Node>) -> Tree {
    let root = Node(LocationId::NONE, own, children);
    let mut nodes = vec![tree_node(&root, 0, 0)];
    let mut queue = std::collections::VecDeque::from([(0_u32, root)]);
    while let Some((parent, mut node)) = queue.pop_front() {
        node.2.sort_by_key(|child| std::cmp::Reverse(child.bytes()));
        nodes[parent as usize].first_child = nodes.len() as u32;
        nodes[parent as usize].child_count = node.2.len() as u32;
        for child in node.2 {
            let depth = nodes[parent as usize].depth + 1;
            nodes.push(tree_node(&child, parent, depth));
            queue.push_back((nodes.len() as u32 - 1, child));
        }
    }
    Tree { nodes, is_inverted: false }
}

fn tree_node(node: &Node, parent: u32, depth: u32) -> TreeNode {
    TreeNode {
        location: node.0,
        thread: None,
        parent: TreeNodeId(parent),
        first_child: 0,
        child_count: 0,
        depth,
        amount: Amount { bytes: node.bytes(), allocations: 1 },
        own: Amount { bytes: node.1, allocations: 1 },
        weight: node.bytes().unsigned_abs(),
        weight_before: 0,
    }
}

/// 2026-11-22 13:03:20 UTC.
pub(crate) const START_MS: i64 = 1_795_352_600_000;

/// A complete streaming capture of 41.3 s by Python 3.12.
pub(crate) fn info() -> CaptureInfo {
    CaptureInfo {
        header: Header {
            version: 13,
            python_version: Some(0x030c_01f0),
            has_native_traces: false,
            file_format: FileFormat::AllAllocations,
            allocation_count: 7,
            frame_count: 0,
            start_time_ms: START_MS,
            end_time_ms: START_MS + 41_300,
            command_line: b"svc.py --batch june".to_vec(),
            pid: 4242,
            main_thread: ThreadId(1),
            skipped_frames_on_main_thread: 0,
            python_allocator: PythonAllocator::Pymalloc,
            traces_python_allocators: true,
            tracks_object_lifetimes: false,
            module_paths: None,
        },
        file_name: "out.bin".to_owned(),
        file_size_bytes: 1_000_000,
        counts: RecordCounts {
            records: 20,
            allocations_and_frees: 7,
            allocations: 5,
            unmatched_frees: 0,
            locations: 3,
        },
        total_bytes_allocated: 5_000_000_000,
        peak_rss: Some((4 << 30, START_MS + 15_100)),
        ending: Ending::Complete,
        duration_ms: 41_300,
        recorder: Some(memray_index::Recorder::Memray),
        appendix_problem: None,
    }
}

/// Snapshots a second apart over 41 s, the heap's peak of 3.2 GiB between those at 14 s and 15 s.
pub(crate) fn timeline() -> Timeline {
    let snapshots: Vec<SnapshotRow> = (0..=41)
        .map(|s| SnapshotRow { time_ms: START_MS + s * 1000, rss_bytes: 4 << 30, heap_bytes: 1 << 30 })
        .collect();
    Timeline {
        start_time_ms: START_MS,
        end_time_ms: START_MS + 41_300,
        interval_peaks: vec![1 << 30; snapshots.len() + 1],
        snapshots,
        end_heap_bytes: 1_181_116_006,
        peak_bytes: 3_435_973_837,
        peak_interval: 15,
        ..Timeline::default()
    }
}
