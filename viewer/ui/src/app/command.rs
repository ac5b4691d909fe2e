// SPDX-License-Identifier: Apache-2.0
//! Everything the window can be told to do, as data: menus, shortcuts and the sheet of keys are all made from
//! [`Command`], so they cannot disagree.

use super::view::ModeChoice;
use crate::function_menu::FunctionAction;
use crate::settings::{AxisChoice, ClockChoice, ThemeChoice, UnitChoice};
use memray_compare::Width;

/// Something the window can be told to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)] // `label` and `help` say what each does
pub enum Command {
    Open,
    OpenPath,
    OpenSample,
    CompareWith,
    Swap,
    OpenChildren,
    SavePicture,
    SaveCsv,
    Reload,
    Close,
    NextFile,
    PreviousFile,
    Quit,
    ShowIcicle,
    ShowTable,
    ShowGrowth,
    ShowBands,
    ShowStatistics,
    ShowCallers,
    ShowSideBySide,
    Search,
    NextHit,
    PreviousHit,
    Clear,
    Copy,
    CopyStack,
    CopyMarkdown,
    OpenInEditor,
    Back,
    Forward,
    ZoomIn,
    ZoomOut,
    ZoomReset,
    ToggleInverted,
    ToggleFlames,
    ToggleFoldLibraries,
    ToggleOwnCodeColour,
    ToggleSplitThreads,
    ToggleOnlyVanished,
    ToggleLinked,
    ToggleOverlaid,
    /// Asks about other memory.
    Ask(ModeChoice),
    JumpToPeak,
    JumpToPeakRss,
    TypeMoment,
    ToggleImportSystem,
    ToggleIrrelevant,
    EditFilter,
    ClearFilter,
    /// Asks about the selected function.
    OfFunction(FunctionAction),
    /// Makes frames of two captures as wide as this.
    SetWidth(Width),
    ToggleByLine,
    AddRoot,
    SetUnits(UnitChoice),
    SetClock(ClockChoice),
    /// What the memory graph's axis says.
    SetAxis(AxisChoice),
    SetTheme(ThemeChoice),
    ToggleMarkdownCommand,
    ToggleMarkdownSource,
    EditSources,
    ShowPalette,
    ShowKeys,
}

/// Where a command stands in the menus and on the sheet of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)] // the menus' own names
pub enum Group {
    File,
    View,
    Capture,
    Settings,
    Help,
}

impl Group {
    /// All of them, as the menu bar has them.
    pub const ALL: [Self; 5] = [Self::File, Self::View, Self::Capture, Self::Settings, Self::Help];

    /// Its name.
    pub fn label(self) -> &'static str {
        match self {
            Self::File => "File",
            Self::View => "View",
            Self::Capture => "Capture",
            Self::Settings => "Settings",
            Self::Help => "Help",
        }
    }
}

/// What has to be open for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing.
    Nothing,
    /// One capture.
    Capture,
    /// Two that are compared.
    Comparison,
    /// Either.
    Any,
}

impl Command {
    /// All of them, in the order of menus and of the sheet of keys.
    pub const ALL: [Self; 80] = [
        Self::Open,
        Self::OpenPath,
        Self::OpenSample,
        Self::CompareWith,
        Self::Swap,
        Self::OpenChildren,
        Self::SavePicture,
        Self::SaveCsv,
        Self::Reload,
        Self::Close,
        Self::NextFile,
        Self::PreviousFile,
        Self::Quit,
        Self::ShowIcicle,
        Self::ShowTable,
        Self::ShowGrowth,
        Self::ShowBands,
        Self::ShowStatistics,
        Self::ShowCallers,
        Self::ShowSideBySide,
        Self::Search,
        Self::NextHit,
        Self::PreviousHit,
        Self::Clear,
        Self::Copy,
        Self::CopyStack,
        Self::CopyMarkdown,
        Self::OpenInEditor,
        Self::Back,
        Self::Forward,
        Self::ZoomIn,
        Self::ZoomOut,
        Self::ZoomReset,
        Self::ToggleOwnCodeColour,
        Self::ToggleFoldLibraries,
        Self::ToggleInverted,
        Self::ToggleFlames,
        Self::ToggleSplitThreads,
        Self::ToggleOnlyVanished,
        Self::SetWidth(Width::Larger),
        Self::SetWidth(Width::Before),
        Self::SetWidth(Width::After),
        Self::ToggleLinked,
        Self::ToggleOverlaid,
        Self::ToggleByLine,
        Self::AddRoot,
        Self::Ask(ModeChoice::Peak),
        Self::Ask(ModeChoice::LiveAt),
        Self::Ask(ModeChoice::StillLive),
        Self::Ask(ModeChoice::PeakInRange),
        Self::Ask(ModeChoice::Growth),
        Self::Ask(ModeChoice::Churn),
        Self::Ask(ModeChoice::Temporary),
        Self::Ask(ModeChoice::Leaked),
        Self::Ask(ModeChoice::Total),
        Self::JumpToPeak,
        Self::JumpToPeakRss,
        Self::TypeMoment,
        Self::ToggleImportSystem,
        Self::ToggleIrrelevant,
        Self::EditFilter,
        Self::ClearFilter,
        Self::OfFunction(FunctionAction::Focus),
        Self::OfFunction(FunctionAction::StartHere),
        Self::OfFunction(FunctionAction::HideStacks),
        Self::OfFunction(FunctionAction::HideFrames),
        Self::SetUnits(UnitChoice::Binary),
        Self::SetUnits(UnitChoice::Decimal),
        Self::SetClock(ClockChoice::Local),
        Self::SetClock(ClockChoice::Utc),
        Self::SetAxis(AxisChoice::Elapsed),
        Self::SetAxis(AxisChoice::TimesOfDay),
        Self::SetTheme(ThemeChoice::System),
        Self::SetTheme(ThemeChoice::Dark),
        Self::SetTheme(ThemeChoice::Light),
        Self::ToggleMarkdownCommand,
        Self::ToggleMarkdownSource,
        Self::EditSources,
        Self::ShowPalette,
        Self::ShowKeys,
    ];

    /// Its name in a menu.
    pub fn label(self) -> &'static str {
        match self {
            Self::Open => "Open…",
            Self::OpenPath => "Open a path…",
            Self::OpenSample => "Open the sample",
            Self::CompareWith => "Compare with…",
            Self::Swap => "Swap A and B",
            Self::OpenChildren => "Open with child processes",
            Self::SavePicture => "Save as PNG…",
            Self::SaveCsv => "Save as CSV…",
            Self::Reload => "Reload",
            Self::Close => "Close",
            Self::NextFile => "Next file",
            Self::PreviousFile => "Previous file",
            Self::Quit => "Quit",
            Self::ShowIcicle => "Icicle",
            Self::ShowTable => "Table",
            Self::ShowGrowth => "Growth",
            Self::ShowBands => "Over time",
            Self::ShowStatistics => "Statistics",
            Self::ShowCallers => "Callers and callees",
            Self::ShowSideBySide => "Side by side",
            Self::Search => "Search",
            Self::NextHit => "Next hit",
            Self::PreviousHit => "Previous hit",
            Self::Clear => "Clear",
            Self::Copy => "Copy",
            Self::CopyStack => "Copy stack",
            Self::CopyMarkdown => "Copy as Markdown",
            Self::OpenInEditor => "Open in editor",
            Self::Back => "Back",
            Self::Forward => "Forward",
            Self::ZoomIn => "Zoom in",
            Self::ZoomOut => "Zoom out",
            Self::ZoomReset => "Whole tree",
            Self::ToggleInverted => "Inverted",
            Self::ToggleFlames => "Flames",
            Self::ToggleFoldLibraries => "Fold libraries",
            Self::ToggleOwnCodeColour => "Own code in colour",
            Self::ToggleSplitThreads => "Split threads",
            Self::ToggleOnlyVanished => "Only vanished",
            Self::ToggleLinked => "Linked",
            Self::ToggleOverlaid => "One graph",
            Self::Ask(mode) => mode.name(),
            Self::JumpToPeak => "Jump to the peak",
            Self::JumpToPeakRss => "Jump to the peak RSS",
            Self::TypeMoment => "Type a moment or range…",
            Self::ToggleImportSystem => "Hide import system",
            Self::ToggleIrrelevant => "Hide irrelevant frames",
            Self::EditFilter => "Filter…",
            Self::ClearFilter => "Remove all filters",
            Self::OfFunction(action) => action.label(),
            Self::SetWidth(Width::Larger) => "Width: the larger of both",
            Self::SetWidth(Width::Before) => "Width: before",
            Self::SetWidth(Width::After) => "Width: after",
            Self::ToggleByLine => "Match by line",
            Self::AddRoot => "Add a root…",
            Self::SetUnits(UnitChoice::Binary) => "Sizes: KiB, MiB, GiB",
            Self::SetUnits(UnitChoice::Decimal) => "Sizes: kB, MB, GB, as memray",
            Self::SetClock(ClockChoice::Local) => "Times of day: local",
            Self::SetClock(ClockChoice::Utc) => "Times of day: UTC",
            Self::SetAxis(AxisChoice::Elapsed) => "Graph: time since the start",
            Self::SetAxis(AxisChoice::TimesOfDay) => "Graph: times of day",
            Self::SetTheme(ThemeChoice::System) => "Theme: as the system",
            Self::SetTheme(ThemeChoice::Dark) => "Theme: dark",
            Self::SetTheme(ThemeChoice::Light) => "Theme: light",
            Self::ToggleMarkdownCommand => "Markdown with the command line",
            Self::ToggleMarkdownSource => "Markdown with lines of source",
            Self::EditSources => "Sources and editor…",
            Self::ShowPalette => "Commands…",
            Self::ShowKeys => "Keys",
        }
    }

    /// What it does, in a sentence.
    pub fn help(self) -> &'static str {
        match self {
            Self::Open => "Choose a capture in the desktop's file dialog",
            Self::OpenPath => "Type or paste a capture's path",
            Self::OpenSample => "Open the capture that comes with the program: a small shop with a leak and a cache",
            Self::CompareWith => "Compare this capture with another, which comes after it",
            Self::Swap => "Let the capture that is before be after",
            Self::OpenChildren => "Open the captures of the processes that this one forked, summed and each alone",
            Self::SavePicture => "Save a picture of the window",
            Self::SaveCsv => "Save the numbers of the view that is shown, with exact bytes",
            Self::Reload => "Read the file again",
            Self::Close => "Close the capture and go back to the start",
            Self::NextFile => "Show the next of several files",
            Self::PreviousFile => "Show the file before",
            Self::Quit => "Close the window",
            Self::ShowIcicle => "Show the call tree as an icicle",
            Self::ShowTable => "Show functions, files and modules as a table",
            Self::ShowGrowth => "Show what grew, ranked",
            Self::ShowBands => "Show memory over time in bands, by module, function, thread or allocator",
            Self::ShowStatistics => "Show the whole run's statistics",
            Self::ShowCallers => "Show who calls the selected function, and whom it calls",
            Self::ShowSideBySide => "Show both captures' icicles side by side; they move together",
            Self::Search => {
                "Search functions, files and modules; .* beside the field takes it for a regular expression"
            }
            Self::NextHit => "Select the next frame that matches the search",
            Self::PreviousHit => "Select the previous frame that matches the search",
            Self::Clear => "Clear the selection, then the zoom, then the range",
            Self::Copy => "Copy the name and place of what is selected",
            Self::CopyStack => "Copy the stack of the selected frame, a frame a line",
            Self::OpenInEditor => "Open the selected line in the editor that Settings → Sources and editor names",
            Self::CopyMarkdown => {
                "Copy what is said first, the figures and the largest stacks, for an issue or a review"
            }
            Self::Back => "Go back to the view before",
            Self::Forward => "Go forward again",
            Self::ZoomIn => "Zoom in",
            Self::ZoomOut => "Zoom out",
            Self::ZoomReset => "Show the whole tree",
            Self::ToggleInverted => "Allocating functions first, their callers below",
            Self::ToggleFlames => "Draw the root at the bottom",
            Self::ToggleFoldLibraries => "Fold frames of libraries into the own-code frame that called them",
            Self::ToggleOwnCodeColour => "Own code in colour by module, libraries grey; otherwise every frame grey",
            Self::ToggleSplitThreads => "Give each thread a tower of its own",
            Self::ToggleOnlyVanished => "Show only what is not there any more",
            Self::ToggleLinked => "Ask both captures about the same memory at the same time of their runs",
            Self::ToggleOverlaid => {
                "Lay both memory graphs over each other: from their starts, or, if not linked, at the moments chosen of each"
            }
            Self::Ask(mode) => mode.help(),
            Self::JumpToPeak => "Show what was live when the heap was largest",
            Self::JumpToPeakRss => "Show what was live when the process was largest",
            Self::TypeMoment => "Type a moment (14.2s, 0:20:00, 14:03:20, #12, end) or a range (14.2s-20s)",
            Self::ToggleImportSystem => "Leave out frames of the import system",
            Self::ToggleIrrelevant => "Leave out frames of runpy, of CPython itself and of the import system",
            Self::EditFilter => "Show only some threads, allocators, modules, files or functions",
            Self::ClearFilter => "Show every stack again",
            Self::OfFunction(action) => action.help(),
            Self::SetWidth(Width::Larger) => "Frames as wide as the larger of both: nothing new or gone is too narrow",
            Self::SetWidth(Width::Before) => "Frames as wide as they were before",
            Self::SetWidth(Width::After) => "Frames as wide as they are after",
            Self::ToggleByLine => "Frames are the same only if their lines are; otherwise if their functions are",
            Self::AddRoot => "Take what lies below one folder before for what lies below another after",
            Self::SetUnits(UnitChoice::Binary) => "Sizes in powers of 1024",
            Self::SetUnits(UnitChoice::Decimal) => "Sizes in powers of 1000, as memray's reports have them",
            Self::SetClock(ClockChoice::Local) => "Times of day by this machine's clock",
            Self::SetClock(ClockChoice::Utc) => "Times of day in universal time",
            Self::SetAxis(AxisChoice::Elapsed) => "The memory graph's axis counts from the start of the recording",
            Self::SetAxis(AxisChoice::TimesOfDay) => {
                "The memory graph's axis has times of day, unless the machine's clock was set back; two captures side by \
                 side and processes summed count from the start"
            }
            Self::SetTheme(ThemeChoice::System) => "Dark or light as the system is",
            Self::SetTheme(ThemeChoice::Dark) => "Always dark",
            Self::SetTheme(ThemeChoice::Light) => "Always light",
            Self::ToggleMarkdownCommand => "Copy as Markdown tells the traced command, too",
            Self::ToggleMarkdownSource => "Copy as Markdown tells the line of source of each stack, too",
            Self::EditSources => "Where sources are that moved, and the command that opens one of their lines",
            Self::ShowPalette => "Find a command by its name",
            Self::ShowKeys => "Show all keys",
        }
    }

    /// The menu it stands in.
    pub fn group(self) -> Group {
        match self {
            Self::Open
            | Self::OpenPath
            | Self::OpenSample
            | Self::CompareWith
            | Self::Swap
            | Self::OpenChildren
            | Self::SavePicture
            | Self::SaveCsv
            | Self::Reload
            | Self::Close
            | Self::NextFile
            | Self::PreviousFile
            | Self::Quit => Group::File,
            Self::Ask(_)
            | Self::OfFunction(_)
            | Self::JumpToPeak
            | Self::JumpToPeakRss
            | Self::TypeMoment
            | Self::ToggleImportSystem
            | Self::ToggleIrrelevant
            | Self::EditFilter
            | Self::ClearFilter
            | Self::ToggleSplitThreads
            | Self::ToggleLinked
            | Self::ToggleOverlaid
            | Self::ToggleByLine
            | Self::AddRoot => Group::Capture,
            Self::SetUnits(_)
            | Self::SetClock(_)
            | Self::SetAxis(_)
            | Self::SetTheme(_)
            | Self::ToggleMarkdownCommand
            | Self::ToggleMarkdownSource
            | Self::EditSources => Group::Settings,
            Self::ShowPalette | Self::ShowKeys => Group::Help,
            _ => Group::View,
        }
    }

    /// Whether a menu draws a line before it.
    pub fn starts_section(self) -> bool {
        matches!(
            self,
            Self::CompareWith
                | Self::SavePicture
                | Self::Reload
                | Self::Quit
                | Self::Search
                | Self::Clear
                | Self::ZoomIn
                | Self::ToggleOwnCodeColour
                | Self::SetWidth(Width::Larger)
                | Self::Ask(ModeChoice::Peak)
                | Self::SetClock(ClockChoice::Local)
                | Self::SetAxis(AxisChoice::Elapsed)
                | Self::SetTheme(ThemeChoice::System)
                | Self::ToggleMarkdownCommand
                | Self::EditSources
                | Self::JumpToPeak
                | Self::ToggleImportSystem
                | Self::EditFilter
                | Self::OfFunction(FunctionAction::Focus)
        )
    }

    /// What has to be open for it.
    pub fn needs(self) -> Needs {
        match self {
            Self::Open
            | Self::OpenPath
            | Self::OpenSample
            | Self::NextFile
            | Self::PreviousFile
            | Self::Quit
            | Self::SetUnits(_)
            | Self::SetClock(_)
            | Self::SetAxis(_)
            | Self::SetTheme(_)
            | Self::ToggleMarkdownCommand
            | Self::ToggleMarkdownSource
            | Self::EditSources
            | Self::ShowPalette
            | Self::ShowKeys => Needs::Nothing,
            Self::CompareWith
            | Self::OpenChildren
            | Self::ShowGrowth
            | Self::ShowBands
            | Self::ShowStatistics
            | Self::ShowCallers
            | Self::OpenInEditor
            | Self::ToggleOwnCodeColour
            | Self::ToggleSplitThreads
            | Self::JumpToPeakRss
            | Self::EditFilter
            | Self::ClearFilter
            | Self::OfFunction(_) => Needs::Capture,
            Self::Swap
            | Self::Ask(ModeChoice::Total)
            | Self::ShowSideBySide
            | Self::ToggleOnlyVanished
            | Self::SetWidth(_)
            | Self::ToggleByLine
            | Self::AddRoot
            | Self::ToggleLinked
            | Self::ToggleOverlaid => Needs::Comparison,
            _ => Needs::Any,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_stands_once_in_the_list() {
        let mut seen = Command::ALL.to_vec();
        seen.dedup();
        assert_eq!(seen.len(), Command::ALL.len());
        for (i, a) in Command::ALL.iter().enumerate() {
            assert!(!Command::ALL[i + 1..].contains(a), "{a:?} twice");
        }
    }

    #[test]
    fn every_mode_of_a_bar_is_in_the_list() {
        for mode in ModeChoice::ALL.into_iter().chain(crate::app::compare::MODES) {
            assert!(Command::ALL.contains(&Command::Ask(mode)), "{mode:?}");
        }
    }
}
