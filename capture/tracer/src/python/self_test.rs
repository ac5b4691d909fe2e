// SPDX-License-Identifier: Apache-2.0
//! Whether stacks of this very interpreter are read right: a little Python is run, of all sorts of functions, which calls
//! back into [`probe`]; there our walk must give what the interpreter says of its frames.
//!
//! Layouts are by minor version, but who knows what a distributor patched. A wrong offset would read wild memory later;
//! here it meets known functions first. Nothing of the test is left: its namespace is its own, an exception that was set
//! stays set, functions that trace or profile the program do not see it.

mod wires;

use super::readable::Readable;
use super::symbols::{MethodDefinition, Object, Symbols};
use super::{Frame, Interpreter, PythonStack, memory};
use memray_format::line_number;
use std::ffi::{CStr, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicPtr, Ordering};
use wires::Evidence;

/// Names of each kind that strings are kept in, all sorts of functions, and a probe in each. The names are given as
/// strings: for an identifier that is not ASCII, Python imports `unicodedata`, which the program would find imported.
const PROGRAM: &CStr = c"\
def plain(probe):
    probe()
    return [
        probe() for _ in (1,)]
def named(function, name):
    function.__code__ = function.__code__.replace(co_name=name)
    return function
def size(probe):
    plain(probe)
    def length():
        yield (
            plain(probe))
    for _ in named(length, 'длина')():
        probe()
async def a(probe):
    (lambda: size(probe))()
named(size, 'größe')
list(map(plain, (probe,)))
try:
    named(a, '𐌀')(
        probe).send(None)
except StopIteration:
    probe()
";

/// What its functions are called.
const FUNCTIONS: [&str; 7] = ["plain", "<listcomp>", "größe", GENERATOR, COROUTINE, "<lambda>", MODULE];

/// The one that is a generator.
const GENERATOR: &str = "длина";

/// The one that is a coroutine.
const COROUTINE: &str = "𐌀";

/// What its code outside of functions is called.
const MODULE: &str = "<module>";

const FILE: &CStr = c"<memray-view's self-test>";

/// How often the program calls the probe.
const CALLS: usize = 8;

/// `Py_file_input`.
const FILE_INPUT: i32 = 257;

/// `METH_NOARGS`.
const NO_ARGUMENTS: i32 = 4;

/// What a run of the test is about.
struct Test<'a> {
    interpreter: &'a Interpreter,
    readable: Readable,
    /// Kept from probe to probe, so that changes are tested too.
    stack: PythonStack,
    /// How many frames of the program lie below the test's.
    below: Option<usize>,
    calls: usize,
    difference: Option<String>,
    wires: Evidence,
}

/// What a test that passed has shown besides.
pub(super) struct Proven {
    /// That the walk's shortcut may string wires where it would.
    pub(super) wires: bool,
}

/// The test that runs. The GIL is held from its beginning to its end, so there is one.
static TEST: AtomicPtr<Test<'_>> = AtomicPtr::new(null_mut());

/// The function that the program calls, as an object.
static PROBE_OBJECT: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

static PROBE: MethodDefinition =
    MethodDefinition { name: c"probe".as_ptr(), function: probe, flags: NO_ARGUMENTS, documentation: null() };

/// Runs the test; what differs, if anything. To be called with the GIL held.
pub(super) fn run(interpreter: &Interpreter) -> Result<Proven, String> {
    let symbols = &interpreter.symbols;
    let readable = Readable::new().ok_or_else(|| "no pipe could be opened to test it".to_owned())?;
    let state = interpreter.thread_state();
    if state == 0 {
        return Err("this thread has no state".to_owned());
    }
    if !interpreter.this_thread().has_expected_state(interpreter.layout()) {
        return Err("this thread's state is not where it should be".to_owned());
    }
    let stack = PythonStack::default();
    let wires = Evidence::default();
    let mut test = Test { interpreter, readable, stack, below: None, calls: 0, difference: None, wires };
    TEST.store((&raw mut test).cast(), Ordering::Release);
    // SAFETY: the GIL is held; the test lives until the program has run.
    let has_run = unsafe { run_program(symbols, state) };
    TEST.store(null_mut(), Ordering::Release);
    match test.difference {
        Some(difference) => Err(difference),
        None if !has_run => Err("a test program did not run".to_owned()),
        None if test.calls != CALLS => Err(format!("a test program called {} times, not {CALLS}", test.calls)),
        None => Ok(Proven { wires: test.wires.is_proof() }),
    }
}

/// Runs the program in a namespace of its own; whether it came to its end.
///
/// # Safety
/// The GIL is held, by the thread with that state.
unsafe fn run_program(symbols: &Symbols, state: usize) -> bool {
    let (mut kind, mut value, mut traceback) = (null_mut(), null_mut(), null_mut());
    // SAFETY: these functions are called as CPython's documentation says; what they return is released here.
    unsafe {
        (symbols.fetch_error)(&mut kind, &mut value, &mut traceback);
        if let Some(enter) = symbols.enter_tracing {
            enter(state);
        }
        let names = (symbols.new_dict)();
        let function = (symbols.new_function)(&PROBE, null_mut(), null_mut());
        let code = (symbols.compile)(PROGRAM.as_ptr(), FILE.as_ptr(), FILE_INPUT);
        PROBE_OBJECT.store(function, Ordering::Release);
        let mut result = null_mut();
        if !names.is_null() && !function.is_null() && !code.is_null() {
            (symbols.set_item)(names, c"__builtins__".as_ptr(), (symbols.builtins)());
            (symbols.set_item)(names, c"probe".as_ptr(), function);
            result = (symbols.evaluate)(code, names, names);
            // Functions hold the namespace, which holds them.
            (symbols.clear_dict)(names);
        }
        for object in [result, code, function, names] {
            (symbols.release)(object);
        }
        (symbols.clear_error)();
        if let Some(leave) = symbols.leave_tracing {
            leave(state);
        }
        (symbols.restore_error)(kind, value, traceback);
        !result.is_null()
    }
}

/// What the program calls.
unsafe extern "C" fn probe(_this: Object, _arguments: Object) -> Object {
    let test: *mut Test<'_> = TEST.load(Ordering::Acquire).cast();
    // SAFETY: the test lives while its program runs, and only this function, which does not call itself, uses it.
    let Some(test) = (unsafe { test.as_mut() }) else { return null_mut() };
    test.calls += 1;
    // SAFETY: the interpreter calls, so the GIL is held.
    let compared = unsafe { test.compare() };
    if compared.is_ok() {
        // SAFETY: as above; the stack has just been observed, and its frames are those of the program.
        unsafe { test.look_at_wires() };
    }
    if test.difference.is_none() {
        test.difference = compared.err();
    }
    let symbols = &test.interpreter.symbols;
    // SAFETY: None is always there.
    unsafe { (symbols.hold)(symbols.none) };
    symbols.none
}

impl Test<'_> {
    /// Holds our walk against the interpreter's frames, from the innermost to the outermost of the program's.
    ///
    /// # Safety
    /// The GIL is held, and Python code calls.
    unsafe fn compare(&mut self) -> Result<(), String> {
        let Self { interpreter, readable, stack, below, .. } = self;
        if !readable.has_stack(interpreter.this_thread(), interpreter.layout()) {
            return Err("frames do not lie where they should".to_owned());
        }
        stack.observe(interpreter);
        // SAFETY: lends the current frame.
        let mut frame = unsafe { (interpreter.symbols.current_frame)() };
        let mut level = stack.frames().len();
        let mut is_lent = true;
        for ours in stack.frames().iter().rev() {
            level -= 1;
            // SAFETY: the frame is one of the interpreter's, or null.
            let compared = unsafe { compare_frame(interpreter, readable, ours, frame) };
            if let Ok(Place::Module) = compared {
                // SAFETY: held since it was asked for.
                unsafe { release(interpreter, frame, is_lent) };
                return match *below.get_or_insert(level) {
                    before if before == level => Ok(()),
                    before => Err(format!("{level} frames below it, and {before} before")),
                };
            }
            let get_back = interpreter.symbols.frame_back;
            // SAFETY: gives the frame that called, which is ours to release.
            let back = if compared.is_ok() { unsafe { get_back(frame) } } else { null_mut() };
            // SAFETY: held since it was asked for.
            unsafe { release(interpreter, frame, is_lent) };
            compared?;
            (frame, is_lent) = (back, false);
        }
        // SAFETY: as above.
        unsafe { release(interpreter, frame, is_lent) };
        Err("frames are missing".to_owned())
    }
}

/// Where in the program a frame is.
enum Place {
    Function,
    Module,
}

/// Holds one of our frames against one of the interpreter's.
///
/// # Safety
/// The GIL is held; the frame is a `PyFrameObject`, or null.
unsafe fn compare_frame(
    interpreter: &Interpreter,
    readable: &Readable,
    ours: &Frame,
    frame: Object,
) -> Result<Place, String> {
    let symbols = &interpreter.symbols;
    if frame.is_null() {
        return Err("there are more frames than there should be".to_owned());
    }
    // SAFETY: functions that look at a frame; the code is released at once, as the frame holds it.
    let (code, line) = unsafe {
        let code = (symbols.frame_code)(frame);
        (symbols.release)(code);
        (code.addr(), i64::from((symbols.frame_line)(frame)))
    };
    if ours.code.address != code {
        return Err("another code object".to_owned());
    }
    // SAFETY: as above.
    let instruction = symbols.frame_last_instruction.map(|get| unsafe { get(frame) });
    if instruction.is_some_and(|it| i64::from(it) != ours.instruction_offset) {
        return Err("another instruction".to_owned());
    }
    if !readable.has_text(code, interpreter.layout()) {
        return Err("names do not lie where they should".to_owned());
    }
    let text = interpreter.text(ours.code);
    let function = FUNCTIONS.iter().find(|name| name.as_bytes() == text.function);
    let (Some(function), true) = (function, text.file == FILE.to_bytes()) else {
        return Err("another function".to_owned());
    };
    let our_line = line_number(interpreter.version, text.first_line, &text.line_table, ours.instruction_offset);
    if our_line != line {
        return Err(format!("line {our_line} of {function}, not {line}"));
    }
    // Code outside of functions begins at once; a generator makes cells and itself first.
    let instructions_before = interpreter.layout().code.instructions.as_ref().map(|instructions| {
        // SAFETY: the code object was just looked at.
        unsafe { memory::read::<i32>(code + instructions.first_traceable) }
    });
    let is_expected = match (*function, instructions_before) {
        (MODULE, Some(count)) => count == 0,
        (GENERATOR, Some(count)) => (2..=8).contains(&count),
        _ => true,
    };
    if !is_expected {
        return Err(format!("{instructions_before:?} instructions before {function}"));
    }
    Ok(if *function == MODULE { Place::Module } else { Place::Function })
}

/// Gives a frame back, unless it was only lent.
///
/// # Safety
/// The GIL is held, and the frame is ours to release if it is not lent.
unsafe fn release(interpreter: &Interpreter, frame: Object, is_lent: bool) {
    if !is_lent {
        // SAFETY: as the caller promises; null is allowed.
        unsafe { (interpreter.symbols.release)(frame) };
    }
}
