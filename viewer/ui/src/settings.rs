// SPDX-License-Identifier: Apache-2.0
//! What is remembered between runs: choices, the window's size, recent captures. One JSON file in the user's config
//! folder. What of it cannot be read is as if it were not there, and one that cannot be written is left.

use memray_report::markdown::MarkdownExtras;
use memray_report::moments::Clock;
use memray_report::size::Units;
use memray_report::source_folders::SourceFolders;
use memray_report::time::WallClock;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

/// How many recent captures are remembered.
const RECENT_LIMIT: usize = 12;
/// A settings file larger than this is not ours.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Dark or light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ThemeChoice {
    /// As the system is.
    #[default]
    #[serde(alias = "system")]
    System,
    /// Dark.
    #[serde(alias = "dark")]
    Dark,
    /// Light.
    #[serde(alias = "light")]
    Light,
}

/// How sizes are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum UnitChoice {
    /// Powers of 1024: KiB, MiB, GiB.
    #[default]
    Binary,
    /// Powers of 1000, as memray writes them.
    Decimal,
}

impl UnitChoice {
    /// As the report has it.
    pub fn units(self) -> Units {
        match self {
            Self::Binary => Units::Binary,
            Self::Decimal => Units::DecimalAsMemray,
        }
    }

    /// Its smallest unit, which stands for all.
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "KiB",
            Self::Decimal => "kB",
        }
    }
}

/// By which clock times of day are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ClockChoice {
    /// This machine's.
    #[default]
    Local,
    /// Universal time.
    Utc,
}

impl ClockChoice {
    /// The wall clock by which times of day are read and dates written.
    pub fn wall_clock(self) -> WallClock {
        match self {
            Self::Local => WallClock::Local,
            Self::Utc => WallClock::Utc,
        }
    }
}

/// What the memory graph's axis of time says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AxisChoice {
    /// The time since the start.
    #[default]
    Elapsed,
    /// Times of day.
    TimesOfDay,
}

/// A capture that was opened before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// Where it is.
    #[serde(with = "path_text")]
    pub path: PathBuf,
    /// Its high-water mark.
    pub peak_bytes: u64,
    /// When it was recorded, milliseconds since the Unix epoch.
    pub start_time_ms: i64,
    /// The traced command.
    pub command_line: String,
}

/// A path as text; as bytes where it is none, so that one odd name does not keep all settings from being saved.
mod path_text {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::path::{Path, PathBuf};

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stored {
        Text(PathBuf),
        Bytes(Vec<u8>),
    }

    pub(super) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        match path.to_str() {
            Some(text) => text.serialize(serializer),
            None => path.as_os_str().as_encoded_bytes().serialize(serializer),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Ok(match Stored::deserialize(deserializer)? {
            Stored::Text(path) => path,
            #[cfg(unix)]
            Stored::Bytes(bytes) => <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes).into(),
            #[cfg(not(unix))]
            Stored::Bytes(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
        })
    }
}

/// What is copied as Markdown beyond names and figures; nothing unless it is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MarkdownChoice {
    /// The traced command.
    pub command_lines: bool,
    /// The line of source of each stack.
    pub source_lines: bool,
}

impl MarkdownChoice {
    /// What is to be written, with sources looked for in these folders.
    pub(crate) fn extras(self, folders: &SourceFolders) -> MarkdownExtras {
        MarkdownExtras { command_lines: self.command_lines, sources: self.source_lines.then(|| folders.clone()) }
    }
}

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Dark or light.
    pub theme: ThemeChoice,
    /// How sizes are written.
    pub units: UnitChoice,
    /// By which clock times of day are written.
    pub clock: ClockChoice,
    /// What the memory graph's axis of time says.
    pub axis: AxisChoice,
    /// The command that opens a source line; empty for the usual one.
    pub editor: String,
    /// Where to look for sources that are not where a capture says, separated as in `PATH`.
    pub source_folders: String,
    /// What is copied as Markdown beyond names and figures.
    pub markdown: MarkdownChoice,
    /// The window's inner size in points.
    pub window_size: Option<[f32; 2]>,
    /// Whether the window was maximised.
    pub is_maximised: bool,
    /// Captures that were opened, the last one first.
    pub recent: Vec<Recent>,
}

impl Settings {
    /// How typed times are read: as those on the axis first.
    pub fn typed_clock(&self) -> Clock {
        Clock { wall: self.clock.wall_clock(), prefers_day: self.axis == AxisChoice::TimesOfDay }
    }

    /// With one of them as it was written down, if that can be read: a mistake in one leaves the others.
    fn with(self, (name, value): (String, serde_json::Value)) -> Self {
        let Ok(serde_json::Value::Object(mut all)) = serde_json::to_value(&self) else { return self };
        all.insert(name, value);
        serde_json::from_value(all.into()).unwrap_or(self)
    }

    /// These, but for what `changed` has otherwise than `known`.
    fn with_changes(self, changed: &Self, known: &Self) -> Self {
        let mut merged = self;
        let recent = std::mem::take(&mut merged.recent);
        if let (Ok(serde_json::Value::Object(values)), Ok(known)) =
            (serde_json::to_value(changed.without_recent()), serde_json::to_value(known.without_recent()))
        {
            let is_changed = |(name, value): &(String, serde_json::Value)| known.get(name) != Some(value);
            merged = values.into_iter().filter(is_changed).fold(merged, Self::with);
        }
        merged.recent = recent;
        changed.opened_since(known).iter().rev().for_each(|recent| merged.remember(recent.clone()));
        merged
    }

    /// The captures that were opened since, also if they were known: those before the ones that stand as they stood.
    fn opened_since(&self, known: &Self) -> &[Recent] {
        let stand_as_before = |count: usize| {
            let (opened, others) = self.recent.split_at(count);
            let is_opened = |recent: &&Recent| opened.iter().any(|other| other.path == recent.path);
            known.recent.iter().filter(|recent| !is_opened(recent)).take(others.len()).eq(others)
        };
        let count = (0..self.recent.len()).find(|&count| stand_as_before(count)).unwrap_or(self.recent.len());
        &self.recent[..count]
    }

    fn without_recent(&self) -> Self {
        Self { recent: Vec::new(), ..self.clone() }
    }

    /// Puts a capture in front of the recent ones.
    pub fn remember(&mut self, recent: Recent) {
        self.recent.retain(|other| other.path != recent.path);
        self.recent.insert(0, recent);
        self.recent.truncate(RECENT_LIMIT);
    }

    /// What the user chose, which is remembered at once; without what the window remembers by itself.
    #[must_use]
    pub fn choices(&self) -> Self {
        Self { window_size: None, is_maximised: false, recent: Vec::new(), ..self.clone() }
    }

    /// The window's size if it is one that a screen can have.
    pub fn usable_window_size(&self) -> Option<[f32; 2]> {
        self.window_size
            .filter(|[width, height]| (320.0..=16_384.0).contains(width) && (240.0..=16_384.0).contains(height))
    }
}

/// Where settings are kept.
#[derive(Clone, Debug)]
pub struct SettingsFile {
    path: PathBuf,
}

impl SettingsFile {
    /// The user's own, if the platform says where.
    pub fn of_user() -> Option<Self> {
        directories::ProjectDirs::from("", "", "memray-view")
            .map(|dirs| Self::at(&dirs.config_dir().join("settings.json")))
    }

    /// At a path.
    pub fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// What is remembered; the default if nothing is, or if the file is damaged.
    pub fn load(&self) -> Settings {
        self.read().unwrap_or_default()
    }

    fn read(&self) -> Option<Settings> {
        let is_small = std::fs::metadata(&self.path).is_ok_and(|metadata| metadata.len() <= MAX_FILE_BYTES);
        let bytes = if is_small { std::fs::read(&self.path).ok()? } else { return None };
        let serde_json::Value::Object(known) = serde_json::from_slice(&bytes).ok()? else { return None };
        Some(known.into_iter().fold(Settings::default(), Settings::with))
    }

    /// Remembers what changed since `known` was; else what another window has remembered meanwhile stays.
    pub fn save_changes(&self, settings: &Settings, known: &Settings) -> std::io::Result<()> {
        match self.read() {
            Some(there) => self.save(&there.with_changes(settings, known)),
            None => self.save(settings),
        }
    }

    /// Remembers. Written beside and renamed, so that a run that is killed leaves the old file. Paths and command lines
    /// are the user's own business, so nobody else may read it.
    pub fn save(&self, settings: &Settings) -> std::io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut builder = std::fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(folder)?;
        // Such a file is its owner's alone from the start, and its name cannot be guessed.
        let mut beside = tempfile::NamedTempFile::new_in(folder)?;
        beside.write_all(&serde_json::to_vec_pretty(settings).map_err(std::io::Error::other)?)?;
        beside.persist(&self.path).map_err(|failed| failed.error)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recent(name: &str) -> Recent {
        Recent { path: name.into(), peak_bytes: 1, start_time_ms: 2, command_line: String::new() }
    }

    #[test]
    fn a_corrupt_file_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        std::fs::write(&path, b"{\"theme\": \"Purple\"").unwrap();
        assert_eq!(SettingsFile::at(&path).load(), Settings::default());
    }

    #[test]
    fn what_is_saved_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::at(&folder.path().join("deep/settings.json"));
        let mut settings = Settings { theme: ThemeChoice::Light, units: UnitChoice::Decimal, ..Settings::default() };
        settings.remember(recent("a.bin"));
        file.save(&settings).unwrap();
        assert_eq!(file.load(), settings);
    }

    #[test]
    fn what_another_window_remembered_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::at(&folder.path().join("settings.json"));
        let mut begun = Settings::default();
        begun.remember(recent("old.bin"));
        file.save(&begun).unwrap();
        let (mut one, mut other) = (begun.clone(), begun.clone());
        other.remember(recent("others.bin"));
        (other.theme, other.units) = (ThemeChoice::Light, UnitChoice::Decimal);
        file.save_changes(&other, &begun).unwrap();
        one.remember(recent("mine.bin"));
        (one.units, one.editor) = (UnitChoice::Binary, "vi {file}".to_owned());
        file.save_changes(&one, &begun).unwrap();
        let saved = file.load();
        let names: Vec<_> = saved.recent.iter().map(|it| it.path.display().to_string()).collect();
        assert_eq!(names, ["mine.bin", "others.bin", "old.bin"]);
        assert_eq!((saved.theme, saved.units, &*saved.editor), (ThemeChoice::Light, UnitChoice::Decimal, "vi {file}"));
        // What was opened again comes first again, whether it is as it was or not.
        for opened in [recent("old.bin"), Recent { peak_bytes: 7, ..recent("others.bin") }] {
            let again = file.load();
            let mut settings = again.clone();
            settings.remember(opened);
            file.save_changes(&settings, &again).unwrap();
            assert_eq!(file.load(), settings);
        }
        // All is written where nothing can be read.
        let settings = file.load();
        std::fs::write(folder.path().join("settings.json"), "{").unwrap();
        file.save_changes(&settings, &settings).unwrap();
        assert_eq!(file.load(), settings);
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_is_no_text_is_kept_beside_those_that_are() {
        use std::os::unix::ffi::OsStrExt;
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::at(&folder.path().join("settings.json"));
        let mut settings = Settings::default();
        settings.remember(recent("a.bin"));
        let odd = PathBuf::from(std::ffi::OsStr::from_bytes(b"/tmp/caf\xe9.bin"));
        settings.remember(Recent { path: odd, ..recent("") });
        file.save(&settings).unwrap();
        assert_eq!(file.load(), settings);
    }

    #[cfg(unix)]
    #[test]
    fn what_was_opened_is_nobody_elses_to_read() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/settings.json");
        SettingsFile::at(&path).save(&Settings::default()).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }

    #[test]
    fn a_capture_opened_again_moves_to_the_front() {
        let mut settings = Settings::default();
        for name in ["a", "b", "a"] {
            settings.remember(recent(name));
        }
        let names: Vec<_> = settings.recent.iter().map(|r| r.path.clone()).collect();
        assert_eq!(names, [PathBuf::from("a"), PathBuf::from("b")]);
    }

    #[test]
    fn a_window_size_that_no_screen_has_is_ignored() {
        let settings = Settings { window_size: Some([f32::NAN, -3.0]), ..Settings::default() };
        assert_eq!(settings.usable_window_size(), None);
    }

    #[test]
    fn a_mistake_in_one_setting_leaves_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let file = SettingsFile::at(&folder.path().join("settings.json"));
        let load = |text: &str| {
            std::fs::write(folder.path().join("settings.json"), text).unwrap();
            file.load()
        };
        let loaded = load(r#"{"theme": "light", "units": "bogus", "editor": "vi {file}", "recent": [1], "new": 2}"#);
        assert_eq!(
            (loaded.theme, loaded.units, &*loaded.editor),
            (ThemeChoice::Light, UnitChoice::Binary, "vi {file}")
        );
        assert_eq!(load("[]"), Settings::default());
        assert_eq!(load("{"), Settings::default());
    }
}
