-- Counts held against a person's tally. Totals of one line, direction and class over the same stretch of time: what was
-- tallied is no finer than what is stored, and says nothing of who tallied.
CREATE TABLE audit (
    camera     text COLLATE "C" NOT NULL,
    line       text COLLATE "C" NOT NULL,
    direction  text COLLATE "C" NOT NULL CHECK (direction IN ('forward', 'backward')),
    -- 'motor': cars, buses and lorries together.
    class      text COLLATE "C" NOT NULL
               CHECK (class IN ('motor', 'car', 'bus', 'truck', 'motorcycle', 'bicycle', 'pedestrian')),
    start_at   timestamptz NOT NULL,
    length_s   integer NOT NULL CHECK (length_s BETWEEN 60 AND 86400),
    counted    integer NOT NULL CHECK (counted >= 0),
    tallied    integer NOT NULL CHECK (tallied >= 0),
    -- Of the stretch, by the camera.
    observed_s double precision NOT NULL CHECK (observed_s >= 0),
    -- Of the flows by the hour.
    geh        double precision NOT NULL CHECK (geh >= 0),
    -- Absent where nobody was tallied.
    error_percent double precision,
    made_at    timestamptz NOT NULL,
    CHECK (length_s % 60 = 0),
    CHECK (class IN ('motor', 'car', 'bus', 'truck') OR length_s % 900 = 0),
    CHECK ((error_percent IS NULL) = (tallied = 0)),
    -- A tally that is given again replaces the one before.
    PRIMARY KEY (camera, start_at, length_s, line, direction, class)
);
