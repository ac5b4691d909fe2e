// SPDX-License-Identifier: Apache-2.0
//! `memray-view [FILE]…`: a window on a capture, on two that are compared, or one each on more; or a picture of it. Without a
//! display captures are summed up as text.

use crate::arguments::{Theme, WindowArguments};
use crate::failure::Failure;
use crate::files::Files;
use crate::{output, summary};
use memray_index::OpenOptions;
use memray_ui::settings::ThemeChoice;
use memray_ui::{RunOptions, ScreenshotOptions, UiError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

pub(crate) fn run(arguments: &WindowArguments, open: &OpenOptions) -> Result<(), Failure> {
    if let Some(picture) = &arguments.screenshot {
        return draw(arguments, picture, open);
    }
    if !has_display() && arguments.files.is_empty() {
        return Err(Failure::Unanswerable("there is no display for a window: name a capture to read".to_owned()));
    }
    let (files, compared_with) = match Files::of(&arguments.files, arguments.compare)? {
        Files::Each(files) => (files, None),
        Files::Compared(before, after) => (vec![before], Some(after)),
    };
    let all: Vec<PathBuf> = files.iter().chain(&compared_with).cloned().collect();
    if !has_display() {
        return summary::run(&all, open);
    }
    // A window has a process of its own: what goes wrong in one leaves the others open.
    let others = files.iter().skip(1);
    let children = others.map(|file| open_beside(file, open)).collect::<Result<Vec<Child>, Failure>>()?;
    let path = files.into_iter().next();
    let options = RunOptions { path, compared_with, open: open.clone(), forgets: false };
    let ran = memray_ui::run(options);
    for mut child in children {
        // Its own failure is its own to report; we only wait, so that the shell's prompt comes back last.
        let _ = child.wait();
    }
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
    let (path, compared_with) = match Files::of(&arguments.files, arguments.compare)? {
        Files::Compared(before, after) => (Some(before), Some(after)),
        Files::Each(files) if files.len() <= 1 => (files.into_iter().next(), None),
        Files::Each(_) => {
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

fn open_beside(file: &Path, open: &OpenOptions) -> Result<Child, Failure> {
    let failed = |error| Failure::Unreadable(format!("a window for {} cannot be started: {error}", file.display()));
    let mut command = Command::new(std::env::current_exe().map_err(failed)?);
    if open.no_cache {
        command.arg("--no-cache");
    }
    // After `--` nothing is an option or a subcommand, whatever the file is called.
    command.arg("--").arg(file).spawn().map_err(failed)
}

/// Whether a window can be expected to open. Where systems always have a display, the attempt tells.
fn has_display() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(all(unix, not(target_os = "macos"))) || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}
