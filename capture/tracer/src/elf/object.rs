// SPDX-License-Identifier: Apache-2.0
//! [`Object`]: a loaded object, and its slots by name.
//!
//! What is read here was written by the linker and checked by the loader, which uses the same tables: see the ELF
//! specification, "Dynamic Linking", and the processor supplements for the kinds of relocations.

use std::ffi::{CStr, c_void};
use std::ops::Range;
use std::sync::atomic::AtomicUsize;

const DT_NULL: i64 = 0;
const DT_PLTRELSZ: i64 = 2;
const DT_STRTAB: i64 = 5;
const DT_SYMTAB: i64 = 6;
const DT_RELA: i64 = 7;
const DT_RELASZ: i64 = 8;
const DT_STRSZ: i64 = 10;
const DT_JMPREL: i64 = 23;

/// Relocations that make a slot hold a symbol's address: of calls, of addresses taken, and of data.
#[cfg(target_arch = "x86_64")]
const SLOT_KINDS: [u64; 3] = [7, 6, 1];
#[cfg(target_arch = "aarch64")]
const SLOT_KINDS: [u64; 3] = [1026, 1025, 257];

#[repr(C)]
struct Dynamic {
    tag: i64,
    value: u64,
}

/// A loaded object.
pub(crate) struct Object<'a> {
    /// What was added to the file's addresses.
    bias: usize,
    name: &'a CStr,
    segments: &'a [libc::Elf64_Phdr],
    /// How many objects had ever been loaded and unloaded then.
    load_counts: (u64, u64),
}

/// A slot and what it is for.
pub(super) struct Slot<'a> {
    pub(super) name: &'a [u8],
    pub(super) target: &'a AtomicUsize,
    /// Where the object itself defines this name, if it does.
    pub(super) own_definition: Option<usize>,
}

/// Calls `visit` with each loaded object, in the order in which they were loaded, until it returns false. None is added or
/// removed meanwhile; but the last ones may be such as another thread is loading, whose slots are not filled yet.
pub(crate) fn for_each(mut visit: impl FnMut(&Object<'_>) -> bool) {
    unsafe extern "C" fn one<V: FnMut(&Object<'_>) -> bool>(
        info: *mut libc::dl_phdr_info,
        size: usize,
        visit: *mut c_void,
    ) -> i32 {
        if size < size_of::<libc::dl_phdr_info>() {
            return 0;
        }
        // SAFETY: the loader gives a good description of that size, and the pointer that was given to it, for the time of this call.
        let (info, visit) = unsafe { (&*info, &mut *visit.cast::<V>()) };
        if info.dlpi_phdr.is_null() || info.dlpi_name.is_null() {
            return 0;
        }
        // SAFETY: the object's program headers and name stay while the loader's lock is held.
        let object = unsafe {
            Object {
                bias: info.dlpi_addr as usize,
                name: CStr::from_ptr(info.dlpi_name),
                segments: std::slice::from_raw_parts(info.dlpi_phdr, usize::from(info.dlpi_phnum)),
                load_counts: (info.dlpi_adds, info.dlpi_subs),
            }
        };
        i32::from(!visit(&object))
    }
    fn call<V: FnMut(&Object<'_>) -> bool>(visit: &mut V) {
        // SAFETY: `one` gets this `visit` back, which lives throughout.
        unsafe { libc::dl_iterate_phdr(Some(one::<V>), (&raw mut *visit).cast()) };
    }
    call(&mut visit);
}

/// How many objects were ever loaded and unloaded: while both stay, there is nothing new.
pub(crate) fn load_counts() -> (u64, u64) {
    let mut counts = (0, 0);
    for_each(|object| {
        counts = object.load_counts;
        false
    });
    counts
}

/// Returns when no other thread is loading any of the objects that are there now.
pub(super) fn await_loading() {
    let mut unwanted = std::mem::MaybeUninit::<libc::Dl_info>::uninit();
    // The loader looks an address up under the lock under which it loads.
    // SAFETY: fills what it is given, if it finds the address.
    unsafe { libc::dladdr((await_loading as *const fn()).cast(), unwanted.as_mut_ptr()) };
}

impl<'a> Object<'a> {
    /// How many objects had ever been loaded and unloaded when this one was seen.
    pub(super) fn load_counts(&self) -> (u64, u64) {
        self.load_counts
    }

    /// Its path as it was loaded by; empty for the program itself.
    pub(crate) fn path(&self) -> &'a [u8] {
        self.name.to_bytes()
    }

    /// What was added to the file's addresses.
    pub(crate) fn bias(&self) -> usize {
        self.bias
    }

    /// Its program headers.
    pub(crate) fn segments(&self) -> &'a [libc::Elf64_Phdr] {
        self.segments
    }

    /// What its file is called.
    pub(super) fn file_name(&self) -> &[u8] {
        let name = self.name.to_bytes();
        name.rsplit(|&byte| byte == b'/').next().unwrap_or(name)
    }

    /// Whether this object is never to be touched: the loader, which runs before and below everything, and the kernel's.
    pub(super) fn is_systems_own(&self) -> bool {
        let file = self.file_name();
        file.starts_with(b"ld-linux") || file.starts_with(b"ld64") || file.starts_with(b"linux-vdso")
    }

    /// Whether an address lies in one of its segments.
    pub(crate) fn holds(&self, address: usize) -> bool {
        self.ranges_of(libc::PT_LOAD).any(|range| range.contains(&address))
    }

    /// What the loader made read-only when it had filled the slots, if it did.
    pub(super) fn read_only_after_loading(&self) -> Option<Range<usize>> {
        self.ranges_of(libc::PT_GNU_RELRO).next()
    }

    fn ranges_of(&self, kind: u32) -> impl Iterator<Item = Range<usize>> + '_ {
        self.segments.iter().filter(move |segment| segment.p_type == kind).map(|segment| self.range_of(segment))
    }

    /// Where one of its segments lies.
    pub(crate) fn range_of(&self, segment: &libc::Elf64_Phdr) -> Range<usize> {
        let start = self.bias.wrapping_add(segment.p_vaddr as usize);
        start..start.saturating_add(segment.p_memsz as usize)
    }

    /// Calls `visit` with each slot that is named.
    pub(super) fn for_each_slot(&self, mut visit: impl FnMut(Slot<'_>)) {
        let Some(tables) = Tables::of(self) else { return };
        for relocation in tables.relocations() {
            let (symbol, kind) = (relocation.r_info >> 32, relocation.r_info & 0xffff_ffff);
            if symbol == 0 || !SLOT_KINDS.contains(&kind) || relocation.r_addend != 0 {
                continue;
            }
            let address = self.bias.wrapping_add(relocation.r_offset as usize);
            if !address.is_multiple_of(align_of::<usize>()) || !self.holds(address) {
                continue;
            }
            // SAFETY: the loader itself found this symbol by this number in this table, and wrote the slot at this address,
            // which is mapped as long as the object is loaded.
            let (symbol, target) =
                unsafe { (&*tables.symbols.add(symbol as usize), &*(address as *const AtomicUsize)) };
            let Some(name) = tables.name(symbol.st_name as usize) else { continue };
            let is_defined = symbol.st_shndx != 0 && symbol.st_value != 0;
            let own_definition = is_defined.then(|| self.bias.wrapping_add(symbol.st_value as usize));
            visit(Slot { name, target, own_definition });
        }
    }
}

/// An object's tables for dynamic linking.
struct Tables<'a> {
    symbols: *const libc::Elf64_Sym,
    names: &'a [u8],
    by_name: &'a [libc::Elf64_Rela],
    by_call: &'a [libc::Elf64_Rela],
}

impl<'a> Tables<'a> {
    fn of(object: &Object<'a>) -> Option<Self> {
        let dynamic = object.ranges_of(libc::PT_DYNAMIC).next()?.start as *const Dynamic;
        let (mut symbols, mut names, mut by_name, mut by_call) = (0, (0, 0), (0, 0), (0, 0));
        for entry in 0.. {
            // SAFETY: the table is mapped and ends with DT_NULL; the loader walked it.
            let Dynamic { tag, value } = unsafe { &*dynamic.add(entry) };
            let value = *value as usize;
            // glibc puts the bias into the tables of most objects when it loads them, but not of all.
            let address = if value < object.bias { object.bias.wrapping_add(value) } else { value };
            match *tag {
                DT_NULL => break,
                DT_SYMTAB => symbols = address,
                DT_STRTAB => names.0 = address,
                DT_STRSZ => names.1 = value,
                DT_RELA => by_name.0 = address,
                DT_RELASZ => by_name.1 = value / size_of::<libc::Elf64_Rela>(),
                DT_JMPREL => by_call.0 = address,
                DT_PLTRELSZ => by_call.1 = value / size_of::<libc::Elf64_Rela>(),
                _ => {}
            }
        }
        if symbols == 0 || names.0 == 0 {
            return None;
        }
        // SAFETY: addresses and lengths are the loader's own, of tables that are mapped as long as the object is loaded.
        unsafe {
            Some(Self {
                symbols: symbols as *const libc::Elf64_Sym,
                names: slice(names),
                by_name: slice(by_name),
                by_call: slice(by_call),
            })
        }
    }

    fn relocations(&self) -> impl Iterator<Item = &'a libc::Elf64_Rela> + use<'a> {
        self.by_name.iter().chain(self.by_call)
    }

    fn name(&self, at: usize) -> Option<&'a [u8]> {
        CStr::from_bytes_until_nul(self.names.get(at..)?).ok().map(CStr::to_bytes)
    }
}

/// A table of so many rows; an empty one if it is not there.
unsafe fn slice<'a, T>((address, length): (usize, usize)) -> &'a [T] {
    if address == 0 {
        return &[];
    }
    // SAFETY: the caller's.
    unsafe { std::slice::from_raw_parts(address as *const T, length) }
}
