//! Who does something, for the record of changes.

/// Who does something, and in which request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    name: String,
    request_id: Option<String>,
    client_request_id: Option<String>,
}

impl Actor {
    /// An anonymous caller.
    pub fn anonymous(request_id: impl Into<String>) -> Self {
        Self { name: "anonymous".to_owned(), request_id: Some(request_id.into()), client_request_id: None }
    }

    /// Somebody of that name, in that request.
    pub fn new(name: impl Into<String>, request_id: impl Into<String>) -> Self {
        Self { name: name.into(), request_id: Some(request_id.into()), client_request_id: None }
    }

    /// The registry itself, in work that no request asked for.
    pub fn system() -> Self {
        Self { name: "system".to_owned(), request_id: None, client_request_id: None }
    }

    /// The name that the record shows.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same, in a request that its client calls so; that proves nothing, as clients may choose any.
    pub fn with_client_request_id(self, id: Option<&str>) -> Self {
        Self { client_request_id: id.map(str::to_owned), ..self }
    }

    /// What the client calls the request.
    pub fn client_request_id(&self) -> Option<&str> {
        self.client_request_id.as_deref()
    }

    /// The id of the request.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
}
