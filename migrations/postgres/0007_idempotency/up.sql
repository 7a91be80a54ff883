-- What was answered under an Idempotency-Key, so that the same request sent again is answered the same and done once.

CREATE TABLE idempotency_keys (
    -- Two callers may choose the same key.
    actor TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    -- The SHA-256 of the request.
    fingerprint TEXT COLLATE "C" NOT NULL,
    -- Written in the transaction that makes the row, and so there for everybody else.
    answer TEXT COLLATE "C",
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (actor, key)
);
CREATE INDEX idempotency_keys_expires_at ON idempotency_keys (expires_at);
