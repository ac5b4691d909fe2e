// SPDX-License-Identifier: Apache-2.0
//! Records the memory of a Python program, from within its process.
//!
//! A shared library for every supported CPython: it links none of them, finds what it needs by name, and reads the
//! interpreter's frames by layouts that it checks first. [`process::session`] leads: it starts and stops the one tracing
//! that a process can have. The way of an allocation: a hook ([`hooks`]) calls the real function, enters the tracer
//! ([`thread`], which keeps the tracer's own doings out of the capture), learns how the Python stack changed since this
//! thread's last record ([`python`]; [`native`] too, if that is asked for), and hands both to the [`recorder`], which encodes them, under one lock, into the
//! capture's file ([`file`]). Where only sums are asked for, the recorder keeps them ([`aggregation`]) and writes them at the end.
//!
//! What must hold here: the traced program is sacred. Nothing panics, nothing unwinds into C, and whatever cannot go on ends
//! tracing with a sentence while the program runs on. No lock is held across a call into Python, or into libc where that may
//! take one of its own; the recorder's is held while the kernel makes its file longer and maps the next part, at most once
//! for a MiB of records.

#![cfg(target_os = "linux")]

mod aggregation;
mod biased_lock;
mod descriptor;
mod elf;
mod file;
mod hooks;
mod lock;
mod native;
mod private_heap;
mod process;
mod python;
mod recorder;
mod snapshot;
mod thread;
