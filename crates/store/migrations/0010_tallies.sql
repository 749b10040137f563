-- Bicycles and motorcycles may be tallied together: in a silhouette of coarse cells nobody tells them apart.
ALTER TABLE audit DROP CONSTRAINT audit_class_check;
ALTER TABLE audit ADD CONSTRAINT audit_class_check CHECK
    (class IN ('motor', 'car', 'bus', 'truck', 'motorcycle', 'bicycle', 'pedestrian', 'two_wheeler'));

-- Packed days now know for how long the camera was in question. Those that were packed without it, and whose parts are still
-- there, are packed anew.
INSERT INTO rollup_due (camera, length_s, start_at, marks)
SELECT DISTINCT d.camera, 86400, d.start_at, 1
FROM camera_day d
JOIN coverage c ON c.camera = d.camera AND c.start_at >= d.start_at AND c.start_at < d.start_at + interval '24 hours'
WHERE c.length_s = 900 AND c.moved_s + c.doubted_s + c.dim_s > 0
ON CONFLICT (camera, length_s, start_at) DO UPDATE SET marks = rollup_due.marks + 1;
