//! What a registered model of the old deployment is here: its tags as a record, and what of them could not be kept.
//!
//! The old service stored any text and read it with Python's evaluator, so that one odd value broke its lists. Here an odd
//! value is kept as the property that it was, is shown as absent, and is remarked upon.

use std::convert::Infallible;

use serde_json::Value as Json;

use crate::domain::mlflow::RegisteredModel;
use crate::domain::record::{DEFAULT_PRECISION, Details, DetailsSource, Identity, RecordDraft, RecordId};
use crate::domain::{FilePath, Result, Sha256, date, literal};

/// The version of a record that says none.
const NO_VERSION: &str = "none";
/// The file of a record whose own cannot be one's name.
const DEFAULT_FILE: &str = "model.zip";
/// How much of an odd value is shown.
const SHOWN: usize = 60;

/// A record to be made, where its archive is, and what is odd about it.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) id: RecordId,
    pub(super) draft: RecordDraft,
    pub(super) path: FilePath,
    /// The name of its object; `None` when the record does not say it.
    pub(super) object: Option<String>,
    /// How many bytes it says that it has.
    pub(super) size: Option<u64>,
    pub(super) remarks: Vec<String>,
}

/// Reads a registered model. Errors: none that a model could make.
pub(super) fn read(model: &RegisteredModel) -> Result<Read> {
    let mut tags = Tags { model, remarks: Vec::new() };
    let id = tags.id()?;
    let object = tags.said("file_url").and_then(|url| object(&url));
    let path = tags.path(object.as_deref())?;
    let draft = RecordDraft {
        id: Some(id.clone()),
        identity: Identity {
            project_id: tags.said("project_id"),
            project_name: tags.said("project_name"),
            name: tags.needed("name", id.as_str()),
            version: tags.needed("version", NO_VERSION),
            precision: tags.precision(),
        },
        // The size is that of the bytes, unless it turns out to be another.
        details: Details { size: None, ..details(&mut tags) },
        times: tags.times(),
    };
    let size = tags.said("size").and_then(|size| size.trim().parse().ok());
    Ok(Read { id, draft, path, object, size, remarks: tags.remarks })
}

fn details(tags: &mut Tags<'_>) -> Details {
    let Ok(details) = Details::read(tags);
    details
}

/// The object's name in `minio://BUCKET/NAME`.
fn object(url: &str) -> Option<String> {
    let (_, place) = url.split_once("://")?;
    let (_, name) = place.split_once('/')?;
    (!name.is_empty()).then(|| name.to_owned())
}

struct Tags<'a> {
    model: &'a RegisteredModel,
    remarks: Vec<String>,
}

impl Tags<'_> {
    /// What a tag says; nothing where it is empty.
    fn said(&self, name: &str) -> Option<String> {
        self.model.tags.get(name).filter(|text| !text.is_empty()).cloned()
    }

    fn needed(&mut self, name: &str, instead: &str) -> String {
        self.said(name).unwrap_or_else(|| {
            self.remarks.push(format!("it has no {name}; here it is `{instead}`"));
            instead.to_owned()
        })
    }

    fn odd(&mut self, name: &str, text: &str, why: &str) {
        let shown: String = text.chars().take(SHOWN).collect();
        self.remarks.push(format!("`{name}` is {why}: `{}`", shown.escape_debug()));
    }

    /// Its id, or one that is made of it and is the same each time.
    fn id(&mut self) -> Result<RecordId> {
        let old = self.model.name.as_str();
        if let Some(id) = old.parse::<RecordId>().ok().filter(|id| id.node().is_none()) {
            return Ok(id);
        }
        let id = format!("edge-{}", Sha256::of(old.as_bytes()));
        self.odd("id", old, &format!("not an id that a client can ask for; here it is `{id}`"));
        id.parse()
    }

    /// The name of its archive, without folders.
    fn path(&mut self, object: Option<&str>) -> Result<FilePath> {
        let name = object.and_then(|object| object.rsplit('/').next()).unwrap_or(DEFAULT_FILE);
        name.parse().or_else(|_| {
            self.odd("file_url", name, &format!("not a file name; here it is `{DEFAULT_FILE}`"));
            DEFAULT_FILE.parse()
        })
    }

    fn precision(&mut self) -> Vec<String> {
        let Some(text) = self.said("precision") else { return vec![DEFAULT_PRECISION.to_owned()] };
        let Some(items) = literal::list(&text) else {
            self.odd("precision", &text, "not a list; here it is the only item of one");
            return vec![text];
        };
        items.into_iter().map(|item| item.as_str().map_or_else(|| item.to_string(), ToOwned::to_owned)).collect()
    }

    fn times(&mut self) -> Option<(i64, i64)> {
        let said = self.said("last_updated_date");
        let read = said.as_deref().and_then(date::read);
        if let (Some(text), None) = (&said, read) {
            self.odd("last_updated_date", text, "not a date; the database's date is used");
        }
        let updated = read.or(self.model.updated_at);
        let created = self.model.created_at.or(updated)?;
        Some((created, updated.unwrap_or(created)))
    }
}

impl DetailsSource for Tags<'_> {
    type Error = Infallible;

    fn text(&mut self, name: &str) -> Result<Option<String>, Infallible> {
        Ok(self.said(name))
    }

    fn number(&mut self, name: &str) -> Result<Option<f64>, Infallible> {
        let Some(text) = self.said(name) else { return Ok(None) };
        let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
        if number.is_none() {
            self.odd(name, &text, "not a number");
        }
        Ok(number)
    }

    fn integer(&mut self, name: &str) -> Result<Option<i64>, Infallible> {
        Ok(self.said(name).and_then(|number| number.trim().parse().ok()))
    }

    /// An object or text.
    fn object(&mut self, name: &str) -> Result<Option<Json>, Infallible> {
        let Some(text) = self.said(name) else { return Ok(None) };
        Ok(match literal::value(&text) {
            Some(value @ (Json::Object(_) | Json::String(_))) => Some(value),
            Some(Json::Null) => None,
            Some(other) => {
                self.odd(name, &text, "not an object; it is kept as a property");
                Some(other)
            }
            None => {
                self.odd(name, &text, "not an object; here it is text");
                Some(Json::String(text))
            }
        })
    }

    /// A list of texts, or one of objects.
    fn list(&mut self, name: &str) -> Result<Option<Json>, Infallible> {
        let Some(text) = self.said(name) else { return Ok(None) };
        let value = literal::value(&text).unwrap_or_else(|| Json::String(text.clone()));
        let items = value.as_array();
        if !items.is_some_and(|items| items.iter().all(Json::is_string) || items.iter().all(Json::is_object)) {
            self.odd(name, &text, "not a list of strings or of objects; it is kept as a property");
        }
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn model(name: &str, tags: &[(&str, &str)]) -> RegisteredModel {
        let tags = tags.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        RegisteredModel { name: name.to_owned(), created_at: Some(1000), updated_at: Some(2000), tags }
    }

    const ID: &str = "0b0f5c06-7cf0-4dbd-8e65-1f2b6ae0a1a7";

    #[test]
    fn a_record_is_read_whether_it_was_written_as_json_or_by_python() {
        let common = [
            ("id", ID),
            ("name", "pallet"),
            ("version", "1"),
            ("precision", "['fp16']"),
            ("score", "0.5"),
            ("size", "131"),
            ("file_url", "minio://model-registry/0b0f/pallet.zip"),
            ("created_date", "yesterday"),
            ("last_updated_date", "2023-11-14 22:13:20.123456 UTC"),
        ];
        let json = [("overview", r#"{"a": true, "b": null}"#), ("labels", r#"["x", "y"]"#)];
        let python = [("overview", "{'a': True, 'b': None}"), ("labels", "['x', 'y']")];
        for written in [json, python] {
            let read = read(&model(ID, &[&common[..], &written].concat())).unwrap();
            assert_eq!(read.remarks, Vec::<String>::new());
            let RecordDraft { identity, details, times, .. } = read.draft;
            assert_eq!((read.id.as_str(), identity.name.as_str(), identity.version.as_str()), (ID, "pallet", "1"));
            assert_eq!((identity.precision, details.score), (vec!["fp16".to_owned()], Some(0.5)));
            assert_eq!(details.overview, Some(json!({"a": true, "b": null})));
            assert_eq!(details.labels, Some(json!(["x", "y"])));
            assert_eq!(details.created_date.as_deref(), Some("yesterday"));
            assert_eq!(times, Some((1000, 1_700_000_000_123)));
            assert_eq!((read.object.as_deref(), read.size), (Some("0b0f/pallet.zip"), Some(131)));
            assert_eq!(read.path.as_str(), "pallet.zip");
        }
    }

    #[test]
    fn what_is_odd_is_kept_and_remarked_upon() {
        let odd = [
            ("overview", "3"),
            ("optimization_capabilities", "{oops"),
            ("labels", "{'a': 1}"),
            ("score", "nan"),
            ("precision", "FP999"),
            ("last_updated_date", "today"),
            ("file_url", "minio://model-registry/abc/a\\b"),
        ];
        let read = read(&model("abc", &odd)).unwrap();
        assert_eq!(read.remarks.len(), 10, "{:#?}", read.remarks);
        let RecordDraft { identity, details, times, .. } = read.draft;
        assert_eq!(identity.name, read.id.as_str());
        assert_eq!((identity.version.as_str(), identity.precision), ("none", vec!["FP999".to_owned()]));
        assert_eq!(details.overview, Some(json!(3)));
        assert_eq!(details.optimization_capabilities, Some(json!("{oops")));
        assert_eq!(details.labels, Some(json!({"a": 1})));
        assert_eq!((details.score, times), (None, Some((1000, 2000))));
        assert_eq!((read.path.as_str(), read.object.as_deref()), ("model.zip", Some("abc/a\\b")));
    }

    #[test]
    fn an_id_that_cannot_be_asked_for_becomes_the_same_one_each_time() {
        let ids = ["abc", "../../etc", "", "modelport-00000001"].map(|old| read(&model(old, &[])).unwrap().id);
        assert!(ids.iter().all(|id| id.as_str().starts_with("edge-") && id.as_str().len() == 69));
        assert_eq!(ids[0], read(&model("abc", &[])).unwrap().id);
        assert_ne!(ids[0], ids[1]);
    }
}
