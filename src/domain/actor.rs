//! Who does something, for the record of changes.

/// Who does something, and in which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    name: String,
    request_id: Option<String>,
}

impl Actor {
    /// Somebody who did not say who they are.
    pub fn anonymous(request_id: impl Into<String>) -> Self {
        Self { name: "anonymous".to_owned(), request_id: Some(request_id.into()) }
    }

    /// The registry itself, in work that no request asked for.
    pub fn system() -> Self {
        Self { name: "system".to_owned(), request_id: None }
    }

    /// The name that the record shows.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the request.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
}
