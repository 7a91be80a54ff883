-- Lists in the order of the names that people see, which is not that of the names as stored: those that may repeat are
-- stored behind a UUID and a colon. The query has the same expression.
CREATE INDEX nodes_type_seen_name ON nodes (
    type_id,
    (coalesce(CASE WHEN kind = 1 AND (home_id IS NULL OR type_id = 15) AND type_id BETWEEN 11 AND 22
        AND substr(name, 37, 1) = ':' THEN substr(name, 38) ELSE name END, '')),
    id
);
