-- Sessions of browsers. What a browser has of one is its secret, of which there is only a digest here.
CREATE TABLE sessions (
    -- The SHA-256 of the secret, in hexadecimal digits.
    hash TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    principal_id BIGINT NOT NULL REFERENCES principals (id) ON DELETE CASCADE,
    -- JSON: the names of their groups at the issuer, as it said them last.
    group_names TEXT COLLATE "C" NOT NULL,
    -- The issuer's refresh token, sealed with one of the keys of the settings; NULL where it gives none.
    refresh_sealed TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    -- When it was last used, about to the minute.
    seen_at BIGINT NOT NULL,
    -- When the issuer last said the groups.
    renewed_at BIGINT NOT NULL,
    -- Until when somebody is asking the issuer, or does not ask again.
    claimed_until BIGINT NOT NULL DEFAULT 0,
    ends_at BIGINT NOT NULL
);
CREATE INDEX sessions_principal ON sessions (principal_id);
CREATE INDEX sessions_ends ON sessions (ends_at);
CREATE INDEX sessions_seen ON sessions (seen_at);

INSERT INTO upkeep (task) VALUES ('sessions');
