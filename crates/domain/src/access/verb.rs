//! What a request asks for, in the words of Kubernetes.

/// What somebody does, in the words of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Read one thing, or the bytes of one.
    Get,
    /// Read several things.
    List,
    /// Make something.
    Create,
    /// Replace something.
    Update,
    /// Change something.
    Patch,
    /// Remove something.
    Delete,
}

impl Verb {
    /// Its name in rules.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}
