// SPDX-License-Identifier: Apache-2.0
//! [`Output`]: where the capture goes.

use crate::error::RunError;
use crate::program::Program;
use memray_settings::PID;
use std::ffi::{CString, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Where the capture goes. In both paths [`PID`] stands for the number of the traced process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// From the root, so that it is the same in any process.
    pub path: PathBuf,
    /// As the user wrote it.
    pub shown_path: PathBuf,
}

impl Output {
    /// Where the user said, else where memray would put it.
    ///
    /// # Errors
    /// [`RunError::Output`] where there is no working folder.
    pub fn new(given: Option<&Path>, program: &Program) -> Result<Self, RunError> {
        let shown_path = given.map_or_else(|| default_path(program), Path::to_owned);
        match std::path::absolute(&shown_path) {
            Ok(path) => Ok(Self { path, shown_path }),
            Err(source) => Err(RunError::Output { path: shown_path, source }),
        }
    }

    /// Refuses a file that is there and one that cannot be made, before anything runs.
    ///
    /// # Errors
    /// [`RunError::OutputExists`] and [`RunError::Output`].
    pub fn check(&self, overwrites: bool) -> Result<(), RunError> {
        let refused = |source| RunError::Output { path: self.shown_path.clone(), source };
        match fs::symlink_metadata(&self.path) {
            Ok(_) if !overwrites => Err(RunError::OutputExists(self.shown_path.clone())),
            Ok(metadata) if metadata.is_dir() => Err(refused(io::Error::from_raw_os_error(libc::EISDIR))),
            Ok(_) => may_write(&self.path, libc::W_OK).map_err(refused),
            Err(_) => {
                let folder = self.path.parent().unwrap_or(Path::new("/"));
                may_write(folder, libc::W_OK | libc::X_OK).map_err(refused)
            }
        }
    }
}

/// memray's name: in the script's folder, of its name and the process's number.
fn default_path(program: &Program) -> PathBuf {
    let (folder, program) = program.folder_and_name();
    let mut name = OsString::from("memray-");
    name.push(program);
    name.push(format!(".{PID}.bin"));
    folder.join(name)
}

fn may_write(path: &Path, access: i32) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: the path ends.
    match unsafe { libc::access(path.as_ptr(), access) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_memrays() {
        let name = |program| default_path(&program).to_str().unwrap().to_owned();
        assert_eq!(name(Program::Script("svc.py".into())), "memray-svc.py.\0.bin");
        assert_eq!(name(Program::Script("/srv/svc.py".into())), "/srv/memray-svc.py.\0.bin");
        assert_eq!(name(Program::Script("../app/".into())), "../memray-app.\0.bin");
        assert_eq!(name(Program::Script("..".into())), "memray-main.\0.bin");
        assert_eq!(name(Program::Script("-".into())), "memray-stdin.\0.bin");
        assert_eq!(name(Program::Module("json.tool".into())), "memray-json.tool.\0.bin");
        assert_eq!(name(Program::Command("print(1/2)".into())), "memray-string.\0.bin");
    }

    #[test]
    fn what_cannot_be_written_is_refused_before_anything_runs() {
        let folder = tempfile::tempdir().unwrap();
        let program = Program::Script("x.py".into());
        let check = |name: &str, overwrites| {
            let path = folder.path().join(name);
            let checked = Output::new(Some(&path), &program).unwrap().check(overwrites);
            checked.map_err(|error| error.to_string().replace(folder.path().to_str().unwrap(), "@"))
        };
        fs::write(folder.path().join("there.bin"), "").unwrap();
        assert_eq!(check("new.bin", false), Ok(()));
        assert_eq!(
            check("there.bin", false),
            Err("Output file @/there.bin already exists. Use --force to overwrite it.".to_owned())
        );
        assert_eq!(check("there.bin", true), Ok(()));
        assert_eq!(
            check("none/new.bin", false),
            Err("Could not create output file @/none/new.bin: No such file or directory".to_owned())
        );
        assert_eq!(check(".", true), Err("Could not create output file @/.: Is a directory".to_owned()));
    }
}
