//! The SQL of the attributes that conditions are about.

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::sql_types::Text;

use modelport_domain::LogicalType;
use modelport_domain::filter::Attribute;

/// The name as people see it. An index has the same expression.
const SEEN_NAME: &str = "(CASE WHEN (nodes.kind = 1 AND (nodes.home_id IS NULL OR nodes.type_id = 15) OR nodes.type_id = 19) \
     AND nodes.type_id BETWEEN 11 AND 22 AND substr(nodes.name, 37, 1) = ':' \
     THEN substr(nodes.name, 38) ELSE nodes.name END)";

/// What nodes are ordered by when they are ordered by name: text, empty where there is no name.
pub(crate) fn name_key() -> SqlLiteral<Text> {
    sql(&name_key_sql())
}

/// The same, as SQL.
pub(crate) fn name_key_sql() -> String {
    format!("coalesce({SEEN_NAME}, '')")
}

pub(super) fn attribute_sql(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::Id => "nodes.id",
        // The UUID that keeps repeatable names apart is not what people see: see `Node::display_name`.
        Attribute::Name => SEEN_NAME,
        Attribute::ExternalId => "nodes.external_id",
        Attribute::Uri => "nodes.uri",
        Attribute::State => "nodes.state",
        Attribute::CreatedAt => "nodes.created_at",
        Attribute::UpdatedAt => "nodes.updated_at",
        Attribute::Home => "nodes.home_id",
        Attribute::MetricValue => "(SELECT metrics.value FROM metrics WHERE metrics.node_id = nodes.id)",
        Attribute::MetricStep => "(SELECT metrics.step FROM metrics WHERE metrics.node_id = nodes.id)",
        Attribute::MetricTime => "(SELECT metrics.at FROM metrics WHERE metrics.node_id = nodes.id)",
        // These are no expressions of one value: see `held`.
        Attribute::Alias | Attribute::Format | Attribute::Verdict | Attribute::Prompt => "NULL",
    }
}

pub(super) fn point_sql(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::Id => "metric_points.id",
        Attribute::CreatedAt | Attribute::UpdatedAt | Attribute::MetricTime => "metric_points.at",
        Attribute::MetricValue => "metric_points.value",
        Attribute::MetricStep => "metric_points.step",
        Attribute::Name
        | Attribute::ExternalId
        | Attribute::Uri
        | Attribute::State
        | Attribute::Home
        | Attribute::Alias
        | Attribute::Format
        | Attribute::Verdict
        | Attribute::Prompt => attribute_sql(attribute),
    }
}

/// The declared ids that the SQL above names.
const _: () = assert!(LogicalType::DataSet as i64 + 11 == 15 && LogicalType::ExperimentRun as i64 + 11 == 19);
