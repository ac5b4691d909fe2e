// SPDX-License-Identifier: Apache-2.0
//! Encodes what happens, in one order for all threads.
