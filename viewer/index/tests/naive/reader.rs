// SPDX-License-Identifier: Apache-2.0
//! From a capture's records to the model's: which thread is current, and what its stack is.

use super::native::NativeStacks;
use super::{Frame, FrameId, Model, Stack, Step};
use memray_format::{Decoder, FrameKey, Header, Record, StreamEnd, ThreadId, line_number};
use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Function, file, first line and line table.
type Code = (Vec<u8>, Vec<u8>, i64, Vec<u8>);

/// What the records said so far.
#[derive(Default)]
struct Reader {
    thread: ThreadId,
    /// Each thread's frames, the outermost first.
    running: HashMap<ThreadId, Vec<FrameKey>>,
    /// Versions 8 to 11: frames, by id.
    definitions: HashMap<u64, Frame>,
    /// Versions 12 and 13: code objects, by id.
    code: HashMap<u64, Code>,
    /// Aggregated captures: frames by id, and stacks (a frame's id, and the stack that called it).
    frames: HashMap<u64, FrameKey>,
    entries: Vec<(u64, u32)>,
    rows: HashMap<Vec<FrameKey>, usize>,
    python_version: Option<u32>,
    native: NativeStacks,

    steps: Vec<Step>,
    /// Which list of mappings was in force at each.
    generations: Vec<u64>,
    stacks: Vec<Stack>,
    names: BTreeMap<ThreadId, Vec<u8>>,
    allocating: HashSet<ThreadId>,
    has_late_names: bool,
    aggregated: Vec<(memray_format::AggregatedAllocation, usize)>,
    has_trailer: bool,
    records: u64,
}

impl Reader {
    fn frame(&self, key: FrameKey) -> Frame {
        if let Some(frame) = self.definitions.get(&key.code) {
            return frame.clone();
        }
        let (function, file, first_line, table) = &self.code[&key.code];
        let version = self.python_version.unwrap_or(0);
        let line = line_number(version, *first_line, table, key.instruction_offset);
        (function.clone(), file.clone(), u32::try_from(line).unwrap_or(0))
    }

    /// The row of a stack whose outermost frame comes first.
    fn stack(&mut self, keys: Vec<FrameKey>) -> usize {
        if let Some(row) = self.rows.get(&keys) {
            return *row;
        }
        self.stacks.push(keys.iter().rev().map(|key| FrameId::of(self.frame(*key))).collect());
        self.rows.insert(keys, self.stacks.len() - 1);
        self.stacks.len() - 1
    }

    fn record(&mut self, record: Record<'_>) {
        self.records += 1;
        self.native.record(&record);
        match record {
            Record::Allocation(allocation) => {
                let stack = self.stack(self.running.get(&self.thread).cloned().unwrap_or_default());
                self.steps.push(Step::Allocation(allocation, self.thread, stack));
                self.allocating.insert(self.thread);
            }
            Record::Snapshot(snapshot) => self.steps.push(Step::Snapshot(snapshot)),
            Record::FramePush(key) => self.running.entry(self.thread).or_default().push(key),
            Record::FramePop { count } => {
                let stack = self.running.entry(self.thread).or_default();
                stack.truncate(stack.len().saturating_sub(count as usize));
            }
            Record::ContextSwitch(thread) => self.thread = thread,
            Record::ThreadName(name) => {
                let is_new = self.names.insert(self.thread, name.to_vec()).is_none_or(|old| old != name);
                self.has_late_names |= is_new && self.allocating.contains(&self.thread);
            }
            Record::CodeObject(c) => {
                let code = (c.function.to_vec(), c.file.to_vec(), c.first_line, c.line_table.to_vec());
                self.code.insert(c.id, code);
            }
            Record::FrameDefinition(f) => {
                let frame = (f.function.to_vec(), f.file.to_vec(), u32::try_from(f.line).unwrap_or(0));
                self.definitions.insert(f.id, frame);
            }
            Record::AggregatedFrame { frame_id, frame } => {
                self.frames.insert(frame_id, frame);
            }
            Record::StackEntry { frame_id, parent } => self.entries.push((frame_id, parent)),
            Record::AggregatedAllocation(allocation) => {
                let (mut keys, mut at) = (Vec::new(), allocation.stack);
                while at != 0 {
                    let (frame_id, parent) = self.entries[at as usize - 1];
                    let defined = FrameKey { code: frame_id, instruction_offset: 0, is_entry: true };
                    keys.push(self.frames.get(&frame_id).copied().unwrap_or(defined));
                    at = u64::from(parent);
                }
                keys.reverse();
                let stack = self.stack(keys);
                self.aggregated.push((allocation, stack));
            }
            Record::Trailer => self.has_trailer = true,
            // Native stacks have their own reader; no question is about objects.
            Record::NativeFrame(_)
            | Record::MappingsStart
            | Record::Library(_)
            | Record::Segment(_)
            | Record::Object(_)
            | Record::SurvivingObject { .. } => {}
        }
        self.generations.resize(self.steps.len(), self.native.generation());
    }
}

/// Reads a capture whole.
pub(super) fn read(path: &std::path::Path) -> Model {
    let bytes = std::fs::read(path).unwrap();
    let bytes = if bytes.starts_with(&[0x04, 0x22, 0x4d, 0x18]) { unpack(&bytes) } else { bytes };
    let header = Header::decode(&bytes).unwrap().0;
    let mut reader = Reader { python_version: header.python_version, ..Reader::default() };
    let mut decoder = Decoder::new();
    // What stops it early (a recording that was killed) has left all records before it.
    let _ = decoder.push(&bytes, &mut |record| reader.record(record));
    let _: StreamEnd = decoder.finish();
    let mut model = Model {
        header,
        records: reader.records,
        steps: reader.steps,
        stacks: reader.stacks,
        thread_names: reader.names,
        has_late_names: reader.has_late_names,
        aggregated: reader.aggregated,
        has_trailer: reader.has_trailer,
        heap_bytes: Vec::new(),
        unmatched_frees: 0,
        unmapped_at_once: false,
        frames: HashSet::new(),
        own_code: HashSet::new(),
        sites: Vec::new(),
        site_of_step: Vec::new(),
        site_of_row: Vec::new(),
        states: RefCell::default(),
        lives: OnceCell::new(),
        live_by_site: OnceCell::new(),
    };
    model.find_sites(&reader.native, &reader.generations);
    model
}

fn unpack(lz4: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::io::copy(&mut lz4_flex::frame::FrameDecoder::new(lz4), &mut bytes).unwrap();
    bytes
}
