DROP INDEX assessments_id;
-- Of those with the same id, one stays.
DELETE FROM assessments WHERE assessment_id <> (SELECT min(a.assessment_id) FROM assessments AS a WHERE a.id = assessments.id);
UPDATE assessments SET assessment_id = id;
ALTER TABLE assessments DROP COLUMN id;
ALTER TABLE assessments DROP COLUMN value;
ALTER TABLE assessments DROP COLUMN measure;

DROP TABLE trace_prompts;
DROP TABLE span_attributes;
ALTER TABLE spans DROP COLUMN end_at;
ALTER TABLE spans DROP COLUMN model;
ALTER TABLE spans DROP COLUMN provider;
ALTER TABLE spans DROP COLUMN input_cost;
ALTER TABLE spans DROP COLUMN output_cost;
ALTER TABLE spans DROP COLUMN total_cost;

-- Other tables know a trace by its id again. Of those with the same id, one stays.
DROP INDEX traces_id;
INSERT INTO traces (trace_id, id, experiment_id, name, at, duration, state, client_request_id, request, response, complete)
SELECT t.id, '', t.experiment_id, t.name, t.at, t.duration, t.state, t.client_request_id, t.request, t.response, t.complete
FROM traces AS t
WHERE t.trace_id = (SELECT min(u.trace_id) FROM traces AS u WHERE u.id = t.id)
    AND NOT EXISTS (SELECT 1 FROM traces AS u WHERE u.trace_id = t.id);
UPDATE trace_labels SET trace_id = (SELECT t.id FROM traces AS t WHERE t.trace_id = trace_labels.trace_id)
WHERE trace_id IN (
    SELECT t.trace_id FROM traces AS t JOIN traces AS n ON n.trace_id = t.id AND n.id = ''
    WHERE t.trace_id = (SELECT min(u.trace_id) FROM traces AS u WHERE u.id = t.id)
);
UPDATE trace_runs SET trace_id = (SELECT t.id FROM traces AS t WHERE t.trace_id = trace_runs.trace_id)
WHERE trace_id IN (
    SELECT t.trace_id FROM traces AS t JOIN traces AS n ON n.trace_id = t.id AND n.id = ''
    WHERE t.trace_id = (SELECT min(u.trace_id) FROM traces AS u WHERE u.id = t.id)
);
UPDATE spans SET trace_id = (SELECT t.id FROM traces AS t WHERE t.trace_id = spans.trace_id)
WHERE trace_id IN (
    SELECT t.trace_id FROM traces AS t JOIN traces AS n ON n.trace_id = t.id AND n.id = ''
    WHERE t.trace_id = (SELECT min(u.trace_id) FROM traces AS u WHERE u.id = t.id)
);
UPDATE assessments SET trace_id = (SELECT t.id FROM traces AS t WHERE t.trace_id = assessments.trace_id)
WHERE trace_id IN (
    SELECT t.trace_id FROM traces AS t JOIN traces AS n ON n.trace_id = t.id AND n.id = ''
    WHERE t.trace_id = (SELECT min(u.trace_id) FROM traces AS u WHERE u.id = t.id)
);
DELETE FROM traces WHERE trace_id <> id AND id <> '';
ALTER TABLE traces DROP COLUMN id;
ALTER TABLE traces DROP COLUMN input_tokens;
ALTER TABLE traces DROP COLUMN output_tokens;
ALTER TABLE traces DROP COLUMN total_tokens;
ALTER TABLE traces DROP COLUMN cache_read_tokens;
ALTER TABLE traces DROP COLUMN cache_creation_tokens;
