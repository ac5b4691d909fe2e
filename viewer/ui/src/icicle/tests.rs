// SPDX-License-Identifier: Apache-2.0
//! The icicle's behaviour, driven by mouse and keyboard as a user would.
