-- The points of a metric in the order in which they came: a page of a run's history reads no others.
CREATE INDEX metric_points_in_order ON metric_points (node_id, id);
