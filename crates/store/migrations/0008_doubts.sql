-- Seconds of a bin in which the camera itself was in question: its view was elsewhere, a fault was suspected and not
-- certain, visibility was low. They are of the camera, so that all of its lines share them, and add up.
ALTER TABLE coverage
    ADD COLUMN moved_s   double precision NOT NULL DEFAULT 0 CHECK (moved_s >= 0),
    ADD COLUMN doubted_s double precision NOT NULL DEFAULT 0 CHECK (doubted_s >= 0),
    ADD COLUMN dim_s     double precision NOT NULL DEFAULT 0 CHECK (dim_s >= 0);

-- Most quarters of an hour are in no question at all.
CREATE INDEX coverage_in_question ON coverage (camera, start_at) WHERE moved_s + doubted_s + dim_s > 0;

-- Crossings that were not counted because somebody was counted there, told apart by what that is known by: until now all
-- of them were in `duplicate`.
ALTER TABLE line_quality
    ADD COLUMN part     integer NOT NULL DEFAULT 0 CHECK (part >= 0),
    ADD COLUMN rejoined integer NOT NULL DEFAULT 0 CHECK (rejoined >= 0);
