DROP INDEX metric_points_in_order;
