//! Conditions on what models and versions have besides their properties: aliases, formats and verdicts of files, and whether a model is
//! a prompt.

use super::Filter;
use modelport_domain::LogicalType;
use modelport_domain::filter::{Attribute, Comparison, Condition, VERDICTS};

/// The version that a condition on files is about: the latest of a model, or else the node itself, of which nothing is a version.
const VERSION: &str = "coalesce((SELECT v.id FROM nodes AS v WHERE v.home_id = nodes.id AND v.type_id = 12 \
     ORDER BY v.created_at DESC, v.id DESC LIMIT 1), nodes.id)";

/// The type that it names.
const _: () = assert!(LogicalType::ModelVersion.id() == 12);

/// Whether the model whose id a column has is a prompt: what its custom property says as a text or as a boolean. SQLite's booleans are
/// numbers.
pub(crate) fn is_prompt(id: &str) -> String {
    format!(
        "EXISTS (SELECT 1 FROM properties AS h WHERE h.node_id = {id} AND h.custom = TRUE \
         AND h.name = 'mlflow.prompt.is_prompt' AND (lower(h.text_value) = 'true' OR h.kind = 6 AND h.int_value = 1))"
    )
}

/// Whether such a condition is one of these.
pub(super) fn is_held(attribute: Attribute) -> bool {
    matches!(attribute, Attribute::Alias | Attribute::Format | Attribute::Verdict | Attribute::Prompt)
}

impl Filter {
    /// A condition on an attribute of which [`is_held`] is true. Whether something is a prompt is asked in one way alone.
    pub(super) fn held(&mut self, attribute: Attribute, condition: &Condition) {
        match attribute {
            Attribute::Prompt => self.sql(&is_prompt("nodes.id")),
            Attribute::Verdict => {
                let mut heaviest = Self::default();
                let weights: Vec<String> =
                    VERDICTS.iter().map(|(name, weight)| format!("WHEN '{name}' THEN {weight}")).collect();
                heaviest.sql(&format!("(SELECT max(CASE h.verdict {} END) FROM ", weights.join(" ")));
                self.add_inspections(&mut heaviest);
                heaviest.sql(")");
                self.on(&heaviest, condition);
            }
            Attribute::Format => {
                let mut rows = Self::default();
                self.add_inspections(&mut rows);
                rows.sql(" AND h.format IS NOT NULL");
                // No index on formats is to be used: the version has few files, and the registry many of one format.
                self.one_of_rows(&rows, "(h.format || '')", condition);
            }
            // Of a node that is one, only one of the two can find any.
            _ => {
                let mut rows = Self::default();
                rows.sql(
                    "(SELECT a.name FROM aliases AS a WHERE a.model_id = nodes.id \
                     UNION ALL SELECT a.name FROM aliases AS a WHERE a.version_id = nodes.id) AS h WHERE TRUE",
                );
                self.one_of_rows(&rows, "h.name", condition);
            }
        }
    }

    /// The inspections of the files of the version, of those that are visible, after a FROM.
    fn add_inspections(&self, statement: &mut Self) {
        statement.sql(&format!(
            "inspections AS h JOIN members AS m ON m.node_id = h.node_id JOIN nodes AS a ON a.id = m.node_id \
             WHERE m.context_id = {VERSION}"
        ));
        if let Some(visible) = self.access.as_ref().and_then(|access| Self::visible_to(access, "a")) {
            statement.sql(" AND ");
            statement.append(&visible);
        }
    }

    /// A condition that one of the rows has to meet.
    fn one_of_rows(&mut self, rows: &Self, column: &str, condition: &Condition) {
        let exists = |filter: &mut Self, not: &str, condition: Option<&Condition>| {
            filter.sql(&format!("{not}EXISTS (SELECT 1 FROM "));
            filter.append(rows);
            if let Some(condition) = condition {
                filter.sql(" AND ");
                filter.condition(column, condition);
            }
            filter.sql(")");
        };
        match condition {
            Condition::Null | Condition::NullOf(_) => exists(self, "NOT ", None),
            Condition::Compare(Comparison::NotEqual, operand) => {
                let equal = Condition::Compare(Comparison::Equal, operand.clone());
                exists(self, "", None);
                self.sql(" AND ");
                exists(self, "NOT ", Some(&equal));
            }
            condition => exists(self, "", Some(condition)),
        }
    }

    /// A condition on an expression with values of its own, which is written once for each time that the condition names it.
    fn on(&mut self, expression: &Self, condition: &Condition) {
        const MARK: &str = "\u{1}";
        let mut marked = Self::default();
        marked.condition(MARK, condition);
        for part in marked.parts {
            let super::Part::Sql(sql) = part else {
                self.parts.push(part);
                continue;
            };
            for (at, piece) in sql.split(MARK).enumerate() {
                if at > 0 {
                    self.append(expression);
                }
                self.sql(piece);
            }
        }
    }
}
