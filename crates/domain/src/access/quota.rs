//! How much a workspace holds, and how much it may hold.

use super::WorkspaceId;
use crate::{Error, Result};

/// What is counted of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// The bytes of its files, each with its full size, whether they are stored for others, too.
    Bytes,
    /// Its files.
    Files,
    /// Its registered models, experiments and serving environments.
    Roots,
}

impl Counted {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Bytes, Self::Files, Self::Roots];

    /// The name of its quota.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Files => "files",
            Self::Roots => "roots",
        }
    }

    /// What it counts, in words.
    fn noun(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Files => "files",
            Self::Roots => "registered models, experiments and serving environments",
        }
    }
}

/// How far above which quota a workspace would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// What there would be too much of.
    pub counted: Counted,
    /// How much of it the workspace may hold.
    pub limit: u64,
    /// How much of it the workspace holds.
    pub used: u64,
    /// How much is added.
    pub added: u64,
}

impl Exceeded {
    /// The error for somebody who may know what the workspace may hold, and not what it holds: some of that may be hidden from them.
    pub fn error(self) -> Error {
        let Self { counted, limit, .. } = self;
        let (quota, noun) = (counted.name(), counted.noun());
        Error::quota_exceeded(
            self,
            format!("the quota `{quota}` of the workspace allows {limit} {noun}, and this would be more"),
        )
    }

    /// The error for somebody who may know that, too.
    pub fn error_with_usage(self) -> Error {
        let Self { counted, limit, used, added, .. } = self;
        let (quota, noun) = (counted.name(), counted.noun());
        let message = format!(
            "the quota `{quota}` of the workspace allows {limit} {noun}; {used} are used, and this would add {added}"
        );
        Error::quota_exceeded(self, message)
    }
}

/// What a workspace holds, or what is added to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// The bytes of its files.
    pub bytes: u64,
    /// Its files.
    pub files: u64,
    /// Its registered models, experiments and serving environments.
    pub roots: u64,
}

/// What a workspace may hold; `None` is any number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Quota {
    /// The bytes of its files.
    pub bytes: Option<u64>,
    /// Its files.
    pub files: Option<u64>,
    /// Its registered models, experiments and serving environments.
    pub roots: Option<u64>,
}

impl Quota {
    /// Whether there is no limit at all.
    pub fn is_unlimited(self) -> bool {
        self == Self::default()
    }

    /// Refuses what adds to something of which there is more than allowed then. Of what it adds nothing to, there may be more.
    ///
    /// Errors: QuotaExceeded on the quota.
    pub fn check(self, workspace: WorkspaceId, held: Usage, added: Usage) -> Result<()> {
        let counted = [
            (Counted::Bytes, self.bytes, held.bytes, added.bytes),
            (Counted::Files, self.files, held.files, added.files),
            (Counted::Roots, self.roots, held.roots, added.roots),
        ];
        for (counted, limit, used, added) in counted {
            let Some(limit) = limit else { continue };
            if added > 0 && used.saturating_add(added) > limit {
                return Err(Exceeded { workspace, counted, limit, used, added }.error());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_adds_is_refused() {
        let quota = Quota { bytes: Some(10), files: Some(1), roots: None };
        let held = Usage { bytes: 5, files: 2, roots: 7 };
        let adds = |bytes, files, roots| {
            let checked = quota.check(WorkspaceId(2), held, Usage { bytes, files, roots });
            checked.map_err(|error| error.field().unwrap_or_default().to_owned())
        };
        assert_eq!(adds(5, 0, 1), Ok(()));
        assert_eq!(adds(6, 0, 0), Err("bytes".to_owned()));
        assert_eq!(adds(u64::MAX, 0, 0), Err("bytes".to_owned()));
        assert_eq!(adds(0, 1, 0), Err("files".to_owned()));
        assert!(Quota::default().is_unlimited() && !quota.is_unlimited());
    }

    #[test]
    fn only_who_may_know_it_is_told_what_the_workspace_holds() {
        let exceeded = Exceeded { workspace: WorkspaceId(2), counted: Counted::Bytes, limit: 10, used: 7, added: 4 };
        let (short, whole) = (exceeded.error(), exceeded.error_with_usage());
        assert_eq!(short.message(), "the quota `bytes` of the workspace allows 10 bytes, and this would be more");
        assert_eq!(
            whole.message(),
            "the quota `bytes` of the workspace allows 10 bytes; 7 are used, and this would add 4"
        );
        assert_eq!((short.exceeded(), whole.field()), (Some(exceeded), Some("bytes")));
    }
}
