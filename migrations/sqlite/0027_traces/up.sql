-- What applications did, as they trace it; how well that was, as people and programs assess it; and the data sets that applications are
-- evaluated on. All of it belongs to experiments, whose nodes decide who sees and writes it.

-- Traces, each with an id that its client chose.
CREATE TABLE traces (
    trace_id TEXT PRIMARY KEY NOT NULL,
    experiment_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    name TEXT,
    -- When it began, and how many milliseconds it took.
    at BIGINT NOT NULL,
    duration BIGINT,
    state TEXT NOT NULL,
    client_request_id TEXT,
    -- The beginnings of what was asked and answered.
    request TEXT,
    response TEXT,
    -- Whether its client said all this itself. It follows from the spans until then.
    complete BOOLEAN NOT NULL
);
CREATE INDEX traces_experiment ON traces (experiment_id, at DESC, trace_id);
-- The tags and the metadata of traces.
CREATE TABLE trace_labels (
    trace_id TEXT NOT NULL REFERENCES traces (trace_id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('metadata', 'tag')),
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (trace_id, kind, name)
);
-- The runs that traces belong to.
CREATE TABLE trace_runs (
    trace_id TEXT NOT NULL REFERENCES traces (trace_id) ON DELETE CASCADE,
    run_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    PRIMARY KEY (trace_id, run_id)
);
CREATE INDEX trace_runs_run ON trace_runs (run_id);
CREATE TABLE spans (
    trace_id TEXT NOT NULL REFERENCES traces (trace_id) ON DELETE CASCADE,
    span_id TEXT NOT NULL,
    -- Whether it is within no other one.
    root BOOLEAN NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    status TEXT NOT NULL,
    -- In nanoseconds.
    start_at BIGINT NOT NULL,
    -- JSON: the span as its client sent it.
    document TEXT NOT NULL,
    PRIMARY KEY (trace_id, span_id)
);
CREATE TABLE assessments (
    assessment_id TEXT PRIMARY KEY NOT NULL,
    trace_id TEXT NOT NULL REFERENCES traces (trace_id) ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('expectation', 'feedback', 'issue')),
    name TEXT NOT NULL,
    -- Whether no other one came in its place.
    valid BOOLEAN NOT NULL,
    -- The one in whose place it came.
    overrides TEXT,
    -- The value as it is searched.
    text TEXT NOT NULL,
    number DOUBLE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- JSON: the value, and who assessed what why.
    document TEXT NOT NULL
);
CREATE INDEX assessments_trace ON assessments (trace_id, kind, name);

-- Data sets to evaluate applications on. The experiment that one was made in decides who sees and writes it.
CREATE TABLE eval_datasets (
    dataset_id TEXT PRIMARY KEY NOT NULL,
    experiment_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- JSON: the types of what its records have; as long as there were none, NULL.
    fields TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    created_by TEXT,
    updated_by TEXT
);
CREATE INDEX eval_datasets_experiment ON eval_datasets (experiment_id, created_at DESC, dataset_id);
CREATE TABLE eval_dataset_tags (
    dataset_id TEXT NOT NULL REFERENCES eval_datasets (dataset_id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (dataset_id, name)
);
-- The experiments that use data sets.
CREATE TABLE eval_dataset_experiments (
    dataset_id TEXT NOT NULL REFERENCES eval_datasets (dataset_id) ON DELETE CASCADE,
    experiment_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    PRIMARY KEY (dataset_id, experiment_id)
);
CREATE INDEX eval_dataset_experiments_experiment ON eval_dataset_experiments (experiment_id);
CREATE TABLE eval_dataset_records (
    record_id TEXT PRIMARY KEY NOT NULL,
    dataset_id TEXT NOT NULL REFERENCES eval_datasets (dataset_id) ON DELETE CASCADE,
    -- The digest of what tells it from the others: a data set has no two records with the same inputs.
    input_digest TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- JSON.
    document TEXT NOT NULL
);
CREATE UNIQUE INDEX eval_dataset_records_input ON eval_dataset_records (dataset_id, input_digest);
CREATE INDEX eval_dataset_records_order ON eval_dataset_records (dataset_id, created_at, record_id);
