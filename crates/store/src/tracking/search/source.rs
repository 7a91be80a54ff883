//! Where what a clause is about is stored: in one expression, or in rows of which one has to meet the clause.

use super::frame::Frame;
use crate::filter::{Filter, name_key_sql};
use modelport_domain::search::{DatasetFacet, Facet, NumberFacet, Searched, SpanFacet, TextFacet};
use modelport_domain::{Error, LogicalType, Result, ValueKind};

/// Where it is stored.
pub(super) enum Source {
    /// In this expression, which is NULL where there is none.
    Column(String),
    /// In rows.
    Rows(Rows),
}

/// Rows, of which there may be none.
pub(super) struct Rows {
    /// What follows `SELECT 1 FROM`, with a condition at its end.
    pub(super) rows: Filter,
    /// The expression of the value.
    pub(super) value: &'static str,
}

impl Rows {
    fn new(rows: &str, value: &'static str) -> Self {
        let mut filter = Filter::default();
        filter.sql(rows);
        Self { rows: filter, value }
    }

    /// The same of the rows whose name is the one bound.
    fn named(mut self, name: &str) -> Self {
        self.rows.text(name);
        self
    }
}

/// The custom property `p` as text: what is no text is written as JSON would be. A double that is an integer has no
/// point then, which SQLite would give it.
pub(super) const PROPERTY_TEXT: &str = "(CASE p.kind WHEN 1 THEN CAST(p.int_value AS TEXT) \
     WHEN 6 THEN CASE WHEN p.int_value = 1 THEN 'true' ELSE 'false' END \
     WHEN 2 THEN CASE WHEN p.double_value IS NULL THEN 'NaN' \
     WHEN abs(p.double_value) >= 1000000000000000 THEN CAST(p.double_value AS TEXT) \
     WHEN p.double_value = CAST(CAST(p.double_value AS BIGINT) AS DOUBLE PRECISION) \
     THEN CAST(CAST(p.double_value AS BIGINT) AS TEXT) ELSE CAST(p.double_value AS TEXT) END \
     ELSE p.text_value END)";

/// That a training tool made the artifact `a`, which then says itself from which run it comes: that may be one of
/// another server, or gone.
pub(super) const WRITTEN_HERE: &str = "EXISTS (SELECT 1 FROM properties AS k WHERE k.node_id = a.id \
     AND k.custom = FALSE AND k.name = 'model_source_kind' AND k.text_value = 'mlflow')";

/// The kinds that it names.
const _: () = assert!(ValueKind::Int as i64 == 1 && ValueKind::Double as i64 == 2 && ValueKind::Bool as i64 == 6);

/// The id of an experiment that is called `e` as a number: that of its node, but for the one named `Default`.
fn experiment_id(e: &str) -> String {
    format!("(CASE WHEN {e}.name = 'Default' THEN 0 ELSE {e}.id END)")
}

/// Where the files of a run are: where it says, or else below where its experiment says, or else with us.
fn artifact_uri() -> String {
    let id = experiment_id("e");
    format!(
        "coalesce((SELECT p.text_value FROM properties AS p WHERE p.node_id = nodes.id AND p.custom = FALSE \
         AND p.name = 'artifact_uri'), coalesce((SELECT rtrim(p.text_value, '/') FROM properties AS p \
         WHERE p.node_id = runs.experiment_id AND p.custom = FALSE AND p.name = 'artifact_location'), \
         (SELECT 'mlflow-artifacts:/' || CAST({id} AS TEXT) FROM nodes AS e WHERE e.id = runs.experiment_id)) \
         || '/' || runs.run_id || '/artifacts')"
    )
}

impl Frame {
    /// That such things have nothing of the kind: no dialect asks for it.
    pub(super) fn unknown(&self, facet: &Facet) -> Error {
        Error::internal(format!("{:?} are not searched by {facet:?}", self.of))
    }

    /// Where what a facet is about is stored.
    pub(super) fn source(&self, facet: &Facet) -> Result<Source> {
        let runs_or_models = || match self.of {
            Searched::Runs => Ok(true),
            Searched::LoggedModels => Ok(false),
            _ => Err(self.unknown(facet)),
        };
        Ok(match facet {
            Facet::Text(text) => match self.column(*text) {
                Some(column) => Source::Column(column),
                None => Source::Rows(self.texts(*text).ok_or_else(|| self.unknown(facet))?),
            },
            Facet::Number(number) => Source::Column(self.number(*number).ok_or_else(|| self.unknown(facet))?),
            Facet::Metric { name, .. } => Source::Rows(if runs_or_models()? {
                Rows::new("metrics AS m WHERE m.home_id = nodes.id AND m.name = ", "m.value").named(name)
            } else {
                let measured = "logged_model_metrics AS m WHERE m.node_id = nodes.id AND m.name = ";
                let mut measured = Rows::new(measured, "m.value").named(name);
                self.add_seen(&mut measured.rows, "m.run_id");
                measured
            }),
            Facet::Param(name) => Source::Rows(if runs_or_models()? {
                Rows::new("parameters AS q WHERE q.home_id = nodes.id AND q.name = ", "q.value").named(name)
            } else {
                Rows::new("logged_model_params AS q WHERE q.node_id = nodes.id AND q.name = ", "q.value").named(name)
            }),
            Facet::Tag { name, .. } if self.of == Searched::Traces => Source::Rows(labels("tag").named(name)),
            Facet::Tag { name, .. } if self.of == Searched::EvalDatasets => {
                let rows = "eval_dataset_tags AS l WHERE l.dataset_id = eval_datasets.dataset_id AND l.name = ";
                Source::Rows(Rows::new(rows, "l.value").named(name))
            }
            Facet::Metadata(name) if self.of == Searched::Traces => Source::Rows(labels("metadata").named(name)),
            Facet::Span(span) if self.of == Searched::Traces => {
                let value = match span {
                    SpanFacet::Name => "s.name",
                    SpanFacet::Kind => "s.kind",
                    SpanFacet::Status => "s.status",
                    SpanFacet::Content => "s.document",
                };
                Source::Rows(Rows::new("spans AS s WHERE s.trace_id = traces.trace_id", value))
            }
            Facet::SpanAttribute(name) if self.of == Searched::Traces => {
                let rows = "span_attributes AS s WHERE s.trace_id = traces.trace_id AND s.name = ";
                Source::Rows(Rows::new(rows, "s.value").named(name))
            }
            Facet::Prompt if self.of == Searched::Traces => {
                Source::Rows(Rows::new("trace_prompts AS l WHERE l.trace_id = traces.trace_id", "l.prompt"))
            }
            Facet::Assessment(kind, name) if self.of == Searched::Traces => {
                let rows = format!(
                    "assessments AS a WHERE a.trace_id = traces.trace_id AND a.valid = TRUE AND a.kind = '{}' AND a.name = ",
                    kind.name()
                );
                Source::Rows(Rows::new(&rows, "a.text").named(name))
            }
            Facet::Tag { name, fallback } => {
                let rows = "properties AS p WHERE p.node_id = nodes.id AND p.custom = TRUE AND p.name = ";
                let mut tag = Rows::new(rows, PROPERTY_TEXT);
                tag_name(&mut tag.rows, name, fallback.as_deref());
                Source::Rows(tag)
            }
            Facet::Dataset(dataset) if self.of == Searched::Runs => Source::Rows(self.dataset(dataset)),
            Facet::Dataset(_)
            | Facet::Metadata(_)
            | Facet::Span(_)
            | Facet::SpanAttribute(_)
            | Facet::Prompt
            | Facet::Assessment(..) => return Err(self.unknown(facet)),
        })
    }

    /// The expression of a text that is in one.
    pub(super) fn column(&self, text: TextFacet) -> Option<String> {
        use Searched::{EvalDatasets, Experiments, LoggedModels, Models, Runs, Traces, Versions};
        Some(match (text, self.of) {
            (TextFacet::Name, Experiments | Runs | Models) => name_key_sql(),
            (TextFacet::Name, Versions) => "models.name".to_owned(),
            (TextFacet::Id, Runs) => "runs.run_id".to_owned(),
            (TextFacet::Id, LoggedModels) => "logged_models.model_id".to_owned(),
            (TextFacet::Id, Traces) => "traces.id".to_owned(),
            (TextFacet::Id, EvalDatasets) => self.id().to_owned(),
            (TextFacet::Name, Traces) => "traces.name".to_owned(),
            (TextFacet::Status, Traces) => "traces.state".to_owned(),
            (TextFacet::ClientRequest, Traces) => "traces.client_request_id".to_owned(),
            (TextFacet::Name, EvalDatasets) => "eval_datasets.name".to_owned(),
            (TextFacet::Owner, EvalDatasets) => "eval_datasets.created_by".to_owned(),
            (TextFacet::UpdatedBy, EvalDatasets) => "eval_datasets.updated_by".to_owned(),
            // What is of another door and has none goes on, as far as anybody knows.
            (TextFacet::Status, Runs) => "coalesce(runs.status, 'RUNNING')".to_owned(),
            (TextFacet::ArtifactUri, Runs) => artifact_uri(),
            _ => return None,
        })
    }

    /// The declared property that a text is.
    pub(super) fn declared(&self, text: TextFacet) -> Option<&'static str> {
        use Searched::{Experiments, LoggedModels, Models, Runs, Versions};
        match (text, self.of) {
            (TextFacet::Owner, Experiments | Runs | Models) => Some("owner"),
            (TextFacet::Owner, Versions) => Some("author"),
            (TextFacet::Description, _) => Some("description"),
            (TextFacet::Name, LoggedModels) => Some("model_source_name"),
            (TextFacet::ModelType, LoggedModels) => Some("model_source_class"),
            _ => None,
        }
    }

    /// The rows of a text that is not in one expression.
    fn texts(&self, text: TextFacet) -> Option<Rows> {
        if let Some(property) = self.declared(text) {
            // An empty text is shown as none.
            let rows = format!(
                "properties AS p WHERE p.node_id = nodes.id AND p.custom = FALSE AND p.name = '{property}' \
                 AND p.text_value <> ''"
            );
            return Some(Rows::new(&rows, "p.text_value"));
        }
        let artifact = LogicalType::ModelArtifact.id();
        match (text, self.of) {
            (TextFacet::Run, Searched::LoggedModels) => {
                let mut run = Rows::new("runs AS r WHERE r.node_id = logged_models.source_run_id", "r.run_id");
                self.add_seen(&mut run.rows, "r.node_id");
                Some(run)
            }
            (TextFacet::Run, Searched::Versions) => {
                let mut run = Rows::new(
                    &format!(
                        "nodes AS a LEFT JOIN properties AS w ON w.node_id = a.id AND w.custom = FALSE \
                         AND w.name = 'model_source_group' AND {WRITTEN_HERE} \
                         LEFT JOIN properties AS p ON p.node_id = a.id AND p.custom = FALSE \
                         AND p.name = 'experiment_run_id' LEFT JOIN runs AS r ON r.node_id = p.int_value"
                    ),
                    "coalesce(w.text_value, r.run_id)",
                );
                self.add_seen(&mut run.rows, "r.node_id");
                let is_run = "(w.text_value IS NOT NULL OR r.run_id IS NOT NULL)";
                run.rows.sql(&format!(" WHERE a.home_id = nodes.id AND a.type_id = {artifact} AND {is_run}"));
                Some(run)
            }
            (TextFacet::Run, Searched::Traces) => {
                let of_trace =
                    "trace_runs AS l JOIN runs AS r ON r.node_id = l.run_id WHERE l.trace_id = traces.trace_id";
                let mut run = Rows::new(of_trace, "r.run_id");
                self.add_seen(&mut run.rows, "r.node_id");
                Some(run)
            }
            (TextFacet::Source, Searched::Versions) => Some(Rows::new(
                &format!(
                    "nodes AS a LEFT JOIN properties AS p ON p.node_id = a.id AND p.custom = FALSE \
                     AND p.name = 'model_source_id' WHERE a.home_id = nodes.id AND a.type_id = {artifact}"
                ),
                "coalesce(p.text_value, a.uri)",
            )),
            _ => None,
        }
    }

    /// The expression of a number.
    pub(super) fn number(&self, number: NumberFacet) -> Option<String> {
        use Searched::{EvalDatasets, Experiments, LoggedModels, Runs, Traces, Versions};
        Some(match (number, self.of) {
            (NumberFacet::ExperimentId, Experiments) => experiment_id("nodes"),
            (NumberFacet::ExperimentId, Traces) => "traces.experiment_id".to_owned(),
            (NumberFacet::StartTime, Runs) => "runs.start_at".to_owned(),
            (NumberFacet::EndTime, Runs) => "runs.end_at".to_owned(),
            (NumberFacet::StartTime, Traces) => "traces.at".to_owned(),
            (NumberFacet::Duration, Traces) => "traces.duration".to_owned(),
            (NumberFacet::EndTime, Traces) => "(traces.at + traces.duration)".to_owned(),
            (NumberFacet::CreatedAt, EvalDatasets) => "eval_datasets.created_at".to_owned(),
            (NumberFacet::UpdatedAt, EvalDatasets) => "eval_datasets.updated_at".to_owned(),
            (NumberFacet::CreatedAt, _) => "nodes.created_at".to_owned(),
            (NumberFacet::UpdatedAt, _) => "nodes.updated_at".to_owned(),
            (NumberFacet::Version, Versions) => "version_numbers.number".to_owned(),
            (NumberFacet::State, LoggedModels) => "coalesce(nodes.state, 0)".to_owned(),
            _ => return None,
        })
    }

    /// The rows of the data sets that a run read.
    fn dataset(&self, dataset: &DatasetFacet) -> Rows {
        let of_run = format!("u.run_id = nodes.id AND u.role = 'input' AND d.type_id = {}", LogicalType::DataSet.id());
        let used = "run_uses AS u JOIN nodes AS d ON d.id = u.artifact_id";
        match dataset {
            // A name that may repeat is stored after a UUID and a colon.
            DatasetFacet::Name => Rows::new(
                &format!("{used} WHERE {of_run}"),
                "(CASE WHEN substr(d.name, 37, 1) = ':' THEN substr(d.name, 38) ELSE d.name END)",
            ),
            DatasetFacet::Digest => Rows::new(
                &format!(
                    "{used} JOIN properties AS p ON p.node_id = d.id AND p.custom = FALSE AND p.name = 'digest' \
                     WHERE {of_run}"
                ),
                "p.text_value",
            ),
            DatasetFacet::Tag(name) if self.is_postgres => Rows::new(
                &format!(
                    "{used} CROSS JOIN LATERAL json_array_elements(CAST(u.tags AS JSON)) AS t (pair) \
                     WHERE {of_run} AND t.pair ->> 0 = "
                ),
                "(t.pair ->> 1) COLLATE \"C\"",
            )
            .named(name),
            DatasetFacet::Tag(name) => Rows::new(
                &format!("{used} JOIN json_each(u.tags) AS t WHERE {of_run} AND json_extract(t.value, '$[0]') = "),
                "json_extract(t.value, '$[1]')",
            )
            .named(name),
        }
    }
}

/// The labels of a trace that have a name.
fn labels(kind: &str) -> Rows {
    let rows = format!("trace_labels AS l WHERE l.trace_id = traces.trace_id AND l.kind = '{kind}' AND l.name = ");
    Rows::new(&rows, "l.value")
}

/// The name of a node's custom property, or of the one that stands for it where it is absent.
pub(super) fn tag_name(rows: &mut Filter, name: &str, fallback: Option<&str>) {
    let Some(fallback) = fallback else { return rows.text(name) };
    rows.sql(
        "CASE WHEN EXISTS (SELECT 1 FROM properties AS own \
         WHERE own.node_id = nodes.id AND own.custom = TRUE AND own.name = ",
    );
    rows.text(name);
    rows.sql(") THEN ");
    rows.text(name);
    rows.sql(" ELSE ");
    rows.text(fallback);
    rows.sql(" END");
}
