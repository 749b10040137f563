-- Stored hours of movements, of those who were lost on the way, and of zones, beside the quarters of an hour that they are
-- sums of, as lines have them since 0006: a year of a junction is read from few rows, and hours outlive quarters. Marks in
-- `rollup_due` say which hours are not up to date; they are the same as the lines'.
ALTER TABLE movement_bin RENAME TO old_movement_bin;
ALTER TABLE movement_lost RENAME TO old_movement_lost;
ALTER TABLE zone_bin RENAME TO old_zone_bin;
ALTER TABLE old_movement_bin RENAME CONSTRAINT movement_bin_pkey TO old_movement_bin_pkey;
ALTER TABLE old_movement_lost RENAME CONSTRAINT movement_lost_pkey TO old_movement_lost_pkey;
ALTER TABLE old_zone_bin RENAME CONSTRAINT zone_bin_pkey TO old_zone_bin_pkey;

-- What may be shown is a matter of the stored quarters: a cell (two lines, a class, a quarter of an hour, all runs of the
-- program together) under 3 is in no sum that is shown to others than engineers of the owning department. An hour can't tell any more which
-- of its quarters were such cells, so that it keeps both sums: all that was counted, and that part of it which may be
-- shown. A row of a quarter has no such part: whether its cell is one that may be shown depends on the rows beside it.
CREATE TABLE movement_bin (
    camera    text COLLATE "C" NOT NULL,
    length_s  integer NOT NULL CHECK (length_s IN (900, 3600)),
    start_at  timestamptz NOT NULL,
    from_line text COLLATE "C" NOT NULL,
    to_line   text COLLATE "C" NOT NULL,
    class     text COLLATE "C" NOT NULL
              CHECK (class IN ('car', 'bus', 'truck', 'motorcycle', 'bicycle', 'pedestrian')),
    epoch     bigint NOT NULL,
    count     integer NOT NULL CHECK (count > 0),
    shown     integer CHECK (shown BETWEEN 0 AND count),
    CHECK ((length_s = 900) = (shown IS NULL)),
    PRIMARY KEY (camera, length_s, start_at, from_line, to_line, class, epoch)
) PARTITION BY LIST (length_s);
CREATE TABLE movement_bin_900 PARTITION OF movement_bin FOR VALUES IN (900) PARTITION BY RANGE (start_at);
CREATE TABLE movement_bin_3600 PARTITION OF movement_bin FOR VALUES IN (3600) PARTITION BY RANGE (start_at);

CREATE TABLE movement_lost (
    camera    text COLLATE "C" NOT NULL,
    length_s  integer NOT NULL CHECK (length_s IN (900, 3600)),
    start_at  timestamptz NOT NULL,
    from_line text COLLATE "C" NOT NULL,
    class     text COLLATE "C" NOT NULL
              CHECK (class IN ('car', 'bus', 'truck', 'motorcycle', 'bicycle', 'pedestrian')),
    epoch     bigint NOT NULL,
    count     integer NOT NULL CHECK (count > 0),
    shown     integer CHECK (shown BETWEEN 0 AND count),
    CHECK ((length_s = 900) = (shown IS NULL)),
    PRIMARY KEY (camera, length_s, start_at, from_line, class, epoch)
) PARTITION BY LIST (length_s);
CREATE TABLE movement_lost_900 PARTITION OF movement_lost FOR VALUES IN (900) PARTITION BY RANGE (start_at);
CREATE TABLE movement_lost_3600 PARTITION OF movement_lost FOR VALUES IN (3600) PARTITION BY RANGE (start_at);

-- As before. Of an hour the queue's maxima are those of its quarters, and the last queue is the last of them that
-- was told, of the quarter that begins at `latest_at`.
CREATE TABLE zone_bin (
    camera        text COLLATE "C" NOT NULL,
    length_s      integer NOT NULL CHECK (length_s IN (900, 3600)),
    start_at      timestamptz NOT NULL,
    zone          text COLLATE "C" NOT NULL,
    epoch         bigint NOT NULL,
    observed_s    double precision NOT NULL CHECK (observed_s >= 0),
    occupied_s    integer NOT NULL CHECK (occupied_s >= 0),
    vehicle_s     integer NOT NULL CHECK (vehicle_s >= 0),
    length_m      double precision CHECK (length_m > 0),
    queue_max_m   double precision,
    queue_max     integer,
    queue_last_m  double precision,
    queue_last    integer,
    delay_n       integer CHECK (delay_n >= 5),
    delay_sum_s   double precision,
    -- The start of an hour's last quarter that has a row.
    latest_at     timestamptz CHECK (latest_at >= start_at AND latest_at < start_at + interval '1 hour'),
    CHECK (num_nulls(queue_max_m, queue_max, queue_last_m, queue_last) IN (0, 4)),
    CHECK (num_nulls(delay_n, delay_sum_s) IN (0, 2)),
    CHECK ((length_s = 900) = (latest_at IS NULL)),
    PRIMARY KEY (camera, length_s, start_at, zone, epoch)
) PARTITION BY LIST (length_s);
CREATE TABLE zone_bin_900 PARTITION OF zone_bin FOR VALUES IN (900) PARTITION BY RANGE (start_at);
CREATE TABLE zone_bin_3600 PARTITION OF zone_bin FOR VALUES IN (3600) PARTITION BY RANGE (start_at);

-- As before, with the tables that are now cut by length.
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
    FOREACH parent IN ARRAY ARRAY['camera_day_900', 'camera_day_3600', 'coverage_60', 'coverage_900', 'coverage_sum_900',
                              'coverage_sum_3600', 'line_bin_60', 'line_bin_900', 'line_bin_3600', 'line_flow_900',
                              'line_flow_3600', 'line_quality', 'movement_bin_900', 'movement_bin_3600',
                              'movement_lost_900', 'movement_lost_3600', 'zone_bin_900', 'zone_bin_3600'] LOOP
        child := parent || to_char(first_day, '_YYYY_MM');
        IF to_regclass(quote_ident(child)) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           parent, child, lower_bound, upper_bound);
        END IF;
    END LOOP;
END
$$;

-- Months in which nothing of these was stored are made as well, beside those of the other tables, which are there already.
SELECT ensure_month(month::date) FROM (
    SELECT DISTINCT date_trunc('month', start_at AT TIME ZONE 'UTC') AS month FROM coverage
    UNION SELECT DISTINCT date_trunc('month', start_at AT TIME ZONE 'UTC') FROM old_movement_bin
    UNION SELECT DISTINCT date_trunc('month', start_at AT TIME ZONE 'UTC') FROM old_movement_lost
    UNION SELECT DISTINCT date_trunc('month', start_at AT TIME ZONE 'UTC') FROM old_zone_bin) AS months;
INSERT INTO movement_bin
SELECT camera, length_s, start_at, from_line, to_line, class, epoch, count FROM old_movement_bin WHERE length_s = 900;
INSERT INTO movement_lost
SELECT camera, length_s, start_at, from_line, class, epoch, count FROM old_movement_lost WHERE length_s = 900;
INSERT INTO zone_bin
SELECT camera, length_s, start_at, zone, epoch, observed_s, occupied_s, vehicle_s, length_m, queue_max_m, queue_max,
       queue_last_m, queue_last, delay_n, delay_sum_s FROM old_zone_bin WHERE length_s = 900;
DROP TABLE old_movement_bin, old_movement_lost, old_zone_bin;

INSERT INTO rollup_due
SELECT DISTINCT camera, 3600, date_bin('1 hour', start_at, 'epoch'), 1
FROM (SELECT camera, start_at FROM movement_bin UNION ALL SELECT camera, start_at FROM movement_lost
      UNION ALL SELECT camera, start_at FROM zone_bin) AS stored
ON CONFLICT (camera, length_s, start_at) DO UPDATE SET marks = rollup_due.marks + 1;

-- More signs: of doubt about a road user's class, and of crossings at the very end of a line.
ALTER TABLE line_quality
    ADD COLUMN hesitant   integer NOT NULL DEFAULT 0 CHECK (hesitant >= 0),
    ADD COLUMN resembling integer NOT NULL DEFAULT 0 CHECK (resembling >= 0),
    ADD COLUMN at_end     integer NOT NULL DEFAULT 0 CHECK (at_end >= 0),
    ADD COLUMN past_end   integer NOT NULL DEFAULT 0 CHECK (past_end >= 0);
