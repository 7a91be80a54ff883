//! Tables of comma-separated values, RFC 4180, that do no harm in the programs that open them.

use serde_json::Value as Json;

use super::wire::NodeView;

/// What has a row in a table.
pub trait Table: Sized + 'static {
    /// The columns: the name of each, and what a row has there.
    const COLUMNS: &'static [Column<Self>];
}

/// A column of a table.
pub type Column<T> = (&'static str, fn(&T) -> Cell);

/// What a row has in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// A number.
    Number(i128),
    /// A text.
    Text(String),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Cell {
    fn from(is_so: bool) -> Self {
        Self::from(if is_so { "true" } else { "false" })
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number.into())
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Number(number.into())
    }
}

impl<T> From<Option<T>> for Cell
where
    Self: From<T>,
{
    fn from(cell: Option<T>) -> Self {
        cell.map_or(Self::Empty, Self::from)
    }
}

/// A property of a node.
pub fn property(node: &NodeView, name: &str) -> Cell {
    match node.properties.get(name) {
        None | Some(Json::Null) => Cell::Empty,
        Some(Json::String(text)) => text.as_str().into(),
        Some(other) => match other.as_i64() {
            Some(number) => number.into(),
            None => other.to_string().into(),
        },
    }
}

/// The table of these rows, below a row with the names of the columns.
pub fn csv<T: Table>(rows: &[T]) -> String {
    let mut table = String::new();
    line(&mut table, T::COLUMNS.iter().map(|(name, _)| Cell::from(*name)));
    for row in rows {
        line(&mut table, T::COLUMNS.iter().map(|(_, cell)| cell(row)));
    }
    table
}

fn line(table: &mut String, cells: impl Iterator<Item = Cell>) {
    for (at, cell) in cells.enumerate() {
        if at > 0 {
            table.push(',');
        }
        match cell {
            Cell::Empty => {}
            Cell::Number(number) => table.push_str(&number.to_string()),
            Cell::Text(text) => write_text(table, &text),
        }
    }
    table.push_str("\r\n");
}

/// A text, in quotation marks where it has to be. Names come from strangers: one that a spreadsheet would take for a formula begins with an
/// apostrophe, by which it takes it for a text.
fn write_text(table: &mut String, text: &str) {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let is_quoted = text.contains([',', '"', '\r', '\n']);
    if is_quoted {
        table.push('"');
    }
    if is_formula {
        table.push('\'');
    }
    if is_quoted {
        table.push_str(&text.replace('"', "\"\""));
        table.push('"');
    } else {
        table.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Row(&'static str, Option<i64>);

    impl Table for Row {
        const COLUMNS: &'static [Column<Self>] = &[("text", |row| row.0.into()), ("number", |row| row.1.into())];
    }

    #[test]
    fn a_table_has_a_head_and_a_line_for_each_row() {
        assert_eq!(csv::<Row>(&[]), "text,number\r\n");
        let rows = [Row("größe", Some(-5)), Row("a,b", None), Row("say \"hi\"\nthere", Some(i64::MAX)), Row("", None)];
        let expected = "text,number\r\ngröße,-5\r\n\"a,b\",\r\n\"say \"\"hi\"\"\nthere\",9223372036854775807\r\n,\r\n";
        assert_eq!(csv(&rows), expected);
    }

    #[test]
    fn what_looks_like_a_formula_is_a_text() {
        for (text, written) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("\r=1", "\"'\r=1\""),
            ("＝1", "'＝1"),
            ("a=1", "a=1"),
            ("'=1", "'=1"),
        ] {
            let mut table = String::new();
            write_text(&mut table, text);
            assert_eq!(table, written);
        }
    }
}
