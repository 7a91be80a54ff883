//! Which check is taken out, in the copy of the source that `tests/mutation` makes. No other has this module.
#![allow(missing_docs)]

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::sync::{LazyLock, Mutex};

use crate::access::{Permissions, Workspaces};

/// Whether it is that one. Where a file is named, it gets the numbers of all that are asked for, each once.
pub fn is_out(number: u32) -> bool {
    static CHOSEN: LazyLock<Option<u32>> =
        LazyLock::new(|| std::env::var("MODELPORT_MUTANT").ok().and_then(|number| number.parse().ok()));
    static REACHED: LazyLock<Option<Mutex<(BTreeSet<u32>, File)>>> = LazyLock::new(|| {
        let path = std::env::var("MODELPORT_MUTANTS_REACHED").ok()?;
        File::options().create(true).append(true).open(path).ok().map(|file| Mutex::new((BTreeSet::new(), file)))
    });
    if let Some(reached) = &*REACHED
        && let Ok(mut reached) = reached.lock()
        && reached.0.insert(number)
    {
        let _ = writeln!(reached.1, "{number}");
    }
    *CHOSEN == Some(number)
}

/// What is taken out is a set of permissions: then it is all of them.
pub fn all_if(number: u32, permissions: Permissions) -> Permissions {
    if is_out(number) { Permissions::ALL } else { permissions }
}

/// No workspace.
pub fn none() -> &'static Workspaces {
    static NONE: LazyLock<Workspaces> = LazyLock::new(|| Workspaces::These(Default::default()));
    &NONE
}
