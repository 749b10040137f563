-- The two stills of an incident: redacted before anything else saw them, deleted with it or when they are old enough.
-- The only bytes in this schema.
CREATE TABLE incident_still (
    incident text COLLATE "C" NOT NULL REFERENCES incident ON DELETE CASCADE,
    kind     text COLLATE "C" NOT NULL CHECK (kind IN ('start', 'confirmed')),
    taken_at timestamptz NOT NULL,
    jpeg     bytea NOT NULL CHECK (length(jpeg) BETWEEN 4 AND 262144 AND substring(jpeg FROM 1 FOR 2) = '\xffd8'),
    PRIMARY KEY (incident, kind)
);
CREATE INDEX incident_still_taken ON incident_still (taken_at);
