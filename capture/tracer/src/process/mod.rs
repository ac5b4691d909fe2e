// SPDX-License-Identifier: Apache-2.0
//! The tracer's life in a process: [`preload`] waits for the program to begin, [`session`] starts and stops tracing,
//! [`fork`] keeps parent and child apart.

mod audit_hook;
mod environment;
mod exports;
mod fork;
mod header;
mod message;
pub(crate) mod preload;
mod python_exit;
pub(crate) mod session;
pub(crate) mod settings;
