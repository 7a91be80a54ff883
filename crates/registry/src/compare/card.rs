//! What the cards of two versions differ in, line by line.

use std::time::Duration;

use futures_util::TryStreamExt as _;
use similar::{ChangeTag, TextDiff};

use super::contents::FileChange;
use super::to_read::Pair;
use crate::context::RequestContext;
use crate::domain::{Error, Result};
use crate::inspection::ServedFile;
use crate::services::Files;

/// The longest card that is compared, in bytes.
pub const MAX_CARD_BYTES: u64 = 256 << 10;
/// How many lines are listed at most.
const MAX_LINES: usize = 2000;
/// How many lines that are the same are listed before and after each difference.
const AROUND: usize = 3;
/// For how long the best way from one card to the other is looked for; after that, any way is taken.
const LOOKED_FOR: Duration = Duration::from_millis(100);

/// What became of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineChange {
    /// Both have it.
    Same,
    /// Only the other card has it.
    Added,
    /// Only the one card has it.
    Removed,
}

/// Lines that follow each other, some of which differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hunk {
    /// The number of the first line in the one card, from 1 on.
    pub a: u64,
    /// The number of the first line in the other.
    pub b: u64,
    /// The lines, without their ends.
    pub lines: Vec<(LineChange, String)>,
}

/// What the lines of two cards differ in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lines {
    /// Where they differ, with some lines around each place.
    pub hunks: Vec<Hunk>,
    /// How many lines were added, whether they are listed or not.
    pub added: u64,
    /// How many were removed.
    pub removed: u64,
    /// Whether there are more lines than are listed.
    pub truncated: bool,
}

/// Why the lines of two cards are not compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoLines {
    /// The caller may not read one of them, or it is quarantined.
    Unreadable,
    /// One of them is longer than [`MAX_CARD_BYTES`].
    TooLong,
}

/// What the cards of two versions differ in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardDifference {
    /// What became of the card.
    pub change: FileChange,
    /// The lines, or why they are not compared.
    pub lines: Result<Lines, NoLines>,
}

impl Files {
    /// What two cards differ in, of which one may be missing, or of which one may not be read.
    pub(super) async fn compare_cards(
        &self,
        context: &RequestContext,
        card: &Result<Pair, FileChange>,
    ) -> Result<CardDifference> {
        let (change, a, b) = match card {
            Ok(Pair { change, a, b }) => (*change, a, b),
            Err(change) => return Ok(CardDifference { change: *change, lines: Err(NoLines::Unreadable) }),
        };
        if [a, b].into_iter().flatten().any(|file| file.blob.size > MAX_CARD_BYTES) {
            return Ok(CardDifference { change, lines: Err(NoLines::TooLong) });
        }
        let (a, b) = (self.card_text(context, a.as_ref()).await?, self.card_text(context, b.as_ref()).await?);
        let compared = tokio::task::spawn_blocking(move || lines(&a, &b)).await;
        let lines = compared.map_err(|error| Error::internal("comparing two cards panicked").caused_by(error))?;
        Ok(CardDifference { change, lines: Ok(lines) })
    }

    /// The text of a card; nothing where there is none.
    async fn card_text(&self, context: &RequestContext, file: Option<&ServedFile>) -> Result<String> {
        let Some(file) = file else { return Ok(String::new()) };
        let chunks: Vec<_> = self.open_file(context, file, None).await?.try_collect().await?;
        Ok(String::from_utf8_lossy(&chunks.concat()).into_owned())
    }
}

/// What the lines of two texts differ in.
fn lines(a: &str, b: &str) -> Lines {
    let compared = TextDiff::configure().timeout(LOOKED_FOR).diff_lines(a, b);
    let mut found = Lines::default();
    let mut left = MAX_LINES;
    for group in compared.grouped_ops(AROUND) {
        let mut hunk = Hunk::default();
        if let Some(first) = group.first() {
            (hunk.a, hunk.b) = (first.old_range().start as u64 + 1, first.new_range().start as u64 + 1);
        }
        for change in group.iter().flat_map(|op| compared.iter_changes(op)) {
            let what = match change.tag() {
                ChangeTag::Equal => LineChange::Same,
                ChangeTag::Insert => LineChange::Added,
                ChangeTag::Delete => LineChange::Removed,
            };
            found.added += u64::from(what == LineChange::Added);
            found.removed += u64::from(what == LineChange::Removed);
            if left == 0 {
                found.truncated = true;
                continue;
            }
            left -= 1;
            hunk.lines.push((what, change.value().trim_end_matches(['\r', '\n']).to_owned()));
        }
        if !hunk.lines.is_empty() {
            found.hunks.push(hunk);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(found: &Lines) -> Vec<String> {
        let line = |(change, text): &(LineChange, String)| {
            let mark = match change {
                LineChange::Same => ' ',
                LineChange::Added => '+',
                LineChange::Removed => '-',
            };
            format!("{mark}{text}")
        };
        let hunk = |hunk: &Hunk| {
            let lines = hunk.lines.iter().map(line).collect::<Vec<_>>().join("|");
            format!("{},{}:{lines}", hunk.a, hunk.b)
        };
        found.hunks.iter().map(hunk).collect()
    }

    #[test]
    fn lines_are_shown_with_those_around_them() {
        let a = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\nold\n";
        let b = "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\nneü";
        let found = lines(a, b);
        assert_eq!(shown(&found), ["1,1:+0| 1| 2| 3", "10,11: 10| 11| 12|-old|+neü"]);
        assert_eq!((found.added, found.removed, found.truncated), (2, 1, false));
        assert_eq!(shown(&lines("", "a\r\nb\r\n")), ["1,1:+a|+b"]);
        assert_eq!(lines("a", "a"), Lines::default());
    }

    #[test]
    fn more_lines_than_are_listed_are_counted() {
        let found = lines("", &"x\n".repeat(MAX_LINES + 5));
        assert_eq!((found.hunks[0].lines.len(), found.added, found.truncated), (MAX_LINES, MAX_LINES as u64 + 5, true));
    }
}
