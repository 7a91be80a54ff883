-- The latest decision on whether a version may be used. A version without a row is a draft.
CREATE TABLE approvals (
    version_id BIGINT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    -- draft, in_review, approved, rejected.
    state TEXT NOT NULL,
    at BIGINT NOT NULL,
    -- As in `changes`: whoever has an account is `principal` and its id.
    actor TEXT NOT NULL,
    actor_id BIGINT,
    note TEXT,
    PRIMARY KEY (version_id)
);
