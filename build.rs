// SPDX-License-Identifier: Apache-2.0
//! Builds the tracer that the command carries: a shared library of its own profile, in a target folder of its own.
//!
//! `MEMRAY_VIEW_TRACER_LIBRARY` names one that is built already: for releases, whose tracer is built against an old C
//! library.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names a tracer that is built already.
const LIBRARY: &str = "MEMRAY_VIEW_TRACER_LIBRARY";

/// What the tracer is made of.
const SOURCES: [&str; 5] = ["Cargo.toml", "Cargo.lock", "capture/format", "capture/settings", "capture/tracer"];

/// Settings of this build that another profile and another package must not get.
const NOT_PASSED_ON: [&str; 3] = ["RUSTC_WORKSPACE_WRAPPER", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET"];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-env-changed={LIBRARY}");
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("CARGO_CFG_TARGET_OS")? != "linux" {
        return Ok(());
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let library = match env::var_os(LIBRARY) {
        Some(library) => {
            println!("cargo:rerun-if-changed={}", Path::new(&library).display());
            library.into()
        }
        None => {
            SOURCES.iter().for_each(|source| println!("cargo:rerun-if-changed={source}"));
            build(&out.join("tracer"))?
        }
    };
    let bytes = fs::read(&library).map_err(|error| format!("{}: {error}", library.display()))?;
    fs::write(out.join("memray-view-tracer.so"), &bytes)?;
    println!("cargo:rustc-env=MEMRAY_VIEW_TRACER_ID={:016x}", hash(&bytes));
    Ok(())
}

/// Builds the tracer with the cargo and the locked dependencies of this build; its job slots are shared through the
/// environment. Returns the library.
fn build(target_folder: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let target = env::var("TARGET")?;
    let mut cargo = Command::new(env::var_os("CARGO").ok_or("CARGO is not set")?);
    cargo
        .current_dir(env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?)
        .args(["build", "--locked", "--profile", "tracer", "--package", "memray-tracer", "--lib"])
        .args(["--target", &target, "--target-dir"])
        .arg(target_folder);
    for name in NOT_PASSED_ON {
        cargo.env_remove(name);
    }
    // Another feature's or package's settings of the script that runs now.
    for (name, _) in env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_FEATURE_") {
            cargo.env_remove(name);
        }
    }
    let status = cargo.status()?;
    if !status.success() {
        return Err(format!("the tracer was not built: {status}").into());
    }
    Ok(target_folder.join(target).join("tracer/libmemray_tracer.so"))
}

/// FNV-1a: tells builds apart.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
