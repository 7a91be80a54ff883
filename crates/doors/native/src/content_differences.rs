//! What the native API shows of what the files of two versions differ in themselves: their tensors and their cards.

use serde::Serialize;
use utoipa::ToSchema;

use super::enums::{DifferenceName, LineChangeName, NoLinesName};
use super::tensors::TensorView;
use crate::registry::compare::{
    CardDifference, FileChange, Hunk, LineChange, Lines, NoLines, TensorDifference, TensorDifferences,
};

/// A tensor that two versions do not have alike.
#[derive(Debug, Serialize, ToSchema)]
pub struct TensorDifferenceView {
    /// The path of its file in the version.
    pub path: String,
    /// Its name.
    pub name: String,
    /// What became of it; `changed` where it has another shape or element type.
    #[schema(value_type = DifferenceName)]
    pub change: &'static str,
    /// What the one has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub a: Option<TensorView>,
    /// What the other has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub b: Option<TensorView>,
}

impl From<&TensorDifference> for TensorDifferenceView {
    fn from(TensorDifference { path, a, b }: &TensorDifference) -> Self {
        let change = match (a, b) {
            (None, _) => "added",
            (_, None) => "removed",
            (Some(_), Some(_)) => "changed",
        };
        let name = a.as_ref().or(b.as_ref()).map(|tensor| tensor.name.clone()).unwrap_or_default();
        let [a, b] = [a, b].map(|tensor| tensor.clone().map(TensorView::from));
        Self { path: path.to_string(), name, change, a, b }
    }
}

/// Which tensors two versions do not have alike, in the files that they do not have alike. Elements are not compared, only names, shapes and types.
#[derive(Debug, Serialize, ToSchema)]
pub struct TensorDifferencesView {
    /// The tensors in the order of the paths of their files and of their names, the first thousand of them.
    pub items: Vec<TensorDifferenceView>,
    /// How many were added, whether they are listed or not.
    pub added: u64,
    /// How many were removed.
    pub removed: u64,
    /// How many have another shape or element type.
    pub changed: u64,
    /// How many have the same, in the files that differ.
    pub same: u64,
    /// Whether there are more differences than are listed.
    pub truncated: bool,
    /// Whether more than 100 files with tensors differ, so that those with the last paths are left out.
    pub partial: bool,
    /// How many files are left out because the caller may not read them, because they are quarantined, or because their headers cannot be read.
    pub unread: u64,
}

impl From<&TensorDifferences> for TensorDifferencesView {
    fn from(of: &TensorDifferences) -> Self {
        let TensorDifferences { items, added, removed, changed, same, truncated, partial, unread } = of;
        Self {
            items: items.iter().map(TensorDifferenceView::from).collect(),
            added: *added,
            removed: *removed,
            changed: *changed,
            same: *same,
            truncated: *truncated,
            partial: *partial,
            unread: *unread,
        }
    }
}

/// A line of one card, or of both.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineView {
    /// What became of it.
    #[schema(value_type = LineChangeName)]
    pub change: &'static str,
    /// The line without its end.
    pub text: String,
}

impl From<&(LineChange, String)> for LineView {
    fn from((change, text): &(LineChange, String)) -> Self {
        let change = match change {
            LineChange::Same => "same",
            LineChange::Added => "added",
            LineChange::Removed => "removed",
        };
        Self { change, text: text.clone() }
    }
}

/// Lines that follow each other, some of which differ.
#[derive(Debug, Serialize, ToSchema)]
pub struct HunkView {
    /// The number of the first line in the one card, from 1 on.
    pub a: u64,
    /// The number of the first line in the other.
    pub b: u64,
    /// The lines.
    pub lines: Vec<LineView>,
}

impl From<&Hunk> for HunkView {
    fn from(Hunk { a, b, lines }: &Hunk) -> Self {
        Self { a: *a, b: *b, lines: lines.iter().map(LineView::from).collect() }
    }
}

/// What the cards of two versions differ in: their `README.md`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CardDifferenceView {
    /// What became of the card.
    #[schema(value_type = DifferenceName)]
    pub change: &'static str,
    /// Where they differ, with three lines around each place, up to 2000 lines in all.
    pub hunks: Vec<HunkView>,
    /// How many lines were added, whether they are listed or not.
    pub added: u64,
    /// How many were removed.
    pub removed: u64,
    /// Whether there are more lines than are listed.
    pub truncated: bool,
    /// Why no lines are compared; absent where they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<NoLinesName>)]
    pub not_compared: Option<&'static str>,
}

impl From<&CardDifference> for CardDifferenceView {
    fn from(CardDifference { change, lines }: &CardDifference) -> Self {
        let change = match change {
            FileChange::Added => "added",
            FileChange::Removed => "removed",
            FileChange::Changed | FileChange::Renamed => "changed",
        };
        let not_compared = lines.as_ref().err().map(|why| match why {
            NoLines::Unreadable => "unreadable",
            NoLines::TooLong => "tooLong",
        });
        let none = Lines::default();
        let Lines { hunks, added, removed, truncated } = lines.as_ref().unwrap_or(&none);
        Self {
            change,
            hunks: hunks.iter().map(HunkView::from).collect(),
            added: *added,
            removed: *removed,
            truncated: *truncated,
            not_compared,
        }
    }
}
