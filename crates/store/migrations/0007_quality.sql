-- By what signs a line may have been counted wrong, in quarters of an hour: tracks that began or ended in odd places, that
-- broke or merged near the line, crossings that nobody saw. Numbers beside the counts of `line_flow`, of the same line,
-- direction, class and quarter; longer bins are sums. What each sign is: docs/reference/measures.md.
CREATE TABLE line_quality (
    camera       text COLLATE "C" NOT NULL,
    length_s     integer NOT NULL CHECK (length_s = 900),
    start_at     timestamptz NOT NULL,
    line         text COLLATE "C" NOT NULL,
    direction    text COLLATE "C" NOT NULL CHECK (direction IN ('forward', 'backward')),
    class        text COLLATE "C" NOT NULL
                 CHECK (class IN ('car', 'bus', 'truck', 'motorcycle', 'bicycle', 'pedestrian')),
    epoch        bigint NOT NULL,
    counted      integer NOT NULL CHECK (counted >= 0),
    astray       integer NOT NULL CHECK (astray >= 0),
    inferred     integer NOT NULL CHECK (inferred >= 0),
    bridged      integer NOT NULL CHECK (bridged >= 0),
    weak         integer NOT NULL CHECK (weak >= 0),
    sparse       integer NOT NULL CHECK (sparse >= 0),
    crowded      integer NOT NULL CHECK (crowded >= 0),
    duplicate    integer NOT NULL CHECK (duplicate >= 0),
    unsure       integer NOT NULL CHECK (unsure >= 0),
    short        integer NOT NULL CHECK (short >= 0),
    behind       integer NOT NULL CHECK (behind >= 0),
    merged       integer NOT NULL CHECK (merged >= 0),
    ended        integer NOT NULL CHECK (ended >= 0),
    ended_astray integer NOT NULL CHECK (ended_astray >= 0),
    wavering     integer NOT NULL CHECK (wavering >= 0),
    elsewhere    integer NOT NULL CHECK (elsewhere >= 0),
    PRIMARY KEY (camera, length_s, start_at, line, direction, class, epoch)
) PARTITION BY RANGE (start_at);

-- As before, and the new table's part of the month.
ALTER FUNCTION ensure_month(date) RENAME TO ensure_month_but_quality;
CREATE FUNCTION ensure_month(first_day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    child       text := 'line_quality' || to_char(first_day, '_YYYY_MM');
    lower_bound timestamptz := first_day::timestamp AT TIME ZONE 'UTC';
    upper_bound timestamptz := (first_day + interval '1 month')::timestamp AT TIME ZONE 'UTC';
BEGIN
    PERFORM ensure_month_but_quality(first_day);
    IF to_regclass(quote_ident(child)) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE line_quality INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child);
        EXECUTE format('ALTER TABLE line_quality ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                       child, lower_bound, upper_bound);
    END IF;
END
$$;
SELECT ensure_month(month::date) FROM (
    SELECT DISTINCT date_trunc('month', start_at AT TIME ZONE 'UTC') AS month FROM coverage) AS months;
