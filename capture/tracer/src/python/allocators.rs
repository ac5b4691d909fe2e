// SPDX-License-Identifier: Apache-2.0
//! Python's own allocators, hooked: what `--trace-python-allocators` asks for.
//!
//! Functions of ours take the places of the three domains' functions ([`install`]), and call those. While they do, the
//! thread is inside the tracer, so that a block which Python takes from `malloc`, or one domain from another, is recorded
//! once, as the program asked for it. Functions are replaced and their contexts are not: a thread without the GIL may read
//! a domain's members while they are being replaced, and any mixture of old and new then works.

use super::Interpreter;
use super::symbols::{MemoryFunctions, Symbols};
use crate::thread::Entered;
use memray_format::Allocator;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};

/// Who is told of what Python's allocators do.
pub(crate) trait Listener: 'static {
    /// Whether it wants to know.
    fn is_listening() -> bool;
    /// A block was allocated.
    fn allocated(entered: &mut Entered, allocator: Allocator, address: usize, size_bytes: usize);
    /// A block is about to be freed.
    fn freed(entered: &mut Entered, allocator: Allocator, address: usize);
}

/// `PyMemAllocatorDomain`: `PYMEM_DOMAIN_RAW`, `_MEM`, `_OBJ`.
const DOMAINS: usize = 3;

/// What a domain had, and what it got from us.
#[derive(Clone, Copy)]
struct Replaced {
    original: MemoryFunctions,
    ours: MemoryFunctions,
}

/// By domain, from its first installation on; they are never freed, as a thread may be in one of our functions at any time.
static REPLACED: [AtomicPtr<Replaced>; DOMAINS] = [const { AtomicPtr::new(null_mut()) }; DOMAINS];

/// Hooks all domains for a listener. To be called with the GIL held; again, after [`remove`].
pub(crate) fn install<L: Listener>(interpreter: &Interpreter) {
    let symbols = &interpreter.symbols;
    install_domain::<L, 0>(symbols);
    install_domain::<L, 1>(symbols);
    install_domain::<L, 2>(symbols);
}

/// Gives the domains back what they had, except those that somebody else has hooked since. To be called with the GIL held.
pub(crate) fn remove(interpreter: &Interpreter) {
    for domain in 0..DOMAINS {
        if let Some(replaced) = replaced(domain)
            && get(&interpreter.symbols, domain).is_same(&replaced.ours)
        {
            set(&interpreter.symbols, domain, &replaced.original);
        }
    }
}

fn install_domain<L: Listener, const DOMAIN: usize>(symbols: &Symbols) {
    let original = get(symbols, DOMAIN);
    let ours = MemoryFunctions {
        context: original.context,
        malloc: malloc::<L, DOMAIN>,
        calloc: calloc::<L, DOMAIN>,
        realloc: realloc::<L, DOMAIN>,
        free: free::<L, DOMAIN>,
    };
    if let Some(before) = replaced(DOMAIN)
        && !original.is_same(&before.original)
    {
        // Ours are in place, or below those of somebody who calls them.
        return;
    }
    REPLACED[DOMAIN].store(Box::into_raw(Box::new(Replaced { original, ours })), Ordering::Release);
    set(symbols, DOMAIN, &ours);
}

fn replaced(domain: usize) -> Option<&'static Replaced> {
    // SAFETY: null, or a box that is never freed.
    unsafe { REPLACED[domain].load(Ordering::Acquire).as_ref() }
}

fn get(symbols: &Symbols, domain: usize) -> MemoryFunctions {
    let mut functions = MaybeUninit::uninit();
    // SAFETY: the function fills the structure, for each of the three domains.
    unsafe {
        (symbols.get_allocator)(domain as c_int, functions.as_mut_ptr());
        functions.assume_init()
    }
}

fn set(symbols: &Symbols, domain: usize, functions: &MemoryFunctions) {
    // SAFETY: the function copies the structure; its functions do as a domain's must.
    unsafe { (symbols.set_allocator)(domain as c_int, functions) };
}

impl MemoryFunctions {
    fn is_same(&self, other: &Self) -> bool {
        let addresses = |it: &Self| {
            [it.context.addr(), it.malloc as usize, it.calloc as usize, it.realloc as usize, it.free as usize]
        };
        addresses(self) == addresses(other)
    }
}

/// The functions that ours stand for.
#[inline(always)]
fn original<const DOMAIN: usize>() -> &'static MemoryFunctions {
    // SAFETY: ours are called after they were put in place, and the box was stored before.
    unsafe { &(*REPLACED[DOMAIN].load(Ordering::Acquire)).original }
}

/// Leave to record what the original is about to do.
#[inline(always)]
fn enter<L: Listener>() -> Option<Entered> {
    if L::is_listening() { Entered::enter() } else { None }
}

/// Records a block, unless the allocator failed.
#[inline(always)]
fn returned<L: Listener>(entered: Option<Entered>, allocator: Allocator, block: *mut c_void, size_bytes: usize) {
    if let Some(mut entered) = entered
        && !block.is_null()
    {
        L::allocated(&mut entered, allocator, block.addr(), size_bytes);
    }
}

// SAFETY of all four: each passes on what Python passed, to the function that it meant to call.

unsafe extern "C" fn malloc<L: Listener, const DOMAIN: usize>(context: *mut c_void, size: usize) -> *mut c_void {
    let entered = enter::<L>();
    // SAFETY: see above.
    let block = unsafe { (original::<DOMAIN>().malloc)(context, size) };
    returned::<L>(entered, Allocator::PymallocMalloc, block, size);
    block
}

unsafe extern "C" fn calloc<L: Listener, const DOMAIN: usize>(
    context: *mut c_void,
    count: usize,
    size: usize,
) -> *mut c_void {
    let entered = enter::<L>();
    // SAFETY: see above.
    let block = unsafe { (original::<DOMAIN>().calloc)(context, count, size) };
    returned::<L>(entered, Allocator::PymallocCalloc, block, count.wrapping_mul(size));
    block
}

/// The old block's free is recorded first: large blocks come from `malloc` and may be another thread's at once. Should the
/// function fail, which it does only for want of memory, the block is missing in the capture from then on.
unsafe extern "C" fn realloc<L: Listener, const DOMAIN: usize>(
    context: *mut c_void,
    block: *mut c_void,
    size: usize,
) -> *mut c_void {
    let mut entered = enter::<L>();
    if let Some(entered) = &mut entered
        && !block.is_null()
    {
        L::freed(entered, Allocator::PymallocFree, block.addr());
    }
    // SAFETY: see above.
    let moved = unsafe { (original::<DOMAIN>().realloc)(context, block, size) };
    returned::<L>(entered, Allocator::PymallocRealloc, moved, size);
    moved
}

unsafe extern "C" fn free<L: Listener, const DOMAIN: usize>(context: *mut c_void, block: *mut c_void) {
    let mut entered = enter::<L>();
    if let Some(entered) = &mut entered
        && !block.is_null()
    {
        L::freed(entered, Allocator::PymallocFree, block.addr());
    }
    // SAFETY: see above. The thread is inside meanwhile, so that the block is not freed twice in the capture.
    unsafe { (original::<DOMAIN>().free)(context, block) };
}
