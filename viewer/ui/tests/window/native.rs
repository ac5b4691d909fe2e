// SPDX-License-Identifier: Apache-2.0
//! Native libraries in the window. `MEMRAY_PYTHON` names a Python that has memray 1.20; `cc` compiles a library.

use crate::driver::Driver;
use egui::Key;
use egui::accesskit::Role;
use egui_kittest::kittest::Queryable as _;
use std::path::PathBuf;
use std::process::Command;

/// With debug information its frames name this file, and not the library.
const LIBRARY: &str = "#include <stdlib.h>\nvoid *keep(size_t size) {\n    return malloc(size);\n}\n";

const PROGRAM: &str = "
import ctypes, pathlib
library = ctypes.CDLL(str(pathlib.Path(__file__).with_name('libkeeper.so')))
library.keep.restype = ctypes.c_void_p
library.keep.argtypes = [ctypes.c_size_t]
kept = [library.keep(1 << 20) for _ in range(5)]
own = bytearray(3 << 20)
";

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_librarys_row_is_found_although_its_frames_name_their_source_file() {
    let python: PathBuf = std::env::var_os("MEMRAY_PYTHON").expect("set MEMRAY_PYTHON").into();
    let folder = tempfile::tempdir().unwrap();
    let [source, library, program, capture] =
        ["keeper.c", "libkeeper.so", "program.py", "capture.bin"].map(|name| folder.path().join(name));
    std::fs::write(&source, LIBRARY).unwrap();
    std::fs::write(&program, PROGRAM).unwrap();
    run(Command::new("cc").args(["-g", "-O0", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source));
    run(Command::new(python).args(["-m", "memray", "run", "--native", "-q", "-o"]).arg(&capture).arg(&program));

    let mut driver = Driver::open_path(&capture);
    driver.press(Key::Num2);
    driver.click(Role::ComboBox, "Group by");
    driver.click(Role::Button, "Native library");
    driver.click(Role::Row, "libkeeper.so 5.00 MiB");
    assert!(driver.is_on(Role::Row, "libkeeper.so 5.00 MiB"));
    assert!(driver.shows_part("live at the peak 5.00 MiB"));
    assert!(driver.shows_part("own 5.00 MiB"));
    // The selected frame of the icicle is the one that allocates, which names its source file.
    driver.press(Key::Num1);
    driver.harness.get_by_role_and_label(Role::TreeItem, "keep keeper.c:3");
    assert!(driver.shows_part("live at the peak 5.00 MiB"));
}
