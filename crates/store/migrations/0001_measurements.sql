-- Measurements: cameras, runs, coverage and bins. Every key begins with the camera, so that rows can be
-- distributed by camera id. Times are UTC. Texts in keys compare by byte (COLLATE "C"): ids are ASCII, and
-- this is the fastest order an index can have.

CREATE TABLE camera (
    camera         text COLLATE "C" NOT NULL PRIMARY KEY,
    name           text NOT NULL,
    department     text NOT NULL,
    profile        text NOT NULL,
    lon            double precision,
    lat            double precision,
    heading_deg    double precision,
    config_version text NOT NULL,
    updated_at     timestamptz NOT NULL
);

-- The lines that each version of a camera's configuration drew: zeros are filled in from here, so that a
-- line drawn today does not claim to have counted nothing last year.
CREATE TABLE camera_line (
    camera         text COLLATE "C" NOT NULL,
    config_version text COLLATE "C" NOT NULL,
    line           text COLLATE "C" NOT NULL,
    PRIMARY KEY (camera, config_version, line)
);

-- Which runs of the process watched which camera.
CREATE TABLE run (
    camera         text COLLATE "C" NOT NULL,
    epoch          bigint NOT NULL,
    started_at     timestamptz NOT NULL,
    config_version text NOT NULL,
    PRIMARY KEY (camera, epoch)
);

-- How much of a bin a camera really observed. One row per camera, bin and run, whether or not anything was
-- counted.
CREATE TABLE coverage (
    camera         text COLLATE "C" NOT NULL,
    length_s       integer NOT NULL CHECK (length_s IN (60, 300, 900, 3600, 86400)),
    start_at       timestamptz NOT NULL,
    epoch          bigint NOT NULL,
    observed_s     double precision NOT NULL CHECK (observed_s >= 0),
    dropped_share  double precision NOT NULL CHECK (dropped_share BETWEEN 0 AND 1),
    grade          text NOT NULL CHECK (grade IN ('good', 'fair', 'poor')),
    config_version text COLLATE "C" NOT NULL,
    PRIMARY KEY (camera, length_s, start_at, epoch)
) PARTITION BY RANGE (start_at);

-- Crossings of a line. The checks repeat the privacy rule of the six classes and of their shortest bins: the
-- database refuses what the program must never write.
CREATE TABLE line_bin (
    camera         text COLLATE "C" NOT NULL,
    length_s       integer NOT NULL CHECK (length_s IN (60, 300, 900, 3600, 86400)),
    start_at       timestamptz NOT NULL,
    line           text COLLATE "C" NOT NULL,
    direction      text COLLATE "C" NOT NULL CHECK (direction IN ('forward', 'backward')),
    class          text COLLATE "C" NOT NULL
                   CHECK (class IN ('car', 'bus', 'truck', 'motorcycle', 'bicycle', 'pedestrian')),
    epoch          bigint NOT NULL,
    count          integer NOT NULL CHECK (count > 0),
    speed_n        integer CHECK (speed_n >= 5),
    speed_mean_kmh double precision,
    CHECK (length_s >= 900 OR class IN ('car', 'bus', 'truck')),
    CHECK ((speed_n IS NULL) = (speed_mean_kmh IS NULL)),
    PRIMARY KEY (camera, length_s, start_at, line, direction, class, epoch)
) PARTITION BY RANGE (start_at);

-- Road users that entered by one line and left by another, in bins of 15 minutes or longer.
CREATE TABLE movement_bin (
    camera         text COLLATE "C" NOT NULL,
    length_s       integer NOT NULL CHECK (length_s IN (900, 3600, 86400)),
    start_at       timestamptz NOT NULL,
    from_line      text COLLATE "C" NOT NULL,
    to_line        text COLLATE "C" NOT NULL,
    class          text COLLATE "C" NOT NULL
                   CHECK (class IN ('car', 'bus', 'truck', 'motorcycle', 'bicycle', 'pedestrian')),
    epoch          bigint NOT NULL,
    count          integer NOT NULL CHECK (count > 0),
    speed_n        integer CHECK (speed_n >= 5),
    speed_mean_kmh double precision,
    CHECK ((speed_n IS NULL) = (speed_mean_kmh IS NULL)),
    PRIMARY KEY (camera, length_s, start_at, from_line, to_line, class, epoch)
) PARTITION BY RANGE (start_at);

-- Road users that entered a zone.
CREATE TABLE zone_bin (
    camera         text COLLATE "C" NOT NULL,
    length_s       integer NOT NULL CHECK (length_s IN (60, 300, 900, 3600, 86400)),
    start_at       timestamptz NOT NULL,
    zone           text COLLATE "C" NOT NULL,
    class          text COLLATE "C" NOT NULL
                   CHECK (class IN ('car', 'bus', 'truck', 'motorcycle', 'bicycle', 'pedestrian')),
    epoch          bigint NOT NULL,
    count          integer NOT NULL CHECK (count > 0),
    speed_n        integer CHECK (speed_n >= 5),
    speed_mean_kmh double precision,
    CHECK (length_s >= 900 OR class IN ('car', 'bus', 'truck')),
    CHECK ((speed_n IS NULL) = (speed_mean_kmh IS NULL)),
    PRIMARY KEY (camera, length_s, start_at, zone, class, epoch)
) PARTITION BY RANGE (start_at);

-- Makes the partitions of the UTC month that begins on `first_day`. A table is made first and attached
-- second, because attaching lets readers and writers of the other months go on. The advisory lock keeps two
-- processes from making the same month at once.
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
    FOREACH parent IN ARRAY ARRAY['coverage', 'line_bin', 'movement_bin', 'zone_bin'] LOOP
        child := parent || to_char(first_day, '_YYYY_MM');
        IF to_regclass(quote_ident(child)) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', child, parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                           parent, child, lower_bound, upper_bound);
        END IF;
    END LOOP;
END
$$;
