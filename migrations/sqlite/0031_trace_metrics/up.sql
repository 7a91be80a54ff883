-- What traces are counted and measured by, and ids of theirs that say nothing of other experiments.

-- The id that the client of a trace chose: those of two experiments may be the same. `trace_id` is what other tables know the trace by.
ALTER TABLE traces ADD COLUMN id TEXT NOT NULL DEFAULT '';
UPDATE traces SET id = trace_id;
CREATE UNIQUE INDEX traces_id ON traces (id, experiment_id);
-- The tokens that its client says to have used.
ALTER TABLE traces ADD COLUMN input_tokens BIGINT;
ALTER TABLE traces ADD COLUMN output_tokens BIGINT;
ALTER TABLE traces ADD COLUMN total_tokens BIGINT;
ALTER TABLE traces ADD COLUMN cache_read_tokens BIGINT;
ALTER TABLE traces ADD COLUMN cache_creation_tokens BIGINT;

-- In nanoseconds.
ALTER TABLE spans ADD COLUMN end_at BIGINT;
ALTER TABLE spans ADD COLUMN model TEXT;
ALTER TABLE spans ADD COLUMN provider TEXT;
ALTER TABLE spans ADD COLUMN input_cost DOUBLE;
ALTER TABLE spans ADD COLUMN output_cost DOUBLE;
ALTER TABLE spans ADD COLUMN total_cost DOUBLE;
-- The beginnings of what is known of spans, as text, for searches.
CREATE TABLE span_attributes (
    trace_id TEXT NOT NULL,
    span_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (trace_id, span_id, name),
    FOREIGN KEY (trace_id, span_id) REFERENCES spans (trace_id, span_id) ON DELETE CASCADE
);

-- The versions of prompts that traces used, as `name/version`.
CREATE TABLE trace_prompts (
    trace_id TEXT NOT NULL REFERENCES traces (trace_id) ON DELETE CASCADE,
    prompt TEXT NOT NULL,
    PRIMARY KEY (trace_id, prompt)
);

-- The id that a client chose, which is its own in its trace alone.
ALTER TABLE assessments ADD COLUMN id TEXT NOT NULL DEFAULT '';
UPDATE assessments SET id = assessment_id;
CREATE UNIQUE INDEX assessments_id ON assessments (trace_id, id);
-- JSON: the value; and what it counts as.
ALTER TABLE assessments ADD COLUMN value TEXT;
ALTER TABLE assessments ADD COLUMN measure DOUBLE;

CREATE INDEX span_attributes_span ON span_attributes (span_id);
