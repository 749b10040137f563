-- How traffic flowed: speeds, headways and occupancy of lines, and what zones were like. All of it in quarters of an
-- hour or longer: with the speeds of a quarter of an hour and those of its minutes, the speed of the one vehicle of a
-- minute would be the difference. So the speeds that minutes had go, and with them the columns that never held any.
ALTER TABLE line_bin DROP COLUMN speed_n, DROP COLUMN speed_mean_kmh;
ALTER TABLE movement_bin DROP COLUMN speed_n, DROP COLUMN speed_mean_kmh;
-- Nothing was ever written here: a zone's road users are not counted, its state is measured.
DROP TABLE zone_bin;

-- Of the crossings of a line by one class. Speeds and headways are kept where at least five went into them, and their
-- spread as a histogram of fixed edges: counts from bucket `…_first` on, the ends not zero. Buckets are 2 km/h and
-- half a second wide, the last (100 and 120) open to above. A class in no row of `line_bin` may have one here with
-- count 0, when a vehicle stood on the line.
CREATE TABLE line_flow (
    camera            text COLLATE "C" NOT NULL,
    length_s          integer NOT NULL CHECK (length_s IN (900, 3600, 86400)),
    start_at          timestamptz NOT NULL,
    line              text COLLATE "C" NOT NULL,
    direction         text COLLATE "C" NOT NULL CHECK (direction IN ('forward', 'backward')),
    class             text COLLATE "C" NOT NULL
                      CHECK (class IN ('car', 'bus', 'truck', 'motorcycle', 'bicycle', 'pedestrian')),
    epoch             bigint NOT NULL,
    count             integer NOT NULL CHECK (count >= 0),
    -- Crossings whose speed could not be trusted; NULL without calibration.
    untrusted         integer CHECK (untrusted BETWEEN 0 AND count),
    occupied_s        integer NOT NULL CHECK (occupied_s >= 0),
    speed_n           integer CHECK (speed_n >= 5),
    speed_sum_kmh     double precision,
    -- The sum of the speeds' inverses, for the harmonic mean.
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
) PARTITION BY RANGE (start_at);

-- What cars, buses and lorries did in a zone.
CREATE TABLE zone_bin (
    camera        text COLLATE "C" NOT NULL,
    length_s      integer NOT NULL CHECK (length_s IN (900, 3600, 86400)),
    start_at      timestamptz NOT NULL,
    zone          text COLLATE "C" NOT NULL,
    epoch         bigint NOT NULL,
    -- Of the camera, as in `coverage`: of two reports the one that saw more stays.
    observed_s    double precision NOT NULL CHECK (observed_s >= 0),
    -- Seconds times the share of the area that they stood on, and seconds times vehicles (tens).
    occupied_s    integer NOT NULL CHECK (occupied_s >= 0),
    vehicle_s     integer NOT NULL CHECK (vehicle_s >= 0),
    length_m      double precision CHECK (length_m > 0),
    queue_max_m   double precision,
    queue_max     integer,
    queue_last_m  double precision,
    queue_last    integer,
    delay_n       integer CHECK (delay_n >= 5),
    delay_sum_s   double precision,
    CHECK (num_nulls(queue_max_m, queue_max, queue_last_m, queue_last) IN (0, 4)),
    CHECK (num_nulls(delay_n, delay_sum_s) IN (0, 2)),
    PRIMARY KEY (camera, length_s, start_at, zone, epoch)
) PARTITION BY RANGE (start_at);

-- Road users that entered by a line and were lost from sight before they crossed another.
CREATE TABLE movement_lost (
    camera    text COLLATE "C" NOT NULL,
    length_s  integer NOT NULL CHECK (length_s IN (900, 3600, 86400)),
    start_at  timestamptz NOT NULL,
    from_line text COLLATE "C" NOT NULL,
    class     text COLLATE "C" NOT NULL
              CHECK (class IN ('car', 'bus', 'truck', 'motorcycle', 'bicycle', 'pedestrian')),
    epoch     bigint NOT NULL,
    count     integer NOT NULL CHECK (count > 0),
    PRIMARY KEY (camera, length_s, start_at, from_line, class, epoch)
) PARTITION BY RANGE (start_at);

-- The zones that each version of a camera's configuration drew and measured, as `camera_line` for lines.
CREATE TABLE camera_zone (
    camera         text COLLATE "C" NOT NULL,
    config_version text COLLATE "C" NOT NULL,
    zone           text COLLATE "C" NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('lane', 'carriageway', 'crossing', 'queue')),
    -- Without calibration there is neither density nor queue.
    calibrated     boolean NOT NULL,
    PRIMARY KEY (camera, config_version, zone)
);

-- As before, with the new tables.
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
    FOREACH parent IN ARRAY ARRAY['coverage', 'line_bin', 'movement_bin', 'movement_lost', 'line_flow',
                              'zone_bin'] LOOP
        child := parent || to_char(first_day, '_YYYY_MM');
        IF to_regclass(quote_ident(child)) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           parent, child, lower_bound, upper_bound);
        END IF;
    END LOOP;
END
$$;
