//! The engine's slow clock: once a second it closes bins that are over, and at longer intervals it
//! saves the checkpoint and tells pages how cameras are. Nothing here is on a frame's path.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use metrics::gauge;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use wayside_store::{Checkpoint, OpenState};
use wayside_types::{CameraState, ClosedBins, LiveEvent, MachineStatus};

use crate::camera::LiveCamera;
use crate::live::Shared;
use crate::source::Source;

/// Pages are shown the icons of the moment at most this often, and bins are closed as often.
const TICK: Duration = Duration::from_secs(1);
const STATUS_EVERY_TICKS: u64 = 2;
const CHECKPOINT_EVERY_TICKS: u64 = 10;

/// Ticks until the engine stops. `sources` are in the order of the cameras.
pub fn run(shared: &Shared, sources: &[Option<Box<dyn Source>>], seed: u64) {
    let mut rng = Pcg64Mcg::seed_from_u64(seed);
    let mut due = shared.clock.monotonic() + TICK;
    let mut ticks: u64 = 0;
    // Whether the checkpoint holds what may have been dropped since.
    let mut supposed = false;
    while !shared.stopping.load(Ordering::Acquire) {
        let now = shared.clock.monotonic();
        if now < due {
            std::thread::park_timeout(due - now);
            continue;
        }
        // A machine that slept makes one tick, not many.
        due = (due + TICK).max(now);
        ticks += 1;
        close_bins(shared, &mut supposed);
        keep_pace(shared);
        show_icons(shared, &mut rng);
        note_silence(shared);
        shared.hub.forget_silhouettes();
        note_waiting(shared);
        if ticks.is_multiple_of(STATUS_EVERY_TICKS) {
            refresh(shared, sources);
        }
        if ticks.is_multiple_of(CHECKPOINT_EVERY_TICKS) {
            supposed = save_checkpoint(&shared.cameras, &shared.checkpoint, &[]);
        }
    }
}

fn note_waiting(shared: &Shared) {
    for (camera, depth) in shared.cameras.iter().zip(shared.queue.depths()) {
        gauge!("wayside_frames_waiting", "camera" => camera.spec.id.to_string()).set(depth as f64);
    }
}

fn close_bins(shared: &Shared, supposed: &mut bool) {
    let now = shared.clock.now();
    let mut closed: Vec<ClosedBins> = Vec::new();
    let mut events = Vec::new();
    for camera in &shared.cameras {
        for bins in camera.close_bins(now) {
            let next_close_at = camera.next_close_at(&bins, now);
            events.push(LiveEvent::Bins { closed: Arc::new(bins.clone()), next_close_at });
            closed.push(bins);
        }
    }
    if closed.is_empty() {
        return;
    }
    if *supposed {
        // Whoever starts after a kill takes the larger of a bin in the checkpoint and the same one closed.
        *supposed = save_checkpoint(&shared.cameras, &shared.checkpoint, &closed);
    }
    // Kept first, shown second: what a page has seen must still be there after a crash.
    if let Err(error) = shared.writer.submit(closed) {
        tracing::error!(%error, "closed bins could not be spooled; they are kept in memory");
    }
    for event in events {
        shared.hub.publish(event);
    }
}

/// Slows all cameras down or lets them go faster again, and says so.
fn keep_pace(shared: &Shared) {
    let before = shared.load.share();
    let Some(share) = shared.load.tick(shared.clock.monotonic()) else { return };
    let percent = share * 100.0;
    if share < before {
        tracing::warn!(percent, "the machine is overloaded: cameras go down to this share of their rates");
    } else {
        tracing::info!(percent, "there is room again: cameras go up to this share of their rates");
    }
    for camera in &shared.cameras {
        let rate_fps = camera.spec.profile.rate_fps;
        let status = camera.board.slowed((share < 1.0).then_some(rate_fps * share));
        shared.hub.publish(LiveEvent::Camera(status));
    }
}

fn show_icons(shared: &Shared, rng: &mut Pcg64Mcg) {
    let now = shared.clock.now();
    for camera in &shared.cameras {
        let mut icons = camera.icons(now);
        icons.shuffle(rng);
        shared.hub.publish(LiveEvent::Icons { camera: camera.spec.id.clone(), icons });
    }
}

/// Tells cameras that no frame comes; a file that was played to its end is none of them.
fn note_silence(shared: &Shared) {
    let (now, monotonic) = (shared.clock.now(), shared.clock.monotonic());
    for camera in &shared.cameras {
        let status = shared.hub.status(&camera.spec.id);
        if status.is_none_or(|status| status.state != CameraState::Ended) {
            camera.silent(now, monotonic);
        }
    }
}

fn refresh(shared: &Shared, sources: &[Option<Box<dyn Source>>]) {
    let now = shared.clock.monotonic();
    for (camera, source) in shared.cameras.iter().zip(sources) {
        let status = camera.board.refresh(source.as_ref().map(|source| source.stats()), now);
        shared.hub.publish(LiveEvent::Camera(status));
    }
    shared.hub.publish(LiveEvent::Machine(machine(shared)));
}

fn machine(shared: &Shared) -> MachineStatus {
    let store = shared.writer.stats();
    MachineStatus {
        workers: u32::try_from(shared.load.workers()).unwrap_or(u32::MAX),
        busy_share: shared.load.busy().clamp(0.0, 1.0),
        waiting_frames: shared.queue.depth() as u64,
        rate_share: shared.load.share(),
        store_ms: store.last_write.map(|took| took.as_secs_f64() * 1000.0),
        spooled_rows: store.spooled_rows,
    }
}

/// Saves what is open, and bins that are about to be handed to the writer. Says whether the checkpoint holds what may yet
/// be dropped, as a suspicion of a fault is open.
pub(crate) fn save_checkpoint(
    cameras: &[Arc<LiveCamera>],
    checkpoint: &Checkpoint,
    closing: &[ClosedBins],
) -> bool {
    let mut bins = closing.to_vec();
    let mut supposed = false;
    for camera in cameras {
        let open = camera.open_bins();
        bins.extend(open.bins);
        supposed |= open.supposed;
    }
    let incidents = cameras.iter().flat_map(|camera| camera.open_incidents()).collect();
    if let Err(error) = checkpoint.save(&OpenState { bins, incidents }) {
        tracing::error!(%error, "checkpoint not saved; a crash now would lose the open bins and when incidents were last seen");
    }
    supposed
}
