DROP TABLE metric_points;
DROP TABLE metrics;
