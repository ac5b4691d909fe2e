// SPDX-License-Identifier: Apache-2.0
//! The tracer as a preloaded library: it waits until the interpreter begins with the program.
