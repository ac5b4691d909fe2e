// SPDX-License-Identifier: Apache-2.0
//! What is to be recorded, and where to: [`Settings`], as the command hands them through the environment. They are of a
//! crate that the command compiles too.

pub(crate) use memray_settings::{Report, Settings, VARIABLE, tracer_version};
