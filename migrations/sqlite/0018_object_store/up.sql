-- Which object store has the bytes of this database: the id that the store itself carries.

CREATE TABLE object_store (
    -- There is one row at most.
    single BIGINT PRIMARY KEY NOT NULL CHECK (single = 1),
    store_id TEXT NOT NULL
);
