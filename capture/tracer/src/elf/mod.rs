// SPDX-License-Identifier: Apache-2.0
//! Loaded objects, and the places in them through which they call others.
