// SPDX-License-Identifier: Apache-2.0
//! What tests of the walk call from Python (`tests/walk`): the calling thread's stack as a capture would have it by
//! now, which is held against a walk from scratch first, whenever it is asked for or whenever Python allocates; and what
//! Python's allocators did. Not in releases.

use super::allocators::{self, Listener};
use super::code::CodeText;
use super::layout::{BirthLayout, Layout, OperandLayout, WireLayout};
use super::{CodeIds, Frame, Interpreter, PythonStack, StackChange, lives, self_test};
use crate::lock::Lock;
use crate::thread::{Entered, ThreadState, greenlets};
use memray_format::{Allocator, ThreadId, line_number};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::{CString, c_char};
use std::ptr::null;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static INTERPRETER: OnceLock<Result<Interpreter, CString>> = OnceLock::new();

/// What the capture would know of code objects.
static CAPTURE: Lock<Option<Capture>> = Lock::new(None);

#[derive(Default)]
struct Capture {
    ids: CodeIds,
    texts: FxHashMap<u64, CodeText>,
}

/// A stack: code's numbers and instructions.
type Read = Vec<(u64, i64)>;

thread_local! {
    /// The stacks of the thread and its greenlets as a reader of the capture would have them.
    static READ: RefCell<BTreeMap<ThreadId, Read>> = const { RefCell::new(BTreeMap::new()) };
}

/// Finds the interpreter and watches it. What is wrong as a sentence, or null.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_walk_begin() -> *const c_char {
    let found = INTERPRETER.get_or_init(|| Interpreter::find().map_err(|it| c_string(&it.to_string())));
    match found {
        Ok(interpreter) => {
            interpreter.watch();
            null()
        }
        Err(sentence) => sentence.as_ptr(),
    }
}

/// Ends what the above began.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_walk_end() {
    if let Some(Ok(interpreter)) = INTERPRETER.get() {
        interpreter.undo();
    }
}

/// A member of the layout by its name.
type Member = (&'static str, fn(&mut Layout) -> Option<&mut usize>);

/// Tries the self-test with each member of the layout a word or some off. Which it did not refuse, as a sentence that is
/// never freed, or null.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_walk_wrong_layouts_accepted() -> *const c_char {
    let Some(Ok(interpreter)) = INTERPRETER.get() else { return c"not begun".as_ptr() };
    let members: [Member; 15] = [
        ("thread.current", |layout| Some(&mut layout.thread.current)),
        ("thread.current_in_holder", |layout| layout.thread.current_in_holder.as_mut()),
        ("frame.code", |layout| Some(&mut layout.frame.code)),
        ("frame.previous", |layout| Some(&mut layout.frame.previous)),
        ("frame.instruction", |layout| Some(&mut layout.frame.instruction)),
        ("code.name", |layout| Some(&mut layout.code.name)),
        ("code.file", |layout| Some(&mut layout.code.file)),
        ("code.line_table", |layout| Some(&mut layout.code.line_table)),
        ("code.first_line", |layout| Some(&mut layout.code.first_line)),
        ("code.instructions.first", |layout| layout.code.instructions.as_mut().map(|it| &mut it.first)),
        ("text.length", |layout| Some(&mut layout.text.length)),
        ("text.wide", |layout| Some(&mut layout.text.wide)),
        ("frame.wire, its first", |layout| wire_members(layout)[0].take()),
        ("frame.wire, its second", |layout| wire_members(layout)[1].take()),
        ("frame.is_entry", |layout| layout.frame.is_entry.as_mut()),
    ];
    let mut accepted = Vec::new();
    let wires_from = members.len() - 3;
    for (at, (name, member)) in members.into_iter().enumerate() {
        for change in [-64isize, -16, -8, 8, 16, 64] {
            let mut layout = interpreter.layout().clone();
            let Some(offset) = member(&mut layout) else { continue };
            let Some(wrong_offset) = offset.checked_add_signed(change) else { continue };
            *offset = wrong_offset;
            if let Ok(wrong) = Interpreter::with_layout(layout)
                && let Ok(proven) = self_test::run(&wrong)
                // Without wires, there is no shortcut.
                && (at < wires_from || proven.wires)
            {
                accepted.push(format!("{name} at {wrong_offset}"));
            }
        }
    }
    lives::forget_all();
    if accepted.is_empty() { null() } else { c_string(&accepted.join(", ")).into_raw() }
}

/// Where wires are strung.
fn wire_members(layout: &mut Layout) -> [Option<&mut usize>; 2] {
    match &mut layout.frame.wire {
        Some(WireLayout::Birth(BirthLayout { member, generator })) => [Some(member), Some(generator)],
        Some(WireLayout::Operand(OperandLayout { top, slots, .. })) => [Some(top), Some(slots)],
        None => [None, None],
    }
}

/// How long it takes to find and test the interpreter, in nanoseconds.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_walk_find_ns() -> u64 {
    let begin = std::time::Instant::now();
    let _ = Interpreter::find();
    begin.elapsed().as_nanos() as u64
}

/// Observes `count` times; how long that takes in all, in nanoseconds.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_walk_observe_ns(count: u64) -> u64 {
    let (Some(mut entered), Some(Ok(interpreter))) = (Entered::enter(), INTERPRETER.get()) else { return 0 };
    let stack = &mut entered.state().stack;
    let begin = std::time::Instant::now();
    for _ in 0..count {
        std::hint::black_box(stack.observe(interpreter).pops);
    }
    begin.elapsed().as_nanos() as u64
}

/// Writes the stack, outermost first, a frame as function, file and line with a zero byte behind each. Returns its length
/// in bytes, or that of the sentence that was written instead, less than 0.
///
/// # Safety
/// The buffer has that capacity.
#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn memray_view_walk(buffer: *mut u8, capacity: usize) -> isize {
    let (bytes, sign) = match observe() {
        Ok(bytes) => (bytes, 1),
        Err(sentence) => (sentence.into_bytes(), -1),
    };
    let length = bytes.len().min(capacity);
    // SAFETY: the buffer is as large as the caller says.
    unsafe { buffer.copy_from_nonoverlapping(bytes.as_ptr(), length) };
    sign * bytes.len() as isize
}

fn observe() -> Result<Vec<u8>, String> {
    let Some(Ok(interpreter)) = INTERPRETER.get() else { return Err("not begun".to_owned()) };
    let Some(mut entered) = Entered::enter() else { return Err("entered twice".to_owned()) };
    let thread = entered.state();
    let mut capture = CAPTURE.hold();
    let capture = capture.get_or_insert_default();
    let id = compare(thread, capture, interpreter)?;
    let again = thread.stack.observe(interpreter);
    if again.pops != 0 || !again.pushes.is_empty() {
        return Err(format!("nothing happened, but {} pops and {} pushes", again.pops, again.pushes.len()));
    }
    READ.with_borrow(|read| spell(read.get(&id).map_or(&[], Vec::as_slice), capture, interpreter.version))
}

/// Observes, and holds the stack that a reader has then against a walk from scratch. Whose stack it is.
fn compare(thread: &mut ThreadState, capture: &mut Capture, interpreter: &Interpreter) -> Result<ThreadId, String> {
    READ.with_borrow_mut(|read| {
        let kept = thread.look(interpreter);
        let (id, change) = (thread.id, thread.stack.take_over(kept, interpreter));
        let read = read.entry(id).or_default();
        take_over(read, change, capture, interpreter)?;
        SHORTCUTS.fetch_add(u64::from(thread.stack.has_taken_shortcut()), Ordering::Relaxed);
        let mut afresh = PythonStack::without_shortcut();
        let expected: Vec<_> = afresh.observe(interpreter).pushes.iter().map(place).collect();
        if *read != expected {
            return Err(format!("{read:?}, but a walk from scratch gives {expected:?}"));
        }
        Ok(id)
    })
}

/// There may be greenlets now.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_walk_greenlets() {
    greenlets::begin();
}

/// The number of the calling thread, or of the greenlet that it runs, as of its last observation.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_walk_thread() -> u64 {
    Entered::enter().map_or(0, |mut entered| entered.state().id.0)
}

/// Does what a capture's reader would.
fn take_over(
    read: &mut Read,
    change: StackChange<'_>,
    capture: &mut Capture,
    interpreter: &Interpreter,
) -> Result<(), String> {
    read.truncate(read.len().checked_sub(change.pops).ok_or("more pops than frames")?);
    for frame in change.pushes {
        let (code, is_new) = capture.ids.number(frame.code);
        if is_new {
            capture.texts.insert(code, interpreter.text(frame.code));
        }
        read.push((code, frame.instruction_offset));
    }
    Ok(())
}

fn spell(stack: &[(u64, i64)], capture: &Capture, version: u32) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    for (code, offset) in stack {
        let text = capture.texts.get(code).ok_or("code without text")?;
        let line = line_number(version, text.first_line, &text.line_table, *offset).to_string();
        for field in [text.function.as_slice(), &text.file, line.as_bytes()] {
            bytes.extend_from_slice(field);
            bytes.push(0);
        }
    }
    Ok(bytes)
}

fn place(frame: &Frame) -> (u64, i64) {
    (frame.code.life, frame.instruction_offset)
}

/// What Python's allocators did: who, where, how large.
static EVENTS: Lock<Vec<(Allocator, usize, usize)>> = Lock::new(Vec::new());

struct Events;

impl Listener for Events {
    fn is_listening() -> bool {
        true
    }

    fn allocated(entered: &mut Entered, allocator: Allocator, address: usize, size_bytes: usize) {
        if IS_COMPARING.load(Ordering::Relaxed) {
            let Some(Ok(interpreter)) = INTERPRETER.get() else { return };
            let compared = compare(entered.state(), CAPTURE.hold().get_or_insert_default(), interpreter);
            if let Err(difference) = compared {
                DIFFERENCE.hold().get_or_insert(difference);
            }
            return;
        }
        EVENTS.hold().push((allocator, address, size_bytes));
    }

    fn freed(_: &mut Entered, allocator: Allocator, address: usize) {
        if !IS_COMPARING.load(Ordering::Relaxed) {
            EVENTS.hold().push((allocator, address, 0));
        }
    }
}

/// Whether each allocation of Python's is an observation.
static IS_COMPARING: AtomicBool = AtomicBool::new(false);

/// How many observations ended at a wire.
static SHORTCUTS: AtomicU64 = AtomicU64::new(0);

/// What a comparison found first.
static DIFFERENCE: Lock<Option<String>> = Lock::new(None);

/// Makes each allocation of Python's, whose allocators are hooked, an observation, or ends it. What was found, as a
/// sentence that is never freed, or null.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_walk_compare(compares: bool) -> *const c_char {
    IS_COMPARING.store(compares, Ordering::Relaxed);
    let _entered = Entered::enter();
    DIFFERENCE.hold().take().map_or(null(), |difference| c_string(&difference).into_raw())
}

/// Lets the walk take its shortcut, or not.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_walk_use_shortcut(uses: bool) {
    if let Some(Ok(interpreter)) = INTERPRETER.get() {
        interpreter.use_shortcut(uses);
    }
}

/// How many observations ended at a wire so far.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_walk_shortcuts() -> u64 {
    SHORTCUTS.load(Ordering::Relaxed)
}

/// Hooks Python's allocators.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_hook_allocators() {
    if let Some(Ok(interpreter)) = INTERPRETER.get() {
        allocators::install::<Events>(interpreter);
    }
}

/// Whether the interpreter tells us of code objects that die.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_is_watched() -> bool {
    matches!(INTERPRETER.get(), Some(Ok(interpreter)) if lives::is_watched(&interpreter.symbols))
}

/// Writes what happened at an address, each as the allocator's number and the size. Returns how many there are.
///
/// # Safety
/// There is room for `capacity` of them.
#[unsafe(no_mangle)]
pub(super) unsafe extern "C" fn memray_view_events(address: usize, events: *mut [u64; 2], capacity: usize) -> usize {
    let _entered = Entered::enter();
    let all = EVENTS.hold();
    let mut count = 0;
    for (allocator, _, size_bytes) in all.iter().filter(|(_, at, _)| *at == address) {
        if count < capacity {
            // SAFETY: as the caller promises.
            unsafe { events.add(count).write([u64::from(allocator.number()), *size_bytes as u64]) };
        }
        count += 1;
    }
    count
}

/// How many code objects that were seen have died.
#[unsafe(no_mangle)]
pub(super) extern "C" fn memray_view_walk_deaths() -> u64 {
    lives::deaths()
}

fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}
