-- A camera's days, packed: a row holds what the stored quarters (or hours) of a day add up to, so that a month of a
-- camera is read from 31 rows and not from the tens of thousands that it was packed from. How the bytes lie is said, and
-- held by a test, in src/days.rs. A day is marked in `rollup_due` as quarters and hours are, and a query takes a marked
-- day, or one that is not packed, from its rows.
ALTER TABLE rollup_due DROP CONSTRAINT rollup_due_length_s_check;
ALTER TABLE rollup_due ADD CHECK (length_s IN (900, 3600, 86400));

CREATE TABLE camera_day (
    camera   text COLLATE "C" NOT NULL,
    -- The length of what was packed.
    length_s integer NOT NULL CHECK (length_s IN (900, 3600)),
    -- The day's start in UTC.
    start_at timestamptz NOT NULL,
    -- As in line_bin, in line_flow, in line_quality and in coverage; all runs of the program together.
    counts   bytea NOT NULL,
    flows    bytea NOT NULL,
    signs    bytea NOT NULL,
    watched  bytea NOT NULL,
    PRIMARY KEY (camera, length_s, start_at)
) PARTITION BY LIST (length_s);
CREATE TABLE camera_day_900 PARTITION OF camera_day FOR VALUES IN (900) PARTITION BY RANGE (start_at);
CREATE TABLE camera_day_3600 PARTITION OF camera_day FOR VALUES IN (3600) PARTITION BY RANGE (start_at);

-- All tables that are cut by month, in one function again.
DROP FUNCTION ensure_month(date);
DROP FUNCTION ensure_month_but_quality(date);
CREATE FUNCTION ensure_month(first_day date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parent text;
    child  text;
    lower_bound timestamptz := first_day::timestamp AT TIME ZONE 'UTC';
    upper_bound timestamptz := (first_day + interval '1 month')::timestamp AT TIME ZONE 'UTC';
BEGIN
    IF first_day <> date_trunc('month', first_day::timestamp)::date THEN
        RAISE EXCEPTION '% is not the first day of a month', first_day;
    END IF;
    PERFORM pg_advisory_xact_lock(724301871);
    FOREACH parent IN ARRAY ARRAY['camera_day_900', 'camera_day_3600', 'coverage_60', 'coverage_900', 'coverage_sum_900',
                              'coverage_sum_3600', 'line_bin_60', 'line_bin_900', 'line_bin_3600', 'line_flow_900',
                              'line_flow_3600', 'line_quality', 'movement_bin', 'movement_lost', 'zone_bin'] LOOP
        child := parent || to_char(first_day, '_YYYY_MM');
        IF to_regclass(quote_ident(child)) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           parent, child, lower_bound, upper_bound);
        END IF;
    END LOOP;
END
$$;
SELECT ensure_month(month::date) FROM (
    SELECT DISTINCT date_trunc('month', start_at AT TIME ZONE 'UTC') AS month FROM coverage
    UNION SELECT DISTINCT date_trunc('month', start_at AT TIME ZONE 'UTC') FROM coverage_sum) AS months;

-- Minutes and quarters may have gone by their age where hours are still there.
INSERT INTO rollup_due
SELECT DISTINCT camera, 86400, date_bin('1 day', start_at, 'epoch'), 1
FROM (SELECT camera, start_at FROM coverage UNION ALL SELECT camera, start_at FROM coverage_sum) AS stored;
