// SPDX-License-Identifier: Apache-2.0
//! Python's own allocators.
pub(crate) fn install(_: &super::Interpreter) {}
