-- The points of a metric by time, and those of one step in the order in which they came: a page of a run's history reads no others.
CREATE INDEX metric_points_by_time ON metric_points (node_id, at, id);
CREATE INDEX metric_points_by_step ON metric_points (node_id, step, id);
DROP INDEX metric_points_node;
