//! The thread that feeds one mount's `appsrc`: it runs while somebody watches, keeps real time by the
//! pipeline's own clock and stops when the media is unprepared. What is fed lives in the feeds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;

use crate::error::CamsimError;

/// How far ahead of real time a buffer may be handed to the pipeline, which holds it until it is due.
const LEAD: Duration = Duration::from_millis(20);
/// The longest sleep before looking whether to stop.
const NAP: Duration = Duration::from_millis(20);

/// Asks every feed thread of a mount or a server to end.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Asks.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether somebody asked.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Where a feed puts its buffers: an `appsrc` paced by its pipeline's clock.
pub struct Outlet {
    appsrc: AppSrc,
    stops: [StopFlag; 2],
}

/// The media is gone or the server stops: the feed ends without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

impl Outlet {
    /// An outlet that ends when either flag is set.
    #[must_use]
    pub fn new(appsrc: AppSrc, stops: [StopFlag; 2]) -> Self {
        Self { appsrc, stops }
    }

    /// The pipeline's running time; `None` before it has a clock.
    #[must_use]
    pub fn running_time(&self) -> Option<Duration> {
        self.appsrc.current_running_time().map(Into::into)
    }

    /// Whether the feed should end.
    #[must_use]
    pub fn gone(&self) -> bool {
        self.stops.iter().any(StopFlag::is_set)
    }

    /// Sleeps until `at` of running time is near.
    ///
    /// # Errors
    /// [`Gone`] when the media ends meanwhile.
    pub fn wait_until(&self, at: Duration) -> Result<(), Gone> {
        loop {
            if self.gone() {
                return Err(Gone);
            }
            match self.running_time() {
                Some(now) if now + LEAD >= at => return Ok(()),
                Some(now) => thread::sleep((at - now - LEAD).clamp(Duration::from_millis(1), NAP)),
                None => thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    /// Announces what the buffers hold.
    pub fn set_caps(&self, caps: &gst::CapsRef) {
        self.appsrc.set_caps(Some(&caps.to_owned()));
    }

    /// Hands a buffer on; blocks while the pipeline's queue is full.
    ///
    /// # Errors
    /// [`Gone`] when the media has ended.
    pub fn push(&self, buffer: gst::Buffer) -> Result<(), Gone> {
        if self.gone() {
            return Err(Gone);
        }
        self.appsrc.push_buffer(buffer).map(|_| ()).map_err(|_| Gone)
    }
}

/// Something that shows on a mount.
pub trait Feed: Send + 'static {
    /// The pipeline from `appsrc name=source` to the payloader `pay0`.
    fn launch(&self) -> String;

    /// Feeds the outlet until it is [`Gone`].
    ///
    /// # Errors
    /// What ended the feed before its time; it is logged and the media ends.
    fn run(&mut self, outlet: &Outlet) -> Result<Gone, CamsimError>;
}

/// Starts feeding a media that was just configured.
///
/// # Errors
/// When the thread can't be started.
pub fn spawn(name: &str, mut feed: Box<dyn Feed>, outlet: Outlet) -> std::io::Result<thread::JoinHandle<()>> {
    let mount = name.to_owned();
    thread::Builder::new().name(format!("camsim {name}")).spawn(move || {
        if let Err(error) = feed.run(&outlet) {
            tracing::error!(mount, %error, "the simulated camera stops");
            // The clients see the end of the stream instead of a camera that hangs.
            let _ = outlet.appsrc.end_of_stream();
        }
    })
}
