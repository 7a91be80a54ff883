//! Files that arrive in numbered parts, in any order and several at once, from clients that know neither how long the file is nor who they are:
//! whoever begins the upload gets a secret, and with it parts are sent until the upload expires.
//!
//! Such an upload is a row like those of other resumable uploads, which has the lease and the expiry but no bytes; `parts` stores these, each as
//! a partial upload. At its end they are put together as those of a concatenation are.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lease::Lease;
use super::{is_upload_id, not_found, owned, signed, unsigned, without_target};
use crate::blobs::{BodySize, Key};
use crate::context::RequestContext;
use crate::domain::access::{WorkspaceId, hash_of_text, is_same_hash};
use crate::domain::{Error, ErrorKind, FilePath, Millis, Result, Sha256};
use crate::placement::{limit, resolve_target};
use crate::quotas::check_room;
use crate::services::Files;
use crate::store::multipart::{self as rows, ArrivedPart, Multipart};
use crate::store::resumable::{self, Resumable};
use crate::store::uploads;
use crate::target::{Precondition, Target};
use crate::transaction::ReadTransaction;
use crate::upload::{PutFile, ResumableUpdate, check_length};

/// The most parts that a file may have, as S3 has it.
pub const MAX_PARTS: u64 = 10_000;

/// What `concat` says of the row of an upload in parts.
const MULTIPART: &str = "multipart";

/// The length of a file of which nobody has said how long it is.
const UNKNOWN_LENGTH: i64 = i64::MAX;

/// The field of an error about the parts of a file.
const PARTS: &str = "parts";

/// An upload in parts that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MultipartUpload {
    /// Its id.
    pub id: String,
    /// What lets whoever has it send parts. It is kept nowhere.
    pub secret: String,
    /// When it expires, with all that has arrived.
    pub expires_at: Millis,
}

/// A part as whoever ends the upload knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaggedPart {
    /// Its number, from 1.
    pub number: u64,
    /// The tag that it was answered with: the digest of its bytes.
    pub tag: String,
}

/// Whether the row is that of an upload in parts.
pub(super) fn is_multipart(row: &Resumable) -> bool {
    row.concat.as_deref() == Some(MULTIPART)
}

impl Files {
    /// Begins an upload in so many parts of a file that replaces whatever is at that path of the target, which is not a version.
    ///
    /// Errors: InvalidArgument for more than [`MAX_PARTS`]; as those of a plain upload.
    pub async fn create_multipart(
        &self,
        context: &RequestContext,
        target: &Target,
        path: &FilePath,
        parts: u64,
    ) -> Result<MultipartUpload> {
        if parts > MAX_PARTS {
            return Err(Error::invalid(PARTS, format!("a file has up to {MAX_PARTS} parts, not {parts}")));
        }
        self.core.check_store()?;
        let secret = new_secret()?;
        let expires_at = context.now().saturating_add(self.expiry());
        let row = owned(
            context,
            Resumable {
                path: path.to_string(),
                concat: Some(MULTIPART.to_owned()),
                ..without_target(&Key::new_upload(), UNKNOWN_LENGTH, (context.now(), expires_at))
            },
        );
        let multipart = Multipart {
            upload_id: row.id.clone(),
            target: target.stored()?,
            parts: signed(parts),
            secret: hash_of_text(&secret),
            token_id: context.origin().token.map(|token| token.0),
        };
        let (id, target) = (row.id.clone(), target.clone());
        self.core
            .write(context, move |tx| {
                resolve_target(tx, &target, true)?;
                uploads::insert(tx, &row.key, expires_at)?;
                resumable::insert(tx, &row)?;
                rows::insert(tx, &multipart)
            })
            .await?;
        Ok(MultipartUpload { id, secret, expires_at })
    }

    /// Makes the file of the parts, of which the caller says the tags. Continues when the caller has gone, who can then ask again; asked again
    /// of a file that has been made, it does nothing.
    ///
    /// Errors: NotFound where there is no such upload to that path of the target; InvalidArgument where a part has not arrived, or has another
    /// tag; Unavailable while another request does the same; those of the end of any upload, after which all parts are still there.
    pub async fn complete_multipart(
        &self,
        context: &RequestContext,
        id: &str,
        (target, path): (&Target, &FilePath),
        said: Vec<TaggedPart>,
    ) -> Result<()> {
        let (row, multipart) = self.multipart(context, id, (target, path)).await?;
        if row.finished_at.is_some() {
            return Ok(());
        }
        let (files, context) = (self.clone(), context.in_workspace(WorkspaceId(row.workspace_id)));
        let put = PutFile {
            target: target.clone(),
            path: path.clone(),
            media_type: None,
            length: None,
            sha256: None,
            precondition: Precondition::Any,
            create: true,
        };
        let task = tokio::spawn(async move {
            let lease = files.lease(&context, &row.id).await.map_err(in_progress)?;
            let made = files.put_parts_together(&context, put, (&row, &multipart), (said, &lease)).await;
            lease.release().await;
            made?;
            // The answer does not wait for this; what a crash leaves has expired by now.
            tokio::spawn(async move {
                if let Err(error) = files.remove_parts(&context, &row.id).await {
                    log::warn!(upload = row.id, error:%; "parts of a file are left for the collector");
                }
            });
            Ok(())
        });
        task.await.map_err(|error| Error::unavailable("the server is stopping").caused_by(error))?
    }

    /// Gives an upload up, with all parts that have arrived. A file that has been made stays.
    ///
    /// Errors: NotFound where there is no such upload to that path of the target; Locked while its parts are put together.
    pub async fn abort_multipart(&self, context: &RequestContext, id: &str, of: (&Target, &FilePath)) -> Result<()> {
        let (row, _) = self.multipart(context, id, of).await?;
        if row.finished_at.is_some() {
            return Ok(());
        }
        // The lease is kept: no more parts are taken.
        let lease = self.lease(context, id).await?;
        let removed = async {
            self.remove_parts(context, id).await?;
            self.remove_resumable(context, id, &row.key, Millis::MAX).await
        };
        let removed = lease.with_heartbeats(removed).await;
        if removed.is_err() {
            lease.release().await;
        }
        removed
    }

    /// The upload of that id, where the caller has one to that path of the target.
    async fn multipart(
        &self,
        context: &RequestContext,
        id: &str,
        (target, path): (&Target, &FilePath),
    ) -> Result<(Resumable, Multipart)> {
        let row = self.any_row(context, id).await?;
        let (wanted, stored) = (row.id.clone(), target.stored()?);
        let found = self.core.read(context, move |tx| rows::find(tx, &wanted)).await?;
        let found = found.filter(|found| found.target == stored && row.path == path.as_str());
        Ok((row, found.ok_or_else(|| not_found(id))?))
    }

    async fn put_parts_together(
        &self,
        context: &RequestContext,
        mut put: PutFile,
        (row, multipart): (&Resumable, &Multipart),
        (said, lease): (Vec<TaggedPart>, &Lease),
    ) -> Result<()> {
        // Another request may have done the same since the row was read.
        if self.any_row(context, &row.id).await?.finished_at.is_some() {
            return Ok(());
        }
        let (policy, quotas) = (Arc::clone(&self.core.policy), Arc::clone(&self.core.quotas));
        let (key, now, total) = (Key::new_upload(), context.now(), unsigned(multipart.parts));
        let (id, held, object, asked) = (row.id.clone(), row.key.clone(), key.to_string(), put.clone());
        let expires_at = now.saturating_add(self.expiry());
        let (keys, length) = self
            .core
            .write(context, move |tx| {
                let target = resolve_target(tx, &asked.target, true)?;
                let arrived = rows::parts(tx, &id)?;
                check_parts(&said, &arrived, total)?;
                let length = arrived.iter().fold(0, |sum: u64, part| sum.saturating_add(unsigned(part.length)));
                check_length(Some(length), limit(tx, &policy, &target)?)?;
                check_room(tx, &quotas, (&target, &asked.path), Some(length))?;
                uploads::insert(tx, &object, now)?;
                // The collector takes none of them meanwhile.
                uploads::record_heartbeat(tx, &held, expires_at)?;
                resumable::extend_expiry(tx, &id, expires_at)?;
                rows::expire_parts(tx, &id, expires_at)?;
                let keys = arrived.iter().filter(|part| part.length > 0).map(|part| part.key.parse());
                Ok((keys.collect::<Result<Vec<Key>>>()?, length))
            })
            .await?;
        put.length = Some(length);
        let made = lease.with_heartbeats(async {
            let size = BodySize { exact: put.length, at_most: None };
            let stored = self.with_heartbeat(&key, self.core.blobs.put(&key, size, self.bytes_of(keys))).await?;
            let update = ResumableUpdate::FinishParts { id: row.id.clone(), key: row.key.clone() };
            self.finish_upload(context, &put, &key, stored, update).await
        });
        self.with_guard(&key, made).await.map(drop)
    }

    async fn remove_parts(&self, context: &RequestContext, id: &str) -> Result<()> {
        let wanted = id.to_owned();
        for part in self.core.read(context, move |tx| rows::parts(tx, &wanted)).await? {
            self.remove_resumable(context, &part.id, &part.key, Millis::MAX).await?;
        }
        Ok(())
    }
}

/// The upload in parts of that id, for whoever presents its secret. A wrong secret is the same error as no upload.
///
/// Errors: NotFound.
pub(super) fn with_secret(tx: &mut ReadTransaction<'_, '_>, id: &str, secret: &str) -> Result<(Resumable, Multipart)> {
    let found = if is_upload_id(id) { rows::find(tx, id)? } else { None };
    let found = found.filter(|found| is_same_hash(&found.secret, &hash_of_text(secret)));
    let multipart = found.ok_or_else(|| not_found(id))?;
    let row = resumable::find(tx, id)?.ok_or_else(|| not_found(id))?;
    Ok((row, multipart))
}

/// Compares the parts that have arrived with those that the caller knows.
fn check_parts(said: &[TaggedPart], arrived: &[ArrivedPart], total: u64) -> Result<()> {
    let refuse = |why: String| Err(Error::invalid(PARTS, why));
    let mut tags = BTreeMap::new();
    for part in said {
        if !(1..=total).contains(&part.number) {
            return refuse(format!("there is no part `{}`: the upload has {total}", part.number));
        }
        if tags.insert(part.number, part.tag.trim_matches('"')).is_some() {
            return refuse(format!("part `{}` is named twice", part.number));
        }
    }
    let digests: BTreeMap<u64, Sha256> = arrived.iter().map(|part| (unsigned(part.number), part.sha256)).collect();
    for number in 1..=total {
        let Some(tag) = tags.get(&number) else { return refuse(format!("part `{number}` of {total} is not named")) };
        let Some(digest) = digests.get(&number) else {
            return refuse(format!("part `{number}` of {total} has not arrived"));
        };
        if digest.to_string() != *tag {
            return refuse(format!("part `{number}` has the etag `{digest}`, not `{}`", tag.escape_debug()));
        }
    }
    Ok(())
}

/// Clients repeat it until the other request has ended.
fn in_progress(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Locked => {
            Error::unavailable("another request is putting the parts of this upload together").caused_by(error)
        }
        _ => error,
    }
}

/// A new secret, from the operating system's random numbers.
fn new_secret() -> Result<String> {
    let mut random = [0; 32];
    getrandom::fill(&mut random)
        .map_err(|error| Error::internal("the operating system has no random numbers").caused_by(error))?;
    Ok(Sha256::from_bytes(random).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_must_be_those_that_were_sent() {
        let digest = Sha256::of(b"one");
        let arrived = |number| ArrivedPart { number, id: String::new(), key: String::new(), length: 3, sha256: digest };
        let said = |number, tag: &str| TaggedPart { number, tag: tag.to_owned() };
        let (tag, quoted) = (digest.to_string(), format!("\"{digest}\""));
        let both = [arrived(1), arrived(2)];
        check_parts(&[said(2, &quoted), said(1, &tag)], &both, 2).unwrap();
        check_parts(&[], &[], 0).unwrap();
        for (said, arrived, problem) in [
            (vec![said(1, &tag)], &both[..], "part `2` of 2 is not named"),
            (vec![said(1, &tag), said(2, &tag)], &both[..1], "part `2` of 2 has not arrived"),
            (vec![said(1, &tag), said(2, "")], &both[..], "part `2` has the etag"),
            (vec![said(1, &tag), said(1, &tag)], &both[..], "part `1` is named twice"),
            (vec![said(1, &tag), said(2, &tag), said(3, &tag)], &both[..], "there is no part `3`: the upload has 2"),
            (vec![said(0, &tag)], &both[..], "there is no part `0`"),
        ] {
            let error = check_parts(&said, arrived, 2).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::InvalidArgument, Some(PARTS)));
            assert!(error.message().contains(problem), "{error}");
        }
    }
}
