-- Incidents: what was wrong on a road or with a camera, where, when and why. Nothing about who: no track, no box, a
-- place no finer than a tenth of a metre on the road. A row is written whole each time that more is known; of two
-- writings the one with the larger (revision, last_seen_at) stays. Few rows, so that they are not partitioned.
CREATE TABLE incident (
    -- camera.epoch.number: the same for ever, and the same when a record is written again.
    id           text COLLATE "C" NOT NULL PRIMARY KEY,
    camera       text COLLATE "C" NOT NULL,
    -- The run of the program that saw it.
    epoch        bigint NOT NULL,
    revision     integer NOT NULL CHECK (revision > 0),
    kind         text COLLATE "C" NOT NULL
                 CHECK (kind IN ('stopped_vehicle', 'wrong_way', 'congestion', 'pedestrian_on_carriageway',
                                 'object_on_road', 'low_visibility', 'watch_changed', 'camera_no_signal',
                                 'camera_frozen', 'camera_dark', 'camera_blurred', 'camera_moved', 'external')),
    -- 'unknown': nobody watched its end.
    state        text COLLATE "C" NOT NULL CHECK (state IN ('open', 'ended', 'unknown')),
    severity     text COLLATE "C" NOT NULL CHECK (severity IN ('minor', 'moderate', 'severe', 'extreme')),
    confidence   double precision NOT NULL CHECK (confidence BETWEEN 0 AND 1),
    zone         text COLLATE "C",
    started_at   timestamptz NOT NULL,
    detected_at  timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    ended_at     timestamptz,
    -- The place in the picture, fractions of width and height, of people the middle of a grid cell.
    image_x      double precision,
    image_y      double precision,
    -- The same on the ground, metres of the calibration, and on the map, degrees.
    ground_x_m   double precision,
    ground_y_m   double precision,
    lon          double precision,
    lat          double precision,
    CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    CHECK (num_nulls(image_x, image_y) IN (0, 2)),
    CHECK (num_nulls(ground_x_m, ground_y_m) IN (0, 2)),
    CHECK (num_nulls(lon, lat) IN (0, 2))
);

-- The list is read from the newest on, of all cameras or of some.
CREATE INDEX incident_newest ON incident (detected_at, id);
CREATE INDEX incident_of_camera ON incident (camera, detected_at, id);
CREATE INDEX incident_open ON incident (camera, epoch) WHERE state = 'open';

-- Why the rule fired: what was found, each against the setting that it was held against.
CREATE TABLE incident_reason (
    incident text COLLATE "C" NOT NULL REFERENCES incident ON DELETE CASCADE,
    position smallint NOT NULL,
    what     text NOT NULL,
    value    double precision NOT NULL,
    setting  text NOT NULL,
    set_to   double precision NOT NULL,
    PRIMARY KEY (incident, position)
);
