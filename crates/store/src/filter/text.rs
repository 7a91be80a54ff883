//! Conditions on texts as the indexes have them: short ones as they are, of long ones the beginning.

use super::Filter;

/// How many characters of a text an index holds.
pub(super) const MAX_INDEXED_CHARS: usize = 128;

impl Filter {
    /// Whether the text of a property is one of these.
    pub(crate) fn text_is(&mut self, column: &str, texts: &[&str]) {
        let (long, short): (Vec<&str>, Vec<&str>) = texts.iter().partition(|text| is_long(text));
        if short.is_empty() && long.is_empty() {
            return self.sql("FALSE");
        }
        self.sql("(");
        if !short.is_empty() {
            self.is_short(column);
            self.sql(" AND ");
            self.equals(column, &short);
        }
        if !long.is_empty() {
            self.sql(if short.is_empty() { "" } else { " OR " });
            self.is_long(column);
            self.sql(" AND ");
            self.starts_as(column, &long);
            self.sql(" AND ");
            self.equals(column, &long);
        }
        self.sql(")");
    }

    /// Whether the text of a property is in a range of beginnings, none of which is longer than what an index holds.
    pub(super) fn text_begins(&mut self, column: &str, first: &str, end: &str) {
        self.sql("(");
        self.short_begins(column, first, end);
        self.sql(" OR ");
        self.long_begins(column, first, end);
        self.sql(")");
    }

    /// The same of short texts.
    pub(super) fn short_begins(&mut self, column: &str, first: &str, end: &str) {
        self.is_short(column);
        self.sql(" AND ");
        self.range(column, first, end);
    }

    /// The same of long ones.
    pub(super) fn long_begins(&mut self, column: &str, first: &str, end: &str) {
        self.is_long(column);
        self.sql(" AND ");
        self.range(&start(column), first, end);
    }

    /// That the index on short texts has it.
    pub(super) fn is_short(&mut self, column: &str) {
        self.sql(&format!("length({column}) <= {MAX_INDEXED_CHARS}"));
    }

    /// That the index on the beginnings of long texts has it.
    pub(super) fn is_long(&mut self, column: &str) {
        self.sql(&format!("length({column}) > {MAX_INDEXED_CHARS}"));
    }

    /// That one of the two has it, which PostgreSQL does not know of every text.
    pub(super) fn is_indexed(&mut self, column: &str) {
        self.sql("(");
        self.is_short(column);
        self.sql(" OR ");
        self.is_long(column);
        self.sql(")");
    }

    /// Whether a text begins as one of these does, as far as an index has their beginnings.
    pub(super) fn starts_as(&mut self, column: &str, texts: &[&str]) {
        let starts: Vec<String> = texts.iter().map(|text| text.chars().take(MAX_INDEXED_CHARS).collect()).collect();
        self.equals(&start(column), &starts.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// Whether a column is one of these texts, of which there is one at least.
    pub(super) fn equals(&mut self, column: &str, texts: &[&str]) {
        if let [only] = texts {
            self.sql(&format!("{column} = "));
            return self.text(only);
        }
        self.sql(&format!("{column} IN ("));
        for (at, text) in texts.iter().enumerate() {
            self.sql(if at > 0 { ", " } else { "" });
            self.text(text);
        }
        self.sql(")");
    }
}

/// The beginning of a text, as the indexes have it.
pub(super) fn start(column: &str) -> String {
    format!("substr({column}, 1, {MAX_INDEXED_CHARS})")
}

/// Whether an index has the beginning of a text alone.
pub(super) fn is_long(text: &str) -> bool {
    text.chars().count() > MAX_INDEXED_CHARS
}
