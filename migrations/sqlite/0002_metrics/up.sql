-- Metrics, written at training speed: the latest point of each Metric node, and every point there was.

CREATE TABLE metrics (
    node_id BIGINT NOT NULL PRIMARY KEY REFERENCES nodes (id) ON DELETE CASCADE,
    home_id BIGINT REFERENCES nodes (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value DOUBLE,
    is_nan BOOLEAN NOT NULL DEFAULT FALSE,
    step BIGINT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX metrics_home ON metrics (home_id, name);

CREATE TABLE metric_points (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    node_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    step BIGINT NOT NULL,
    at BIGINT NOT NULL,
    value DOUBLE,
    is_nan BOOLEAN NOT NULL DEFAULT FALSE
);
CREATE INDEX metric_points_node ON metric_points (node_id, step, at, id);
