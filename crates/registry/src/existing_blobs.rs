//! Uploads of bytes that exist already: checks that the object of the existing blob is there before the new object is dropped.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::blobs::Key;
use crate::core::Core;
use crate::domain::{Blob, Damage, ErrorKind, File, Result, Sha256};
use crate::store::blobs;

/// How many objects are checked at once.
const MAX_CONCURRENT: usize = 16;

impl Core {
    /// Checks the objects of existing blobs with these digests, and marks missing or damaged ones, so that linking
    /// the uploaded bytes repairs them. Sends the store one request each.
    pub(super) async fn check_existing_blobs(&self, uploaded: &[(Sha256, Key)]) -> Result<()> {
        let digests: Vec<Sha256> = uploaded.iter().map(|(digest, _)| *digest).collect();
        let known = self.store.read(move |tx| blobs::find_undamaged(tx, &digests)).await?;
        if known.is_empty() {
            return Ok(());
        }
        let own: BTreeMap<Sha256, &Key> = uploaded.iter().map(|(digest, key)| (*digest, key)).collect();
        let others = known.into_iter().filter(|blob| own.get(&blob.sha256).is_none_or(|key| key.as_str() != blob.key));
        let asked = stream::iter(others.map(|blob| async move {
            let damage = self.damage_of(&blob).await?;
            Ok::<_, crate::domain::Error>((blob, damage))
        }));
        let found: Vec<(Blob, Option<Damage>)> = asked.buffer_unordered(MAX_CONCURRENT).try_collect().await?;
        let wrong: Vec<_> = found.into_iter().filter(|(_, damage)| damage.is_some()).collect();
        self.mark(wrong).await
    }

    /// Compares the size of an object with its blob's.
    async fn damage_of(&self, blob: &Blob) -> Result<Option<Damage>> {
        match self.blobs.size(&blob.key.parse()?).await {
            Ok(size) if size == blob.size => Ok(None),
            Ok(_) => Ok(Some(Damage::Damaged)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some(Damage::Missing)),
            Err(error) => Err(error),
        }
    }

    /// Marks the blob of a file as damaged.
    pub(super) async fn mark_damaged(&self, file: &File, damage: Damage) {
        if let Err(error) = self.mark(vec![(file.blob.clone(), Some(damage))]).await {
            log::warn!(blob = file.blob.sha256.to_string().as_str(), error:%; "a blob was not marked as damaged");
        }
    }

    async fn mark(&self, wrong: Vec<(Blob, Option<Damage>)>) -> Result<()> {
        if wrong.is_empty() {
            return Ok(());
        }
        for (blob, damage) in &wrong {
            let damage = damage.map_or("", Damage::name);
            log::error!(blob = blob.sha256.to_string().as_str(), key = blob.key.as_str(), damage; "an object is lost");
        }
        let now = self.now();
        self.store.write(move |tx| blobs::verified(tx, &wrong, now)).await.map(drop)
    }
}
