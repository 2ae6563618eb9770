//! The real programs: found beside the rehearsal's own executable, and built first when run through cargo.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// Where the three programs are.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// `folkmoot-certs`.
    pub certs: PathBuf,
    /// `folkmoot-node`.
    pub node: PathBuf,
    /// `folkmoot-coordinator`.
    pub coordinator: PathBuf,
}

/// The packages and programs, which bear the same names.
const NAMES: [&str; 3] = ["folkmoot-certs", "folkmoot-node", "folkmoot-coordinator"];

impl Binaries {
    /// Finds the programs. When cargo runs the rehearsal it builds only this one program, so the others are built here with the same
    /// profile into the same folder: a rehearsal never plays with stale programs.
    ///
    /// # Errors
    /// When the build fails, or a program is not there and nothing can build it.
    pub fn find() -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("finding the rehearsal's own executable")?;
        let folder = own.parent().context("the rehearsal's executable lies in no folder")?;
        // Tests lie one folder deeper than programs.
        let folder = match folder.parent() {
            Some(above) if folder.ends_with("deps") => above,
            _ => folder,
        };
        if let Some(cargo) = std::env::var_os("CARGO") {
            build(Path::new(&cargo), folder)?;
        }
        let at = |name: &str| {
            let path = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
            if !path.is_file() {
                bail!(
                    "{} is not there: build everything first with `cargo build --release --bins`, or run the rehearsal with \
                     `cargo run --release --bin rehearsal`",
                    path.display()
                );
            }
            Ok(path)
        };
        Ok(Self { certs: at(NAMES[0])?, node: at(NAMES[1])?, coordinator: at(NAMES[2])? })
    }
}

/// Builds the programs with the profile that the folder is named after.
fn build(cargo: &Path, folder: &Path) -> anyhow::Result<()> {
    let mut command = std::process::Command::new(cargo);
    // The whole workspace is named so that libraries have the same features as in the build that made us: none is built twice.
    command.args(["build", "--quiet", "--workspace"]);
    for name in NAMES {
        command.args(["--bin", name]);
    }
    match folder.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => {}
        Some(profile) => {
            command.args(["--profile", profile]);
        }
    }
    if let Some(target) = folder.parent() {
        command.arg("--target-dir").arg(target);
    }
    if let Some(own) = std::env::var_os("CARGO_MANIFEST_DIR")
        && let Some(workspace) = Path::new(&own).parent()
    {
        command.arg("--manifest-path").arg(workspace.join("Cargo.toml"));
    }
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_about_us) {
            command.env_remove(name);
        }
    }
    let status = command.status().context("starting cargo to build the programs")?;
    if !status.success() {
        bail!("cargo could not build the programs; its messages are above");
    }
    Ok(())
}

/// Whether a variable is one of those that `cargo run` and `cargo test` set to describe the program they run. Handed on to the
/// build below they would make it compile half of the tree again, and the next build by hand too: the build scripts of some
/// dependencies (`ring`) read variables of these names, so that cargo sees changed input.
fn is_about_us(name: &str) -> bool {
    const OURS: [&str; 3] = ["CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"];
    const BEGINNINGS: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];
    OURS.contains(&name) || BEGINNINGS.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::is_about_us;

    #[test]
    fn the_inner_build_hears_what_people_set_and_nothing_about_the_outer_one() {
        for ours in ["CARGO_MANIFEST_DIR", "CARGO_MANIFEST_LINKS", "CARGO_PKG_NAME", "CARGO_PKG_VERSION_PRE", "OUT_DIR"]
        {
            assert!(is_about_us(ours), "{ours}");
        }
        for theirs in
            ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_INCREMENTAL", "CARGO_NET_OFFLINE", "CARGO_BUILD_JOBS", "PATH"]
        {
            assert!(!is_about_us(theirs), "{theirs}");
        }
    }
}
