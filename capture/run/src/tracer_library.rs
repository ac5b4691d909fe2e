// SPDX-License-Identifier: Apache-2.0
//! [`TracerLibrary`]: the shared library that is loaded into the program, and how it is found.
//!
//! An installed tree has it as a file, which must be of the command's version. A command that was built or installed by itself
//! carries it, and unpacks it into the user's cache; what lies there is compared with what it carries before it is used.

use crate::error::RunError;
use crate::scratch::{Scratch, is_preloadable};
use memray_settings::{VERSION, tracer_version_in};
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// The file's name in an installed tree. It is not the one that cargo builds, so that a debug build beside a debug build
/// is not taken for it.
const FILE_NAME: &str = "memray-view-tracer.so";

/// Names another library, for tests.
const VARIABLE: &str = "MEMRAY_VIEW_TRACER";

/// The library that a command carries.
#[derive(Clone, Copy, Debug)]
pub struct Embedded {
    /// Its content.
    pub bytes: &'static [u8],
    /// What tells it from that of other builds.
    pub id: &'static str,
}

/// The shared library that is loaded into the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracerLibrary {
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    File(PathBuf),
    /// To be written where the program's other files of a moment are.
    Unpacked(&'static [u8]),
}

impl TracerLibrary {
    /// Finds it: where the user says, beside the command, where an installed tree has it, or unpacked. What is found first
    /// is taken or refused, never passed over: of two versions that lie together neither is what the user meant to install.
    ///
    /// # Errors
    /// [`RunError::Tracer`], [`RunError::OtherTracer`]
    pub fn find(embedded: Option<Embedded>) -> Result<Self, RunError> {
        let cache = directories::ProjectDirs::from("", "", "memray-view").map(|dirs| dirs.cache_dir().join("tracer"));
        let command = std::env::current_exe().ok();
        Self::find_in(std::env::var_os(VARIABLE).as_deref(), command.as_deref(), cache.as_deref(), embedded)
    }

    fn find_in(
        named: Option<&OsStr>,
        command: Option<&Path>,
        cache: Option<&Path>,
        embedded: Option<Embedded>,
    ) -> Result<Self, RunError> {
        if let Some(named) = named {
            let path = std::path::absolute(named).unwrap_or_else(|_| named.into());
            return Self::of_this_version(path);
        }
        let folder = command.and_then(Path::parent);
        let installed = ["", "../lib/memray-view"].into_iter().filter_map(|at| Some(folder?.join(at).join(FILE_NAME)));
        if let Some(path) = installed.into_iter().find(|path| path.is_file()) {
            return Self::of_this_version(path);
        }
        let Some(embedded) = embedded else {
            return Err(RunError::Tracer(format!("{FILE_NAME} is not beside memray-view, nor in ../lib/memray-view")));
        };
        // Where there is no cache to keep it in, it is unpacked for this run.
        let kept = cache.and_then(|folder| unpack(folder, embedded).ok());
        Ok(kept.map_or(Self { place: Place::Unpacked(embedded.bytes) }, Self::at))
    }

    /// The library in a file that something else has put there.
    fn of_this_version(path: PathBuf) -> Result<Self, RunError> {
        let content = fs::read(&path).map_err(|error| RunError::Tracer(format!("{}: {error}", path.display())))?;
        match tracer_version_in(&content) {
            Some(VERSION) => Ok(Self::at(path)),
            other => Err(RunError::OtherTracer { version: other.map(str::to_owned), path }),
        }
    }

    fn at(path: PathBuf) -> Self {
        Self { place: Place::File(path) }
    }

    /// A path of it that `LD_PRELOAD` can name.
    pub(crate) fn preloadable(&self, scratch: &Scratch) -> Result<PathBuf, RunError> {
        let failed = |error: io::Error| RunError::Tracer(error.to_string());
        let path = scratch.path(FILE_NAME);
        match &self.place {
            Place::File(file) if is_preloadable(file) => return Ok(file.clone()),
            Place::File(file) => symlink(file, &path).map_err(failed)?,
            Place::Unpacked(bytes) => fs::write(&path, bytes).map_err(failed)?,
        }
        Ok(path)
    }
}

/// The library's file in a folder of the user's own, written unless it is there as it must be.
fn unpack(folder: &Path, embedded: Embedded) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let metadata = fs::metadata(folder)?;
    // SAFETY: there is nothing to it.
    if metadata.uid() != unsafe { libc::geteuid() } {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied));
    }
    if metadata.mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    let path = folder.join(format!("memray-view-tracer-{}-{}.so", env!("CARGO_PKG_VERSION"), embedded.id));
    if fs::read(&path).is_ok_and(|bytes| bytes == embedded.bytes) {
        return Ok(path);
    }
    let partial = folder.join(format!("{}.{}.partial", embedded.id, std::process::id()));
    let written = File::create(&partial).and_then(|mut file| file.write_all(embedded.bytes));
    let placed = written.and_then(|()| fs::rename(&partial, &path));
    if placed.is_err() {
        // The failure matters more than a leftover.
        let _ = fs::remove_file(&partial);
    }
    placed.map(|()| path)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const EMBEDDED: Embedded = Embedded { bytes: b"\x7fELF and so on", id: "0123456789abcdef" };

    /// What a tracer's file holds of its version.
    const TRACER: &str = concat!("\x7fELF memray-view's tracer ", env!("CARGO_PKG_VERSION"), "\0");

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_tree_has_it_beside_the_command_or_in_its_lib() {
        let tree = tempfile::tempdir().unwrap();
        let path = |name: &str| tree.path().join(name);
        fs::create_dir_all(path("bin")).unwrap();
        fs::create_dir_all(path("lib/memray-view")).unwrap();
        let find = || TracerLibrary::find_in(None, Some(&path("bin/memray-view")), None, None);
        assert!(matches!(find(), Err(RunError::Tracer(_))));
        fs::write(path("lib/memray-view/memray-view-tracer.so"), TRACER).unwrap();
        assert_eq!(find().unwrap(), TracerLibrary::at(path("bin/../lib/memray-view/memray-view-tracer.so")));
        fs::write(path("bin/memray-view-tracer.so"), TRACER).unwrap();
        assert_eq!(find().unwrap(), TracerLibrary::at(path("bin/memray-view-tracer.so")));
    }

    #[test]
    fn one_that_is_named_goes_before_all_and_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let named = folder.path().join("libmemray_tracer.so");
        let find = || TracerLibrary::find_in(Some(named.as_os_str()), None, None, Some(EMBEDDED));
        assert!(matches!(find(), Err(RunError::Tracer(_))));
        fs::write(&named, TRACER).unwrap();
        assert_eq!(find().unwrap(), TracerLibrary::at(named.clone()));
    }

    #[test]
    fn one_of_another_version_is_refused_and_not_passed_over() {
        let tree = tempfile::tempdir().unwrap();
        let command = tree.path().join("memray-view");
        let installed = tree.path().join("memray-view-tracer.so");
        for (content, said) in [
            (TRACER.replace(VERSION, "0.0.9"), "is the tracer of version 0.0.9"),
            ("\x7fELF".to_owned(), "is not its tracer"),
        ] {
            fs::write(&installed, content).unwrap();
            for (named, command) in [(None, Some(command.as_path())), (Some(installed.as_os_str()), None)] {
                let refused = TracerLibrary::find_in(named, command, None, Some(EMBEDDED)).unwrap_err().to_string();
                assert_eq!(
                    refused,
                    format!(
                        "{} {said}, and memray-view is of version {VERSION}: install both anew from one package",
                        installed.display()
                    )
                );
            }
        }
    }

    #[test]
    fn one_that_is_carried_is_unpacked_once_and_never_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("memray-view/tracer");
        let find = || TracerLibrary::find_in(None, None, Some(&cache), Some(EMBEDDED)).unwrap();
        let TracerLibrary { place: Place::File(path) } = find() else { unreachable!("the cache can be written") };
        assert_eq!(fs::read(&path).unwrap(), EMBEDDED.bytes);
        assert_eq!(mode(&cache), 0o700);
        let first = fs::metadata(&path).unwrap().ino();
        assert_eq!(find(), TracerLibrary::at(path.clone()));
        assert_eq!(fs::metadata(&path).unwrap().ino(), first, "it is not written again");
        fs::write(&path, "something else").unwrap();
        fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
        find();
        assert_eq!(fs::read(&path).unwrap(), EMBEDDED.bytes);
        assert_eq!(mode(&cache), 0o700);
        assert_eq!(fs::read_dir(&cache).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn without_a_cache_it_is_unpacked_for_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let no_folder = folder.path().join("file");
        fs::write(&no_folder, "").unwrap();
        for cache in [None, Some(no_folder.as_path())] {
            let library = TracerLibrary::find_in(None, None, cache, Some(EMBEDDED)).unwrap();
            let scratch = Scratch::new().unwrap();
            let path = library.preloadable(&scratch).unwrap();
            assert_eq!(fs::read(&path).unwrap(), EMBEDDED.bytes);
            drop(scratch);
            assert!(!path.exists());
        }
    }

    #[test]
    fn a_path_that_the_linker_would_take_apart_is_named_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = Scratch::new().unwrap();
        let plain = folder.path().join("a.so");
        fs::write(&plain, "").unwrap();
        assert_eq!(TracerLibrary::at(plain.clone()).preloadable(&scratch).unwrap(), plain);
        let odd = folder.path().join("my: $ORIGIN.so");
        fs::write(&odd, "odd").unwrap();
        let path = TracerLibrary::at(odd).preloadable(&scratch).unwrap();
        assert!(is_preloadable(&path));
        assert_eq!(fs::read(&path).unwrap(), b"odd");
    }
}
