-- A past for cameras that have just been started, so that the page has something to compare with: eight weeks of the
-- weekdays of yesterday and today, yesterday itself, and today up to an hour ago. Counts follow a made profile of the hour and
-- are no measurements. In the order of their ids, yesterday
--   the first camera had half as much again as usual from 15:00 to 19:00, watched nothing from 10:00 to 11:30 because it
--   gave no signal, and only five minutes of the quarter after that;
--   the second had little more than half of the usual from 06:00 to 10:00;
--   the third was there for the first time.
-- `psql --set yesterday=2026-11-21` says which day that is. Times are UTC, on which the site's clock runs in these checks.
BEGIN;

CREATE TEMP TABLE one AS
SELECT camera, config_version, (row_number() OVER (ORDER BY camera))::int AS place FROM camera;

CREATE TEMP TABLE day AS
SELECT :'yesterday'::date + 1 - back - 7 * weeks AS date, back, weeks
FROM generate_series(0, 1) back, generate_series(0, 8) weeks;

SELECT ensure_month(month::date) FROM (SELECT DISTINCT date_trunc('month', date::timestamp) AS month FROM day) AS months;

CREATE TEMP TABLE quarter AS
SELECT one.camera, one.config_version, one.place, day.back, day.weeks, quarter,
       day.date::timestamp AT TIME ZONE 'UTC' + make_interval(mins => 15 * quarter) AS start_at,
       quarter / 4.0 AS hour
FROM one, day, generate_series(0, 95) quarter
WHERE one.place < 3 OR (day.back = 1 AND day.weeks = 0);

DELETE FROM quarter WHERE start_at > date_trunc('hour', now()) - interval '75 minutes';
-- The gap of the first camera.
DELETE FROM quarter WHERE place = 1 AND back = 1 AND weeks = 0 AND quarter BETWEEN 40 AND 45;

INSERT INTO coverage
SELECT camera, 60, start_at + make_interval(mins => minute), 0, 60, 0, 'good', config_version
FROM quarter, generate_series(0, 14) minute
WHERE NOT (place = 1 AND back = 1 AND weeks = 0 AND quarter = 46 AND minute < 10)
UNION ALL
SELECT camera, 900, start_at, 0, CASE WHEN place = 1 AND back = 1 AND weeks = 0 AND quarter = 46 THEN 300 ELSE 900 END, 0,
       CASE WHEN place = 1 AND back = 1 AND weeks = 0 AND quarter = 46 THEN 'poor' ELSE 'good' END, config_version
FROM quarter;

CREATE TEMP TABLE counted AS
SELECT q.*, l.line, d.direction, round(
    (4 + 46 * exp(-power((hour - 7.75) / 1.7, 2)) + 22 * exp(-power((hour - 13) / 3.5, 2)) + 55 * exp(-power((hour - 17) / 2.1, 2)))
    * (0.86 + (weeks * 5 + quarter / 4) % 8 * 0.04)
    * CASE d.direction WHEN 'forward' THEN 1 ELSE 0.7 END
    * CASE WHEN back = 1 AND weeks = 0 AND place = 1 AND hour >= 15 AND hour < 19 THEN 1.5
           WHEN back = 1 AND weeks = 0 AND place = 2 AND hour >= 6 AND hour < 10 THEN 0.55 ELSE 1 END
    + (weeks * 37 + quarter * 11 + length(l.line)) % 7 - 3)::int AS cars
FROM quarter q
JOIN camera_line l USING (camera, config_version)
CROSS JOIN (VALUES ('forward'), ('backward')) AS d (direction);

-- Motor vehicles are kept by the minute, others by the quarter.
INSERT INTO line_bin
SELECT camera, 60, start_at + interval '12 minutes', line, direction, 'car', 0, cars FROM counted WHERE cars > 0
UNION ALL
SELECT camera, 60, start_at + interval '12 minutes', line, direction, 'truck', 0, cars / 8 FROM counted WHERE cars >= 8
UNION ALL
SELECT camera, 900, start_at, line, direction, 'bicycle', 0, cars / 5 FROM counted WHERE cars >= 5;

INSERT INTO rollup_due
SELECT DISTINCT camera, length_s, date_bin(make_interval(secs => length_s), start_at, 'epoch'), 1
FROM quarter, (VALUES (900), (3600), (86400)) AS lengths (length_s)
ON CONFLICT (camera, length_s, start_at) DO UPDATE SET marks = rollup_due.marks + 1;

INSERT INTO incident (id, camera, epoch, revision, kind, state, severity, confidence, started_at, detected_at, last_seen_at, ended_at)
SELECT camera || '.0.1', camera, 0, 2, 'camera_no_signal', 'ended', 'severe', 1,
       day + interval '10 hours', day + interval '10 hours 10 seconds', day + interval '11 hours 40 minutes', day + interval '11 hours 40 minutes'
FROM one, (SELECT :'yesterday'::date::timestamp AT TIME ZONE 'UTC' AS day) AS yesterday
WHERE place = 1;

COMMIT;
