// SPDX-License-Identifier: Apache-2.0
//! What a capture says, one [`Record`] at a time.
//!
//! The six format versions and the two kinds of capture (streaming and aggregated) differ in how they spell records;
//! they hardly differ in what they mean. The decoder resolves the spelling (deltas, pointer cache, allocator numbers,
//! relative times), so that a reader of records need not know which version it reads.

use crate::allocator::Allocator;

/// One record of a capture. Byte strings borrow from the decoder's input and are as the program had them: any bytes but
/// NUL, not necessarily UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record<'a> {
    /// An allocation or a free by the current thread.
    Allocation(Allocation),
    /// A frame was pushed on the current thread's stack.
    FramePush(FrameKey),
    /// That many frames were popped from the current thread's stack; at least 1.
    FramePop {
        /// Number of frames.
        count: u32,
    },
    /// The records that follow belong to this thread. A capture begins in thread 0, which names none.
    ContextSwitch(ThreadId),
    /// The current thread's name.
    ThreadName(&'a [u8]),
    /// A sample of memory use.
    Snapshot(Snapshot),
    /// Versions 12 and 13: defines a code object.
    CodeObject(CodeObject<'a>),
    /// Versions 8 to 11: defines a frame, line included. In streaming captures pushes name it, in aggregated ones
    /// `StackEntry`.
    FrameDefinition(FrameDefinition<'a>),
    /// Defines the next native frame; ids count from 1 in the order of these records.
    NativeFrame(NativeFrame),
    /// The list of mapped segments begins anew: a new segment generation, the first being 1.
    MappingsStart,
    /// A loaded object file; its segments follow.
    Library(Library<'a>),
    /// A segment of the library named last.
    Segment(Segment),
    /// A Python object was created or destroyed (captures with object lifetimes).
    Object(Object),
    /// Aggregated captures, versions 12 and 13: defines a frame. (Versions 10 and 11: see `FrameDefinition`.)
    AggregatedFrame {
        /// The id that `StackEntry` names.
        frame_id: u64,
        /// Which code and instruction.
        frame: FrameKey,
    },
    /// Aggregated captures: defines the next stack; ids count from 1 in the order of these records, 0 is no stack.
    StackEntry {
        /// A frame's id.
        frame_id: u64,
        /// The stack below which this frame was called, 0 for none.
        parent: u32,
    },
    /// Aggregated captures: what one location contributed.
    AggregatedAllocation(AggregatedAllocation),
    /// Aggregated captures, versions 12 and 13: an object that was alive at the end.
    SurvivingObject {
        /// Address, in bytes.
        address: u64,
        /// Native frame at which it was created, 0 for none.
        native_frame: u64,
    },
    /// The capture was ended properly; nothing after this belongs to it.
    Trailer,
}

/// An allocation or a free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allocation {
    /// Address, in bytes. Versions 12 and 13 lose its low three bits.
    pub address: u64,
    /// Bytes asked for; of a `munmap`, bytes unmapped; 0 for other frees.
    pub size_bytes: u64,
    /// The function that was called.
    pub allocator: Allocator,
    /// Id of the innermost native frame, 0 for none.
    pub native_frame: u64,
}

/// The capture's own number of a thread: 1, 2, 3 … in order of first sight; 0 names none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThreadId(pub u64);

/// Which code and which instruction of it a frame was executing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FrameKey {
    /// Versions 12 and 13: a code object's id (from 1). Versions 8 to 11: a [`FrameDefinition`]'s id (from 0).
    pub code: u64,
    /// Bytes into the code; 0 in versions 8 to 11, whose definitions hold the line.
    pub instruction_offset: i64,
    /// Whether the interpreter was entered anew for this frame: one C frame of the evaluation loop stands for it and the
    /// non-entry frames that follow. Always true in captures without native traces, and in versions 8 to 11, where the
    /// [`FrameDefinition`] tells.
    pub is_entry: bool,
}

/// A sample of memory use, taken every few milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Wall-clock milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// Resident set size.
    pub rss_bytes: u64,
    /// The tracked heap; only aggregated captures hold it, in others the reader sums it.
    pub heap_bytes: Option<u64>,
}

/// A code object: a function, a class body, a module's top level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeObject<'a> {
    /// Counts from 1.
    pub id: u64,
    /// `co_name`.
    pub function: &'a [u8],
    /// `co_filename`.
    pub file: &'a [u8],
    /// `co_firstlineno`.
    pub first_line: i64,
    /// `co_linetable`, or `co_lnotab` of CPython 3.9 and before.
    pub line_table: &'a [u8],
}

/// A frame with its line, as versions 8 to 11 define it (aggregated captures of versions 10 and 11 too).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameDefinition<'a> {
    /// What pushes name.
    pub id: u64,
    /// Function name.
    pub function: &'a [u8],
    /// File name.
    pub file: &'a [u8],
    /// Line, 0 or less for none.
    pub line: i64,
    /// As [`FrameKey::is_entry`].
    pub is_entry: bool,
}

/// A native frame: an instruction pointer and the frame that called it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NativeFrame {
    /// The return address.
    pub instruction_pointer: u64,
    /// Id of the calling frame, 0 for none.
    pub parent: u64,
}

/// A loaded object file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Library<'a> {
    /// Its path on the machine that was traced.
    pub path: &'a [u8],
    /// How many [`Segment`]s follow.
    pub segment_count: u64,
    /// The load bias: what to add to a segment's address.
    pub address: u64,
}

/// A mapped segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Address in the file's own terms.
    pub virtual_address: u64,
    /// Length in memory, in bytes.
    pub size_bytes: u64,
}

/// A Python object's creation or destruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// Address, in bytes.
    pub address: u64,
    /// Created, or destroyed.
    pub is_created: bool,
    /// Native frame of the creation, 0 for none.
    pub native_frame: u64,
}

/// What one location contributed to an aggregated capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AggregatedAllocation {
    /// The thread.
    pub thread: ThreadId,
    /// The function that was called.
    pub allocator: Allocator,
    /// Innermost native frame, 0 for none.
    pub native_frame: u64,
    /// The stack, by `StackEntry` order; 0 for none.
    pub stack: u64,
    /// Which list of mapped segments the native frame refers to.
    pub segment_generation: u64,
    /// Allocations live at the high-water mark.
    pub peak_allocations: u64,
    /// Allocations live at the end.
    pub leaked_allocations: u64,
    /// Bytes live at the high-water mark.
    pub peak_bytes: u64,
    /// Bytes live at the end.
    pub leaked_bytes: u64,
}
