CREATE INDEX metric_points_node ON metric_points (node_id, step, at, id);
DROP INDEX metric_points_by_step;
DROP INDEX metric_points_by_time;
