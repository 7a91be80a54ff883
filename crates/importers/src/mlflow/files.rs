//! Files: compared folder by folder, and those that are not here fetched, each checked by its size.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use reqwest::Response;

use super::client::Answer;
use super::failure::Failure;
use super::importing::{Importing, words};
use super::place::{Entry, Place};
use crate::domain::imports::mlflow::{Became, ImportedKind};
use crate::domain::{FilePath, Result};
use crate::registry::jobs::Stopping;
use crate::registry::target::{Precondition, Target};
use crate::registry::tracking::run_files::Folder;
use crate::registry::upload::PutFile;

/// How often a file that breaks off is fetched.
const MAX_FETCHES: u64 = 3;

/// What became of the files of something.
#[derive(Debug, Default)]
pub(super) struct Mirrored {
    /// Whether any was fetched.
    pub(super) is_changed: bool,
    /// Whether any stays there, or may, because the server does not list it.
    is_partial: bool,
}

impl Mirrored {
    /// Whether none stays there.
    pub(super) fn are_all_here(&self) -> bool {
        !self.is_partial
    }
}

impl Importing {
    /// Fetches the files of a place that the folder does not have. What cannot be fetched becomes a remark, and ends nothing.
    pub(super) async fn mirror(&self, place: &Place, folder: &Folder, target: &Target) -> Answer<Mirrored> {
        let mut mirrored = Mirrored::default();
        let mut folders = vec![String::new()];
        while let Some(next) = folders.pop() {
            let entries = match place.list(&self.client, &next).await {
                Ok(entries) => entries,
                Err(failure) if failure.is_of_item => {
                    let why = format!("the files cannot be listed: {}", words(&failure.error));
                    self.say(ImportedKind::File, &shown(folder, &next), why);
                    self.count(ImportedKind::File, Became::Left);
                    mirrored.is_partial = true;
                    continue;
                }
                Err(failure) => return Err(failure),
            };
            let here = if entries.is_empty() { HashMap::new() } else { self.sizes(folder, &next).await? };
            for entry in entries {
                if entry.is_folder {
                    folders.push(entry.path);
                    continue;
                }
                let name = entry.path.rsplit('/').next().unwrap_or_default();
                let became = match here.get(name) {
                    Some(size) if entry.size.is_none_or(|said| said == *size) => Became::Unchanged,
                    _ => self.fetch(place, folder, target, &entry).await?,
                };
                self.count(ImportedKind::File, became);
                mirrored.is_changed |= became == Became::Imported;
                mirrored.is_partial |= became == Became::Left;
            }
        }
        Ok(mirrored)
    }

    /// The sizes of the files that are here at the top of a folder, by their names.
    async fn sizes(&self, folder: &Folder, path: &str) -> Answer<HashMap<String, u64>> {
        let path = Some(path).filter(|path| !path.is_empty()).map(str::parse::<FilePath>);
        // A path that no file can have here has none.
        let Ok(path) = path.transpose() else { return Ok(HashMap::new()) };
        let (_, entries) = self.registry.tracking.list_folder(&self.context, folder, path).await?;
        Ok(entries.into_iter().filter_map(|entry| Some((entry.name, entry.size?))).collect())
    }

    async fn fetch(&self, place: &Place, folder: &Folder, target: &Target, entry: &Entry) -> Answer<Became> {
        let mut fetches = 1;
        loop {
            match self.fetch_once(place, folder, target, entry).await {
                Ok(bytes) => {
                    self.count_bytes(bytes);
                    return Ok(Became::Imported);
                }
                Err(failure) if self.client.stopping.why().is_some() => return Err(failure),
                Err(failure) if failure.is_of_item => {
                    self.say(ImportedKind::File, &shown(folder, &entry.path), words(&failure.error));
                    return Ok(Became::Left);
                }
                Err(failure) if failure.is_retryable() && fetches < MAX_FETCHES => {
                    log::info!("fetched again: {}", failure.error);
                    self.client.pause(Duration::from_secs(fetches)).await?;
                    fetches += 1;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Fetches a file; returns how many bytes it has.
    async fn fetch_once(&self, place: &Place, folder: &Folder, target: &Target, entry: &Entry) -> Answer<u64> {
        let path: FilePath = entry.path.parse()?;
        let response = place.open(&self.client, &entry.path).await?;
        let announced = response.content_length();
        if let (Some(size), Some(announced)) = (entry.size, announced)
            && size != announced
        {
            return Err(Failure::of_item(format!("the server lists {size} bytes, and sends {announced}")));
        }
        let put = PutFile {
            target: target.clone(),
            path,
            media_type: None,
            length: entry.size.or(announced),
            sha256: None,
            precondition: Precondition::Any,
            create: true,
        };
        let body = body(response, self.client.stopping.clone());
        // Boxed, as its type is too deep for the compiler inside of what waits for it.
        let stored = self.registry.files.put_file(&self.context, put, body).boxed().await?;
        if let Some(reason) = &stored.file.quarantine {
            self.say(ImportedKind::File, &shown(folder, &entry.path), format!("it is here, and quarantined: {reason}"));
        }
        Ok(stored.file.blob.size)
    }
}

/// The bytes of a response as they arrive.
fn body(response: Response, stopping: Stopping) -> BoxStream<'static, Result<Bytes>> {
    let next = |(mut response, stopping): (Response, Stopping)| async {
        let read = async { response.chunk().await.map_err(|error| Failure::broken_off(&error).error) };
        let chunk = stopping.or(read).await.transpose()?;
        Some((chunk, (response, stopping)))
    };
    stream::unfold((response, stopping), next).boxed()
}

/// A path in a folder, for people.
fn shown(folder: &Folder, path: &str) -> String {
    let whose = match folder {
        Folder::Run(id) => format!("run {id}"),
        Folder::LoggedModel(id) => format!("logged model {id}"),
        Folder::Numbered(model, number) => format!("version {number} of {model}"),
        _ => "version".to_owned(),
    };
    if path.is_empty() { whose } else { format!("{path} of {whose}") }
}
