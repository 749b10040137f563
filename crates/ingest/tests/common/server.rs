//! A real RTSP server on a port of its own, which can be killed and brought back, and a proxy that hangs.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer_rtsp_server as rtsp;
use gstreamer_rtsp_server::prelude::*;

/// H.264 of a moving ball, a keyframe a second.
pub const H264: &str = "videotestsrc is-live=true pattern=ball ! capsfilter name=size caps=video/x-raw,format=I420,width=160,height=120,framerate=25/1 \
    ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 ! rtph264pay name=pay0 pt=96 config-interval=-1";

/// A server with one stream at `/cam`.
pub struct Server {
    pub port: u16,
    server: rtsp::RTSPServer,
    main: glib::MainLoop,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// What a server is like.
#[derive(Default)]
pub struct Setting<'a> {
    pub launch: &'a str,
    /// 0: any.
    pub port: u16,
    /// User and password it asks for.
    pub login: Option<(&'a str, &'a str)>,
    /// PEM of certificate and key: speaks TLS.
    pub tls: Option<&'a str>,
}

impl Server {
    pub fn start(launch: &str) -> Self {
        Self::with(Setting { launch, ..Setting::default() })
    }

    pub fn with(setting: Setting<'_>) -> Self {
        wayside_ingest::init().unwrap();
        let server = rtsp::RTSPServer::new();
        server.set_address("127.0.0.1");
        server.set_service(&setting.port.to_string());
        let factory = rtsp::RTSPMediaFactory::new();
        factory.set_launch(&format!("( {} )", setting.launch));
        factory.set_shared(true);
        server.mount_points().unwrap().add_factory("/cam", factory.clone());
        if setting.login.is_some() || setting.tls.is_some() {
            let auth = rtsp::RTSPAuth::new();
            let role = |role: &str| rtsp::RTSPToken::builder().field("media.factory.role", role).build();
            if let Some((user, password)) = setting.login {
                auth.set_supported_methods(rtsp::gst_rtsp::RTSPAuthMethod::Digest);
                auth.add_digest(user, password, &role("user"));
                factory.add_role_from_structure(&access("user"));
            } else {
                auth.set_default_token(Some(&mut role("anyone")));
                factory.add_role_from_structure(&access("anyone"));
            }
            if let Some(pem) = setting.tls {
                auth.set_tls_certificate(Some(&rtsp::gio::TlsCertificate::from_pem(pem).unwrap()));
            }
            server.set_auth(Some(&auth));
        }
        let context = glib::MainContext::new();
        let main = glib::MainLoop::new(Some(&context), false);
        server.attach(Some(&context)).unwrap();
        let port = u16::try_from(server.bound_port()).unwrap();
        let thread = std::thread::spawn({
            let main = main.clone();
            move || context.with_thread_default(|| main.run()).unwrap()
        });
        Self { port, server, main, thread: Some(thread) }
    }

    /// The address of its stream.
    pub fn url(&self) -> String {
        format!("rtsp://127.0.0.1:{}/cam", self.port)
    }

    /// Calls `change` with the named element of each stream that is being served from now on.
    pub fn on_element(&self, name: &'static str, change: impl Fn(gst::Element) + Send + Sync + 'static) {
        let factory = self.server.mount_points().unwrap().match_("/cam").0;
        factory.connect_media_configure(move |_, media| {
            change(media.element().downcast::<gst::Bin>().unwrap().by_name(name).unwrap());
        });
    }
}

fn access(role: &str) -> gst::Structure {
    gst::Structure::builder(role)
        .field("media.factory.access", true)
        .field("media.factory.construct", true)
        .build()
}

impl Drop for Server {
    /// Closes all connections and the port, as a camera does that is switched off.
    fn drop(&mut self) {
        self.server.client_filter(Some(&mut |_, client| {
            client.close();
            rtsp::RTSPFilterResult::Remove
        }));
        self.main.quit();
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Forwards to a server until told to hang; then it neither forwards nor closes.
pub struct Proxy {
    pub port: u16,
    hangs: Arc<AtomicBool>,
}

impl Proxy {
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let hangs = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&hangs);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                for (from, to) in [(&client, &server), (&server, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    let flag = Arc::clone(&flag);
                    std::thread::spawn(move || forward(from, to, &flag));
                }
            }
        });
        Self { port, hangs }
    }

    pub fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::SeqCst);
    }
}

fn forward(mut from: TcpStream, mut to: TcpStream, hangs: &AtomicBool) {
    let mut bytes = [0; 4096];
    loop {
        let n = from.read(&mut bytes).unwrap_or(0);
        while hangs.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(10));
        }
        if n == 0 || to.write_all(&bytes[..n]).is_err() {
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// The port of something that answers whatever it is asked as a web server does.
pub fn web_server() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut asked = [0; 1024];
            if stream.read(&mut asked).is_ok() {
                drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno\n"));
            }
        }
    });
    port
}
