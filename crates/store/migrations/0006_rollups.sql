-- Stored quarters of an hour and hours beside the bins that they are sums of, so that a month of a city is read from few
-- rows, and rules of how long each is kept: months of minutes go while what was summed from them stays. For that the
-- tables are cut by length first and by month below it.
--
-- What a sum is of may still change: a bin that waited in a spool comes late. Whoever writes a bin marks the quarter and
-- the hour that hold it in the same transaction; whoever sums takes the marks away in the transaction that writes the
-- sums. A mark is updated, not left alone, so that the two wait for one another. Queries take a marked stretch from its
-- parts, so that they are exact at any moment.
CREATE TABLE rollup_due (
    camera   text COLLATE "C" NOT NULL,
    length_s integer NOT NULL CHECK (length_s IN (900, 3600)),
    start_at timestamptz NOT NULL,
    marks    bigint NOT NULL,
    PRIMARY KEY (camera, length_s, start_at)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
-- The oldest are summed first.
CREATE INDEX rollup_due_start ON rollup_due (length_s, start_at, camera);

ALTER TABLE coverage RENAME TO old_coverage;
ALTER TABLE line_bin RENAME TO old_line_bin;
ALTER TABLE line_flow RENAME TO old_line_flow;
ALTER TABLE old_coverage RENAME CONSTRAINT coverage_pkey TO old_coverage_pkey;
ALTER TABLE old_line_bin RENAME CONSTRAINT line_bin_pkey TO old_line_bin_pkey;
ALTER TABLE old_line_flow RENAME CONSTRAINT line_flow_pkey TO old_line_flow_pkey;

-- As before, cut by length. Of sums there is no coverage here: see below.
CREATE TABLE coverage (
    camera         text COLLATE "C" NOT NULL,
    length_s       integer NOT NULL CHECK (length_s IN (60, 900)),
    start_at       timestamptz NOT NULL,
    epoch          bigint NOT NULL,
    observed_s     double precision NOT NULL CHECK (observed_s >= 0),
    dropped_share  double precision NOT NULL CHECK (dropped_share BETWEEN 0 AND 1),
    grade          text NOT NULL CHECK (grade IN ('good', 'fair', 'poor')),
    config_version text COLLATE "C" NOT NULL,
    PRIMARY KEY (camera, length_s, start_at, epoch)
) PARTITION BY LIST (length_s);
CREATE TABLE coverage_60 PARTITION OF coverage FOR VALUES IN (60) PARTITION BY RANGE (start_at);
CREATE TABLE coverage_900 PARTITION OF coverage FOR VALUES IN (900) PARTITION BY RANGE (start_at);

-- The count is in the index, so that months of one camera are read without the table.
CREATE TABLE line_bin (
    camera    text COLLATE "C" NOT NULL,
    length_s  integer NOT NULL CHECK (length_s IN (60, 900, 3600)),
    start_at  timestamptz NOT NULL,
    line      text COLLATE "C" NOT NULL,
    direction text COLLATE "C" NOT NULL CHECK (direction IN ('forward', 'backward')),
    class     text COLLATE "C" NOT NULL
              CHECK (class IN ('car', 'bus', 'truck', 'motorcycle', 'bicycle', 'pedestrian')),
    epoch     bigint NOT NULL,
    count     integer NOT NULL CHECK (count > 0),
    CHECK (length_s >= 900 OR class IN ('car', 'bus', 'truck')),
    PRIMARY KEY (camera, length_s, start_at, line, direction, class, epoch) INCLUDE (count)
) PARTITION BY LIST (length_s);
CREATE TABLE line_bin_60 PARTITION OF line_bin FOR VALUES IN (60) PARTITION BY RANGE (start_at);
CREATE TABLE line_bin_900 PARTITION OF line_bin FOR VALUES IN (900) PARTITION BY RANGE (start_at);
CREATE TABLE line_bin_3600 PARTITION OF line_bin FOR VALUES IN (3600) PARTITION BY RANGE (start_at);

CREATE TABLE line_flow (
    camera            text COLLATE "C" NOT NULL,
    length_s          integer NOT NULL CHECK (length_s IN (900, 3600)),
    start_at          timestamptz NOT NULL,
    line              text COLLATE "C" NOT NULL,
    direction         text COLLATE "C" NOT NULL CHECK (direction IN ('forward', 'backward')),
    class             text COLLATE "C" NOT NULL
                      CHECK (class IN ('car', 'bus', 'truck', 'motorcycle', 'bicycle', 'pedestrian')),
    epoch             bigint NOT NULL,
    count             integer NOT NULL CHECK (count >= 0),
    untrusted         integer CHECK (untrusted BETWEEN 0 AND count),
    occupied_s        integer NOT NULL CHECK (occupied_s >= 0),
    speed_n           integer CHECK (speed_n >= 5),
    speed_sum_kmh     double precision,
    speed_inverse_sum double precision,
    speed_first       smallint CHECK (speed_first BETWEEN 0 AND 100),
    speed_counts      integer[] CHECK (cardinality(speed_counts) + speed_first <= 101),
    headway_n         integer CHECK (headway_n >= 5),
    headway_sum_s     double precision,
    headway_first     smallint CHECK (headway_first BETWEEN 0 AND 120),
    headway_counts    integer[] CHECK (cardinality(headway_counts) + headway_first <= 121),
    CHECK (num_nulls(speed_n, speed_sum_kmh, speed_inverse_sum, speed_first, speed_counts) IN (0, 5)),
    CHECK (num_nulls(headway_n, headway_sum_s, headway_first, headway_counts) IN (0, 4)),
    PRIMARY KEY (camera, length_s, start_at, line, direction, class, epoch)
) PARTITION BY LIST (length_s);
CREATE TABLE line_flow_900 PARTITION OF line_flow FOR VALUES IN (900) PARTITION BY RANGE (start_at);
CREATE TABLE line_flow_3600 PARTITION OF line_flow FOR VALUES IN (3600) PARTITION BY RANGE (start_at);

-- The coverage of a quarter or hour as the sum of its parts of `part_s`: counts that are sums of minutes are as good as
-- these minutes. A configuration each, because its lines are what was watched.
CREATE TABLE coverage_sum (
    camera         text COLLATE "C" NOT NULL,
    length_s       integer NOT NULL CHECK (length_s IN (900, 3600)),
    start_at       timestamptz NOT NULL,
    part_s         integer NOT NULL CHECK (part_s IN (60, 900) AND part_s < length_s),
    config_version text COLLATE "C" NOT NULL,
    observed_s     double precision NOT NULL CHECK (observed_s >= 0),
    -- Dropped share times seconds.
    dropped_s      double precision NOT NULL CHECK (dropped_s >= 0),
    -- How many of its parts are there.
    parts          integer NOT NULL CHECK (parts > 0),
    PRIMARY KEY (camera, length_s, start_at, part_s, config_version)
        INCLUDE (observed_s, dropped_s, parts)
) PARTITION BY LIST (length_s);
CREATE TABLE coverage_sum_900 PARTITION OF coverage_sum FOR VALUES IN (900) PARTITION BY RANGE (start_at);
CREATE TABLE coverage_sum_3600 PARTITION OF coverage_sum FOR VALUES IN (3600) PARTITION BY RANGE (start_at);

-- As before, with the new tables. A table that is cut by length has a part for each month of each length.
CREATE OR REPLACE FUNCTION ensure_month(first_day date) RETURNS void LANGUAGE plpgsql AS $$
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
    FOREACH parent IN ARRAY ARRAY['coverage_60', 'coverage_900', 'coverage_sum_900', 'coverage_sum_3600',
                              'line_bin_60', 'line_bin_900', 'line_bin_3600', 'line_flow_900', 'line_flow_3600',
                              'movement_bin', 'movement_lost', 'zone_bin'] LOOP
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
    SELECT DISTINCT date_trunc('month', start_at AT TIME ZONE 'UTC') AS month FROM old_coverage
    UNION SELECT DISTINCT date_trunc('month', start_at AT TIME ZONE 'UTC') FROM old_line_bin
    UNION SELECT DISTINCT date_trunc('month', start_at AT TIME ZONE 'UTC') FROM old_line_flow) AS months;
INSERT INTO coverage SELECT * FROM old_coverage WHERE length_s IN (60, 900);
INSERT INTO line_bin SELECT * FROM old_line_bin WHERE length_s IN (60, 900);
INSERT INTO line_flow SELECT * FROM old_line_flow WHERE length_s = 900;
DROP TABLE old_coverage, old_line_bin, old_line_flow;

INSERT INTO rollup_due
SELECT DISTINCT camera, length, date_bin(make_interval(secs => length), start_at, 'epoch'), 1
FROM coverage, (VALUES (900), (3600)) AS lengths (length);

-- Drops the months of these tables that are wholly before an instant, and says how many there were. A month stays while
-- something of it waits to be summed. A table that somebody reads is left for the next time.
CREATE FUNCTION drop_months(parents text[], before timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    child   record;
    dropped bigint := 0;
    first   timestamptz;
    ending  timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(724301871);
    FOR child IN
        SELECT c.relname, right(c.relname, 7) AS month FROM pg_inherits i
        JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
        WHERE p.relname = ANY(parents) AND p.relnamespace = current_schema()::regnamespace ORDER BY c.relname
    LOOP
        first := to_date(child.month, 'YYYY_MM')::timestamp AT TIME ZONE 'UTC';
        ending := (to_date(child.month, 'YYYY_MM') + interval '1 month') AT TIME ZONE 'UTC';
        CONTINUE WHEN ending > before
            OR EXISTS (SELECT FROM rollup_due WHERE start_at >= first AND start_at < ending);
        EXECUTE format('DROP TABLE %I', child.relname);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END
$$;
