// SPDX-License-Identifier: Apache-2.0
//! The tracer's life in a process: [`preload`] waits for the program to begin, [`session`] starts and stops tracing,
//! [`fork`] keeps parent and child apart, [`children`] is how programs that this one starts are recorded.

mod audit_hook;
pub(crate) mod children;
mod completion;
mod environment;
mod executable;
mod exports;
mod family;
mod fork;
mod header;
mod message;
pub(crate) mod preload;
mod python_exit;
pub(crate) mod session;
pub(crate) mod settings;
