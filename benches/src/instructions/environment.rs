//! Where counts are valid: what decides which instructions a run comes to, besides our own code.

use super::callgrind::CountError;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display, Formatter};
use std::process::Command;

/// Everything that chooses instructions for us.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Environment {
    /// The compiler, as `rustc -V` says.
    pub compiler: String,
    /// How it compiled: optimised, or with debug assertions.
    pub build: String,
    /// For which machine.
    pub target: String,
    /// Which of its extensions there are, of those by which the C library and the checksums choose their code.
    pub processor: String,
    /// The C library, which copies and allocates.
    pub c_library: String,
    /// What counts: it decides which processor a run believes to be on.
    pub valgrind: String,
}

/// In one respect counts were recorded elsewhere.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Difference {
    what: &'static str,
    recorded: String,
    here: String,
}

impl Display for Difference {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}: recorded with {}, here it is {}", self.what, self.recorded, self.here)
    }
}

impl Environment {
    /// Where this process is.
    ///
    /// # Errors
    ///
    /// [`CountError::NoValgrind`], or what is wrong with the compiler, which must be there for whoever has compiled this.
    pub fn here() -> Result<Self, CountError> {
        let valgrind = output("valgrind", &["--version"]).map_err(CountError::NoValgrind)?;
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let compiler = output(&rustc, &["-V"]).map_err(CountError::NoCompiler)?;
        let build = if cfg!(debug_assertions) { "debug assertions" } else { "optimised" };
        let target = format!("{} {}", std::env::consts::ARCH, std::env::consts::OS);
        // Only glibc says so; with another it is not known, and two of those are not told apart.
        let c_library = output("getconf", &["GNU_LIBC_VERSION"]).unwrap_or_else(|_| "not glibc".to_owned());
        let build = build.to_owned();
        Ok(Self { compiler, build, target, processor: processor(), c_library, valgrind })
    }

    /// In what this differs from where counts were recorded.
    #[must_use]
    pub fn differences(&self, recorded: &Self) -> Vec<Difference> {
        let respects = [
            ("compiler", &self.compiler, &recorded.compiler),
            ("build", &self.build, &recorded.build),
            ("target", &self.target, &recorded.target),
            ("processor", &self.processor, &recorded.processor),
            ("C library", &self.c_library, &recorded.c_library),
            ("valgrind", &self.valgrind, &recorded.valgrind),
        ];
        let differing = respects.into_iter().filter(|(_, here, recorded)| here != recorded);
        differing
            .map(|(what, here, recorded)| Difference { what, recorded: recorded.clone(), here: here.clone() })
            .collect()
    }
}

fn output(program: &str, arguments: &[&str]) -> std::io::Result<String> {
    let output = Command::new(program).args(arguments).output()?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        Err(std::io::Error::other(format!("{program} fails: {}", output.status)))
    }
}

#[cfg(target_arch = "x86_64")]
fn processor() -> String {
    let extensions = [
        ("sse4.2", is_x86_feature_detected!("sse4.2")),
        ("pclmulqdq", is_x86_feature_detected!("pclmulqdq")),
        ("avx2", is_x86_feature_detected!("avx2")),
    ];
    let here: Vec<_> = extensions.into_iter().filter(|(_, is_here)| *is_here).map(|(name, _)| name).collect();
    here.join(" ")
}

#[cfg(not(target_arch = "x86_64"))]
fn processor() -> String {
    "any".to_owned()
}
