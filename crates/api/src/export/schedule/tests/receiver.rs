//! A receiver of what is posted, on a thread of its own: over HTTP or HTTPS.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, mpsc};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A receiver that answers each request with the next of some statuses and tells what it got.
pub(super) struct Receiver {
    pub(super) url: String,
    pub(super) told: mpsc::Receiver<String>,
}

impl Receiver {
    /// Over HTTP.
    pub(super) fn plain(statuses: &'static [u16]) -> Self {
        Self::start("http", statuses, |stream, status| Some(answer(stream, status)))
    }

    /// Over HTTPS, with the certificate that this authority signed. Whoever does not trust it gets no status.
    pub(super) fn tls(statuses: &'static [u16], authority: &Authority) -> Self {
        let certificates = CertificateDer::pem_file_iter(&authority.certificate).unwrap();
        let key = PrivateKeyDer::from_pem_file(&authority.key).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates.map(Result::unwrap).collect(), key)
            .unwrap();
        let config = Arc::new(config);
        Self::start("https", statuses, move |mut stream, status| {
            let mut connection = ServerConnection::new(config.clone()).unwrap();
            connection.complete_io(&mut stream).ok()?;
            Some(answer(StreamOwned::new(connection, stream), status))
        })
    }

    fn start(
        scheme: &str,
        statuses: &'static [u16],
        mut serve: impl FnMut(TcpStream, u16) -> Option<String> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            for status in statuses {
                let got = std::iter::repeat_with(|| listener.accept().unwrap().0);
                let got = got.map(|stream| serve(stream, *status)).find_map(|got| got);
                tell.send(got.unwrap()).unwrap();
            }
        });
        Self { url: format!("{scheme}://{address}/in?key=k3y"), told }
    }
}

/// A certificate authority, and what it signed for 127.0.0.1: PEM files.
pub(super) struct Authority {
    pub(super) file: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Authority {
    /// Made by `openssl`; nothing where that can't be done.
    pub(super) fn new(dir: &Path, name: &str) -> Option<Self> {
        let at = |what: &str| dir.join(format!("{name}{what}.pem"));
        let (file, own_key, certificate, key) = (at(""), at("-own-key"), at("-signed"), at("-key"));
        let request = |subject: &str| {
            let mut openssl = Command::new("openssl");
            openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", subject]);
            openssl
        };
        let subject = format!("/CN=authority {name}");
        let own = request(&subject).arg("-keyout").arg(&own_key).arg("-out").arg(&file).output();
        let own = own.is_ok_and(|output| output.status.success());
        let signed = request("/CN=receiver")
            .args(["-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"])
            .arg("-CA")
            .arg(&file)
            .arg("-CAkey")
            .arg(&own_key)
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .output();
        (own && signed.is_ok_and(|output| output.status.success())).then_some(Self { file, certificate, key })
    }
}

fn answer(mut stream: impl Read + Write, status: u16) -> String {
    let (mut got, mut buffer) = (Vec::new(), [0; 4_096]);
    loop {
        let text = String::from_utf8_lossy(&got).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then(|| value.parse::<usize>().unwrap())
            });
            if length.is_some_and(|length| body.len() >= length) {
                break;
            }
        }
        let n = stream.read(&mut buffer).unwrap();
        assert!(n > 0, "the request ended early: {text}");
        got.extend_from_slice(&buffer[..n]);
    }
    let location = if status == 307 { "location: http://127.0.0.1:1/elsewhere\r\n" } else { "" };
    write!(stream, "HTTP/1.1 {status} X\r\n{location}content-length: 0\r\nconnection: close\r\n\r\n")
        .unwrap();
    stream.flush().unwrap();
    String::from_utf8(got).unwrap()
}
