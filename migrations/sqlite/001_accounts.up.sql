-- People, their sessions, the keys that sign their tokens.
-- Times are milliseconds since 1970, UTC. Primary keys start with the tenant,
-- and nothing unique or foreign crosses one (DESIGN 4).

CREATE TABLE tenant (
    id         BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    slug       TEXT    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO tenant (id, slug, created_at)
VALUES (x'00000000000070008000000000000001', 'default', 0);

CREATE TABLE account (
    tenant_id           BLOB    NOT NULL REFERENCES tenant (id),
    id                  BLOB    NOT NULL CHECK (length(id) = 16),
    email               TEXT    NOT NULL, -- canonical: what decides who is who
    email_typed         TEXT    NOT NULL, -- what is shown
    email_verified      INTEGER NOT NULL DEFAULT 0,
    first_name          TEXT,
    last_name           TEXT,
    role                TEXT    NOT NULL DEFAULT 'user',
    password_hash       TEXT    NOT NULL, -- PHC string
    password_changed_at INTEGER NOT NULL,
    disabled_at         INTEGER,
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, email)
) STRICT, WITHOUT ROWID;

-- One row from login to the end (SPEC 2.2). `secret` never leaves the server
-- and never changes; `generation` counts the refreshes.
CREATE TABLE session (
    tenant_id           BLOB    NOT NULL,
    id                  BLOB    NOT NULL CHECK (length(id) = 16),
    account_id          BLOB    NOT NULL,
    secret              BLOB    NOT NULL CHECK (length(secret) = 32),
    generation          INTEGER NOT NULL DEFAULT 0,
    created_at          INTEGER NOT NULL, -- when the person authenticated
    rotated_at          INTEGER NOT NULL, -- last refresh
    rotated_print       BLOB    NOT NULL, -- address-and-agent print of who did it
    grace_generation    INTEGER NOT NULL DEFAULT 0, -- rotation that a stranger followed last
    grace_streak        INTEGER NOT NULL DEFAULT 0, -- how many in a row
    expires_at          INTEGER NOT NULL, -- idle
    absolute_expires_at INTEGER NOT NULL,
    revoked_at          INTEGER,
    revoked_reason      TEXT,
    address             TEXT    NOT NULL, -- where it was used last
    agent               TEXT    NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, account_id) REFERENCES account (tenant_id, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX session_by_account ON session (tenant_id, account_id, id);

-- Knowing nothing, the planner takes all rows of a tenant for as few as those
-- of one account and reads the whole table. So it is told: a million rows, one
-- tenant, four sessions to an account.
ANALYZE session;
DELETE FROM sqlite_stat1 WHERE tbl = 'session';
INSERT INTO sqlite_stat1 (tbl, idx, stat)
VALUES ('session', 'session', '1000000 1000000 1'),
       ('session', 'session_by_account', '1000000 1000000 4 1');

-- Private keys are sealed under the master key.
CREATE TABLE signing_key (
    tenant_id    BLOB    NOT NULL REFERENCES tenant (id),
    kid          TEXT    NOT NULL, -- RFC 7638 thumbprint
    alg          TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('next', 'active', 'retiring', 'retired')),
    sealed       BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    activated_at INTEGER,
    retiring_at  INTEGER,
    PRIMARY KEY (tenant_id, kid)
) STRICT, WITHOUT ROWID;

-- At most one key signs for an algorithm.
CREATE UNIQUE INDEX signing_key_active ON signing_key (tenant_id, alg) WHERE state = 'active';

-- What every process must hear of within a second: each reads what is newer
-- than what it read last. `seq` decides, not a clock.
CREATE TABLE change (
    seq       INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    tenant_id BLOB    NOT NULL,
    kind      TEXT    NOT NULL CHECK (kind IN ('session', 'account', 'keys')),
    subject   BLOB, -- session or account
    at        INTEGER NOT NULL
) STRICT;

CREATE INDEX change_by_time ON change (at);

-- Facts about this installation, such as the fingerprint of its master key.
CREATE TABLE instance (
    name  TEXT NOT NULL PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;
