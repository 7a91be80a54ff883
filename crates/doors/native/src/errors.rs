//! Which errors an operation may answer, for the document.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::{ContentBuilder, Ref, RefOr};

use crate::http::problem::PROBLEM_JSON;

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident: $($status:literal $what:literal),*;)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [
                    ("400", "A name, id, path, parameter or header cannot be accepted."),
                    ("401", "Nobody knows who is asking."),
                    ("403", "The caller may not do this."),
                    ("404", "The workspace that the request names is not found."),
                    $(($status, $what),)*
                    ("429", "The caller sends more requests than they may; `Retry-After` says when to try again."),
                    ("500", "A fault of the server."),
                    ("503", "The database or the object store cannot be used now."),
                ]
                .into_iter()
                .map(|(status, what)| (status.to_owned(), RefOr::T(error(what))))
                .collect()
            }
        }
    )*};
}

errors! {
    /// The errors of the feed of changes.
    FeedErrors: ;
    /// The errors of a read.
    ReadErrors: "404" "Not found.";
    /// The errors of reading a file.
    DownloadErrors: "403" "The file is quarantined; the detail says why.", "404" "Not found.", "412" "A precondition does not hold.",
        "416" "The range is beyond the file.";
    /// The errors of listing the tensors of a file.
    TensorErrors: "403" "The file is quarantined, or one that it names; the detail says why.", "404" "Not found.",
        "409" "The file is not of such a format, it is broken or describes too much, or a file that it names is not there; the detail says which.";
    /// The errors of storing a file.
    UploadErrors: "404" "The parent is not found.",
        "409" "The path has other bytes, or the version is approved, which locks its files.",
        "412" "A precondition does not hold.", "413" "The file is too large.", "415" "The bytes are encoded.",
        "507" "It is more than the quota of the workspace allows.";
    /// The errors of listing files, or of sending them together.
    ListErrors: "403" "A file is quarantined; the detail says which and why.", "404" "Not found.",
        "409" "A file has the path of another file's folder, so that they cannot be archived together.";
    /// The errors of storing the files of an archive.
    UnpackErrors: "404" "The parent is not found.", "409" "A path has other bytes, or the version is approved, which locks its files.",
        "412" "A precondition does not hold.", "413" "A file, the archive, or what it unpacks to is too large.",
        "415" "Not a supported archive format.",
        "507" "It is more than the quota of the workspace allows.";
    /// The errors of making a resumable upload.
    CreateUploadErrors: "404" "The parent, or a part, is not found.",
        "409" "The path has other bytes, a part lacks bytes, or the version is approved.", "410" "A part has expired.",
        "412" "Another version of the protocol.", "413" "The file is too large.",
        "415" "Bytes of another media type.", "423" "Another request writes the upload.",
        "460" "The bytes have another checksum.",
        "507" "It is more than the quota of the workspace allows.";
    /// The errors of adding to a resumable upload.
    PatchUploadErrors: "403" "The upload was put together from its parts.", "404" "Not found.", "409" "The offset is another one, the path has other bytes, or the version is approved.",
        "410" "The upload has expired.", "412" "Another version of the protocol.", "413" "More bytes than the upload has.",
        "415" "Bytes of another media type.", "423" "Another request writes the upload.",
        "460" "The bytes have another checksum.",
        "507" "It is more than the quota of the workspace allows.";
    /// The errors of asking for a resumable upload, or of ending it.
    ResumableErrors: "404" "Not found.", "409" "The path has other bytes, or the version is approved.", "410" "The upload has expired.",
        "412" "Another version of the protocol.", "423" "Another request writes the upload.",
        "507" "It is more than the quota of the workspace allows.";
    /// The errors of beginning a direct upload.
    CreateDirectErrors: "404" "The parent is not found.",
        "409" "The path has other bytes, or direct uploads are disabled.",
        "413" "The file, or the body, is too large.", "415" "The body does not say that it is JSON.",
        "507" "It is more than the quota of the workspace allows.";
    /// The errors of asking for a direct upload, or of completing it.
    DirectErrors: "404" "Not found.", "410" "The upload has expired.",
        "409" "A part has not arrived, the path has other bytes, the version is approved, or direct uploads are disabled.",
        "507" "It is more than the quota of the workspace allows.";
    /// The errors of removing a file.
    DeleteFileErrors: "404" "Not found.", "409" "The version is approved, which locks its files.",
        "412" "A precondition does not hold.";
    /// The errors of removing an alias.
    DeleteAliasErrors: "404" "Not found.", "412" "A precondition does not hold.";
    /// The errors of the next step of an approval.
    ApprovalErrors: "403" "The caller may not do this, or the policy forbids the author to approve.", "404" "Not found.",
        "409" "A file of the version is quarantined, or a protected alias would point at a version that is not approved.",
        "412" "A precondition does not hold.", "413" "The body is too large.",
        "415" "The body does not say that it is JSON.";
    /// The errors of removing a model.
    DeleteModelErrors: "404" "Not found.", "409" "It has versions, or one of them is served or has aliases.",
        "412" "A precondition does not hold.";
    /// The errors of removing a version.
    DeleteVersionErrors: "404" "Not found.", "409" "It is served or has aliases, or the name is ambiguous.",
        "412" "A precondition does not hold.";
    /// The errors of a registration.
    RegisterErrors: "409" "The version, a name or an external id is taken, or the key was used for another request.",
        "413" "The body is too large.", "415" "The body does not say that it is JSON.",
        "507" "It is more than the quota of the workspace allows.";
    /// The errors of a list of a whole workspace.
    ListModelsErrors: ;
    /// The errors of changing a model or version.
    ChangeErrors: "404" "Not found.", "409" "The name is taken.", "412" "A precondition does not hold.",
        "413" "The body is too large.", "415" "The body does not say that it is JSON.",
        "507" "It is more than the quota of the workspace allows.";
    /// The errors of searching runs, and of reading their metrics.
    SearchErrors: "404" "An experiment, or a run, is not found.", "413" "The body is too large.",
        "415" "The body does not say that it is JSON.";
    /// The errors of giving a model another name.
    RenameErrors: "404" "Not found.", "409" "The name is taken.", "412" "A precondition does not hold.",
        "413" "The body is too large.", "415" "The body does not say that it is JSON.";
    /// The errors of copying a version.
    CopyErrors: "404" "The model, the version or the model of the copy is not found.",
        "409" "The name is taken, or the version has what cannot be copied; the detail says what.",
        "412" "A precondition does not hold.", "413" "The body is too large.",
        "415" "The body does not say that it is JSON.", "507" "It is more than the quota of the workspace allows.";
    /// The errors of setting a node back to an earlier revision.
    RevertErrors: "404" "The node is not found, or its record has no such revision.",
        "409" "The node is one that cannot be set back; the detail says why.",
        "412" "A precondition does not hold.", "413" "The body is too large.",
        "415" "The body does not say that it is JSON.", "507" "It is more than the quota of the workspace allows.";
    /// The errors of doing the work of a job again.
    RetryErrors: "404" "Not found.", "409" "It has not failed and was not cancelled, or is of a kind that is not repeated.";
    /// The errors of trying a policy out.
    DryRunErrors: "404" "Not found.", "413" "The body is too large.", "415" "The body does not say that it is JSON.";
    /// The errors of appending points.
    PointErrors: "404" "The run is not found.", "409" "Others keep making metrics of the same names; try again.",
        "413" "The body is too large.", "415" "The body does not say that it is JSON.";
    /// The errors of setting a policy.
    PolicyErrors: "404" "Not found.", "409" "A version that is not approved holds one of the protected aliases.",
        "412" "A precondition does not hold.", "413" "The body is too large.", "415" "The body does not say that it is JSON.";
    /// The errors of starting an import.
    ImportErrors: "409" "The settings name no Geti server.", "413" "The body is too large.",
        "415" "The body does not say that it is JSON.";
    /// The errors of starting an import from a tracking server.
    MlflowImportErrors: "409" "The settings name no tracking server.", "413" "The body is too large.",
        "415" "The body does not say that it is JSON.";
    /// The errors of listing imports.
    ImportListErrors: ;
    /// The errors of calling an import off.
    CancelImportErrors: "404" "Not found.", "409" "It has ended.";
    /// The errors of asking a Geti server.
    SourceErrors: "404" "Not found there.", "409" "The settings name no Geti server.",
        "502" "The Geti server refuses, or cannot be reached; the detail says why.";
    /// The errors of listing what the caller sees anyway.
    AccountListErrors: ;
    /// The errors of listing what not everybody sees.
    AccountSearchErrors: "403" "The caller may not list these.", "404" "What is named is not found.";
    /// The errors of beginning a login with a browser.
    LoginErrors: "404" "Nobody logs in by that issuer.", "409" "Browsers reach the server over the network, and not by https.",
        "502" "The issuer cannot be reached; the detail says which.";
    /// The errors of ending one's session.
    LogoutErrors: ;
    /// The errors of looking something up by its name.
    AccountReadErrors: "404" "Not found.";
    /// The errors of making a workspace, a principal, a binding or a token.
    CreateAccountErrors: "403" "The caller may not do this, or not grant that much.",
        "404" "What is named is not found.", "409" "It is there already, or the state does not allow it; the detail says why.",
        "413" "The body is too large.", "415" "The body does not say that it is JSON.";
    /// The errors of changing one of them.
    UpdateAccountErrors: "404" "Not found.",
        "409" "The state does not allow it; the detail says why.", "413" "The body is too large.",
        "415" "The body does not say that it is JSON.",
        "507" "It is more than the quota of the workspace that it moves to allows.";
    /// The errors of ending one of them.
    EndAccountErrors: "404" "Not found.",
        "409" "Nobody would be left who administers the registry.";
    /// The errors of removing a workspace.
    DeleteWorkspaceErrors: "404" "Not found.",
        "409" "It is not archived for long enough, or something is in it.";
    /// The errors of listing webhooks.
    ListWebhooksErrors: ;
    /// The errors of making a webhook.
    CreateWebhookErrors: "409" "The workspace has as many webhooks as it may have.", "413" "The body is too large.",
        "415" "The body does not say that it is JSON.";
    /// The errors of changing a webhook.
    UpdateWebhookErrors: "404" "Not found.", "413" "The body is too large.", "415" "The body does not say that it is JSON.";
    /// The errors of sending an example to a webhook.
    TestWebhookErrors: "404" "Not found.", "413" "The body is too large.", "415" "The body does not say that it is JSON.";
    /// The errors of keeping a view.
    ViewErrors: "409" "There are as many views as there may be.", "412" "A precondition does not hold.",
        "413" "The body, or the query, is too large.", "415" "The body does not say that it is JSON.";
    /// The errors of setting an alias.
    AliasErrors: "404" "Not found.",
        "409" "A file of the version is quarantined, or the alias is protected and the version is not approved.",
        "412" "A precondition does not hold.", "413" "The body is too large.", "415" "The body does not say that it is JSON.";
}

fn error(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("ProblemDetails"))).build();
    ResponseBuilder::new().description(description).content(PROBLEM_JSON, content).build()
}
