// SPDX-License-Identifier: Apache-2.0
//! `memray-view [FILE]…`: a window on a capture, on two that are compared, on a program's processes, or on more in tabs; or a
//! picture of it. Without a display captures are summed up as text.

use crate::arguments::{Theme, WindowArguments};
use crate::failure::Failure;
use crate::files::Files;
use crate::{output, summary};
use memray_index::OpenOptions;
use memray_ui::settings::ThemeChoice;
use memray_ui::{RunOptions, ScreenshotOptions, UiError};
use std::io::{self, Write};
use std::path::Path;

pub(crate) fn run(arguments: &WindowArguments, open: &OpenOptions) -> Result<(), Failure> {
    if let Some(picture) = &arguments.screenshot {
        return draw(arguments, picture, open);
    }
    if !has_display() && arguments.files.is_empty() {
        return Err(Failure::Unanswerable("there is no display for a window: name a capture to read".to_owned()));
    }
    let files = Files::of(&arguments.files, arguments.said())?;
    let all = files.all();
    if !has_display() {
        return summary::run(&all, open);
    }
    let (compares, are_processes) = (matches!(files, Files::Compared(..)), matches!(files, Files::Session(_)));
    let mut rest = all.iter().cloned();
    let path = rest.next();
    let compared_with = if compares { rest.next() } else { None };
    let further = rest.collect();
    let options = RunOptions { path, compared_with, further, are_processes, open: open.clone(), forgets: false };
    let ran = memray_ui::run(options);
    match ran {
        Err(UiError::Window(_)) if !all.is_empty() => {
            // Where standard error is closed, the summary says enough.
            let _ = writeln!(
                io::stderr(),
                "memray-view: no window can be opened on this display; this is the capture in words"
            );
            summary::run(&all, open)
        }
        ran => Ok(ran?),
    }
}

fn draw(arguments: &WindowArguments, picture: &Path, open: &OpenOptions) -> Result<(), Failure> {
    let (path, compared_with) = match Files::of(&arguments.files, arguments.said())? {
        Files::Compared(before, after) => (Some(before), Some(after)),
        Files::One(file) => (file, None),
        Files::Session(_) | Files::Several(_) => {
            return Err(Failure::Unanswerable("a picture shows one capture, or two compared".to_owned()));
        }
    };
    for path in &arguments.files {
        output::refuse_to_replace(path, picture)?;
    }
    let defaults = ScreenshotOptions::default();
    let options = ScreenshotOptions {
        path,
        compared_with,
        open: open.clone(),
        size_points: arguments.size.unwrap_or(defaults.size_points),
        pixels_per_point: arguments.pixels_per_point.unwrap_or(defaults.pixels_per_point),
        theme: match arguments.theme {
            Some(Theme::Dark) => ThemeChoice::Dark,
            Some(Theme::Light) => ThemeChoice::Light,
            None => defaults.theme,
        },
        ..defaults
    };
    Ok(memray_ui::screenshot(&options)?.write_png(picture)?)
}

/// Whether a window can be expected to open. Where systems always have a display, the attempt tells.
fn has_display() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(all(unix, not(target_os = "macos"))) || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}
