// SPDX-License-Identifier: Apache-2.0
//! The functions that are traced: what the program calls instead of them.
//!
//! Each hook calls the real function and tells [`crate::process::session`] what happened: an allocation after it was made,
//! a free before it is, so that no other thread's use of the same address can be recorded in between.

mod allocation;
mod children;
mod ending;
pub(crate) mod loading;
mod mapping;
mod threads;

use crate::elf::patch::{self, Hook};
use std::sync::atomic::Ordering;

/// Declares a hooked function's real one: a function that calls it, and where its address is kept.
macro_rules! real {
    ($(fn $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        pub(super) mod real {
            // The types that the declarations name.
            use super::*;
            /// Addresses, found when tracing starts for the first time.
            #[allow(non_upper_case_globals, reason = "named as the functions they stand for")]
            pub(in crate::hooks) mod address {
                $(pub(in crate::hooks) static $name: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);)*
            }
            $(
                #[inline(always)]
                #[allow(dead_code, reason = "some are jumped to instead")]
                pub(in crate::hooks) unsafe fn $name($($argument: $type),*) $(-> $result)? {
                    let address = address::$name.load(std::sync::atomic::Ordering::Relaxed);
                    // SAFETY: hooks are called through slots only, which are changed when the address of the function that
                    // they led to is known; it has this signature.
                    let function = unsafe {
                        std::mem::transmute::<usize, unsafe extern "C" fn($($type),*) $(-> $result)?>(address)
                    };
                    // SAFETY: the caller's, who passes on what the program passed.
                    unsafe { function($($argument),*) }
                }
            )*
        }
        /// What these hooks replace.
        pub(super) const HOOKS: &[crate::elf::patch::Hook] = &[
            $(crate::elf::patch::Hook {
                name: match std::ffi::CStr::from_bytes_with_nul(concat!(stringify!($name), "\0").as_bytes()) {
                    Ok(name) => name,
                    Err(_) => c"",
                },
                real: &real::address::$name,
                replacement: || ($name as unsafe extern "C" fn($($type),*) $(-> $result)?) as usize,
            },)*
        ];
    };
}
use real;

/// All hooks that are wanted.
fn all() -> impl Iterator<Item = &'static Hook> + Clone {
    let children = if crate::process::children::are_watched() { children::HOOKS } else { &[] };
    [allocation::HOOKS, mapping::HOOKS, loading::HOOKS, threads::HOOKS, ending::HOOKS, children].into_iter().flatten()
}

/// Makes the program call the hooks.
pub(crate) fn install() {
    for hook in all() {
        hook.real.store(patch::function(hook.name), Ordering::Relaxed);
    }
    patch::install(all());
    loading::look_for_greenlets();
}

/// Makes the program call the real functions again. A thread may still be inside a hook.
pub(crate) fn remove() {
    patch::remove(all());
}
