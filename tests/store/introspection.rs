//! What a database says of its own tables, in words that are the same for both.

use std::collections::BTreeSet;

use crate::support::{Backend, Database};

/// The tables of a database, a line for each thing there is to say; sorted, so that two of them can be compared.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// `table.column Type nullable default`
    pub columns: BTreeSet<String>,
    /// `table (column, …)`
    pub primary_keys: BTreeSet<String>,
    /// `name on table (column, …) unique where …`
    pub indexes: BTreeSet<String>,
    /// `table.column -> table.column on delete …`
    pub foreign_keys: BTreeSet<String>,
}

pub fn of(backend: Backend, database: &Database) -> Schema {
    let set = |sql: &str| database.lines(sql).into_iter().collect::<BTreeSet<_>>();
    let [columns, primary_keys, indexes, foreign_keys] = match backend {
        Backend::Postgres => POSTGRES,
        Backend::Sqlite => SQLITE,
    };
    Schema {
        columns: set(columns),
        primary_keys: set(primary_keys),
        indexes: set(indexes).iter().map(|definition| index(definition)).collect(),
        foreign_keys: set(foreign_keys),
    }
}

/// An index from the statement that makes it, as each database words it.
fn index(definition: &str) -> String {
    let definition = definition.replace("public.", "").replace("USING btree ", "").replace('"', "").replace("  ", " ");
    let unique = if definition.starts_with("CREATE UNIQUE") { " unique" } else { "" };
    let (_, rest) = definition.split_once("INDEX ").unwrap();
    let (name, rest) = rest.split_once(" ON ").unwrap();
    let (table, rest) = rest.split_once(' ').unwrap();
    let (columns, condition) = rest.split_once(" WHERE ").unwrap_or((rest, ""));
    let condition = condition.replace(['(', ')'], "").to_lowercase().replace("::text", "");
    let condition = if condition.is_empty() { condition } else { format!(" where {condition}") };
    let is_plain = !columns.contains("CASE") && !columns.to_lowercase().contains("coalesce(");
    let columns = if is_plain { columns.to_owned() } else { plain(columns) };
    format!("{name} on {table} {columns}{unique}{condition}")
}

/// An expression without what PostgreSQL adds to it and SQLite leaves as it was written.
fn plain(expression: &str) -> String {
    let expression = expression.to_lowercase().replace("::text", "").replace("::bigint", "").replace(['(', ')'], " ");
    let expression = expression.replace("between 11 and 22", ">= 11 and type_id <= 22").replace(',', " , ");
    format!("({})", expression.split_whitespace().collect::<Vec<_>>().join(" "))
}

const POSTGRES: [&str; 4] = [
    "SELECT format('%s.%s %s %s %s', table_name, column_name,
            CASE data_type WHEN 'bigint' THEN 'BigInt' WHEN 'text' THEN 'Text' WHEN 'boolean' THEN 'Bool'
                 WHEN 'double precision' THEN 'Double' WHEN 'bytea' THEN 'Binary' ELSE data_type END,
            CASE is_nullable WHEN 'YES' THEN 'nullable' ELSE 'required' END,
            lower(split_part(column_default, '::', 1))) AS line
     FROM information_schema.columns
     WHERE table_schema = 'public' AND table_name <> '__diesel_schema_migrations'",
    "SELECT format('%s (%s)', c.conrelid::regclass, string_agg(a.attname, ', ' ORDER BY k.place)) AS line
     FROM pg_constraint c
     CROSS JOIN unnest(c.conkey) WITH ORDINALITY AS k (number, place)
     JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number
     WHERE c.contype = 'p' AND c.connamespace = 'public'::regnamespace
       AND c.conrelid::regclass::text <> '__diesel_schema_migrations'
     GROUP BY c.conrelid",
    "SELECT pg_get_indexdef(x.indexrelid) AS line
     FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid
     WHERE t.relnamespace = 'public'::regnamespace AND NOT x.indisprimary
       -- SQLite has a full-text table in its place.
       AND x.indexrelid::regclass::text <> 'search_texts_keys'",
    "SELECT format('%s.%s -> %s.%s on delete %s', c.conrelid::regclass, a.attname, c.confrelid::regclass, f.attname,
            CASE c.confdeltype WHEN 'a' THEN 'no action' WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade'
                 WHEN 'n' THEN 'set null' ELSE 'set default' END) AS line
     FROM pg_constraint c
     CROSS JOIN generate_subscripts(c.conkey, 1) AS k
     JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[k]
     JOIN pg_attribute f ON f.attrelid = c.confrelid AND f.attnum = c.confkey[k]
     WHERE c.contype = 'f' AND c.connamespace = 'public'::regnamespace",
];

const SQLITE: [&str; 4] = [
    "SELECT printf('%s.%s %s %s %s', t.name, c.name,
            CASE c.type WHEN 'BIGINT' THEN 'BigInt' WHEN 'INTEGER' THEN 'BigInt' WHEN 'TEXT' THEN 'Text'
                 WHEN 'BOOLEAN' THEN 'Bool' WHEN 'DOUBLE' THEN 'Double' WHEN 'BLOB' THEN 'Binary' ELSE c.type END,
            CASE c.\"notnull\" WHEN 0 THEN 'nullable' ELSE 'required' END,
            lower(coalesce(c.dflt_value, ''))) AS line
     FROM sqlite_master t JOIN pragma_table_info(t.name) c
     WHERE t.type = 'table' AND t.name NOT IN ('__diesel_schema_migrations', 'sqlite_sequence')
       AND t.name NOT LIKE 'search_index%'",
    "SELECT printf('%s (%s)', name, group_concat(\"column\", ', ')) AS line
     FROM (SELECT t.name, c.name AS \"column\"
           FROM sqlite_master t JOIN pragma_table_info(t.name) c
           WHERE t.type = 'table' AND t.name NOT IN ('__diesel_schema_migrations', 'sqlite_sequence') AND c.pk > 0
             AND t.name NOT LIKE 'search_index%'
           ORDER BY t.name, c.pk)
     GROUP BY name",
    "SELECT sql AS line FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
    "SELECT printf('%s.%s -> %s.%s on delete %s', t.name, k.\"from\", k.\"table\", k.\"to\", lower(k.on_delete)) AS line
     FROM sqlite_master t JOIN pragma_foreign_key_list(t.name) k
     WHERE t.type = 'table'",
];
