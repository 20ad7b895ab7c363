//! A company's proxy: the only way out, it asks for a password, and it opens every TLS connection with certificates of an
//! authority of its own.

use std::collections::BTreeSet;
use std::io::{Error, Result};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// Name and password that it wants.
pub const LOGIN: (&str, &str) = ("ada", "hush-hush");
/// The longest head of a request that is read.
const LONGEST_HEAD: usize = 64 * 1024;

/// The running proxy; it ends when it is dropped.
pub struct Interceptor {
    pub port: u16,
    /// The certificate of its authority, as PEM.
    pub authority: String,
    inner: Arc<Inner>,
    _runtime: tokio::runtime::Runtime,
}

struct Inner {
    folder: tempfile::TempDir,
    upstream: Arc<rustls::ClientConfig>,
    asked: Mutex<BTreeSet<String>>,
    turned_away: Mutex<usize>,
    minting: Mutex<()>,
}

impl Interceptor {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("openssl.cnf"), "[req]\ndistinguished_name = name\n[name]\n").unwrap();
        openssl(folder.path(), "ecparam -name prime256v1 -genkey -noout -out ca.key");
        openssl(folder.path(), "ecparam -name prime256v1 -genkey -noout -out leaf.key");
        let basic = "-addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign";
        openssl(
            folder.path(),
            &format!("req -x509 -new -key ca.key -days 2 -subj /CN=Interceptor {basic} -out ca.pem"),
        );
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let upstream = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let authority = std::fs::read_to_string(folder.path().join("ca.pem")).unwrap();
        let inner = Arc::new(Inner {
            folder,
            upstream: Arc::new(upstream),
            asked: Mutex::default(),
            turned_away: Mutex::default(),
            minting: Mutex::default(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0))).unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = Arc::clone(&inner);
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let inner = Arc::clone(&serving);
                // a connection that breaks is the client's to report
                tokio::spawn(async move { drop(inner.serve(client).await) });
            }
        });
        Self { port, authority, inner, _runtime: runtime }
    }

    /// Hosts that were asked through it, those of opened TLS connections as `host:443`.
    pub fn asked(&self) -> BTreeSet<String> {
        self.inner.asked.lock().unwrap().clone()
    }
}

impl Inner {
    async fn serve(&self, mut client: TcpStream) -> Result<()> {
        let head = read_head(&mut client).await?;
        let login = base64::engine::general_purpose::STANDARD.encode(format!("{}:{}", LOGIN.0, LOGIN.1));
        let wanted = format!("proxy-authorization: basic {login}").to_lowercase();
        if !head.lines().any(|line| line.to_lowercase() == wanted) {
            *self.turned_away.lock().unwrap() += 1;
            let answer = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"company\"\r\n\
                          Content-Length: 0\r\nConnection: close\r\n\r\n";
            return client.write_all(answer.as_bytes()).await;
        }
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        if method == "CONNECT" { self.open(client, target).await } else { self.forward(client, &head, target).await }
    }

    /// TLS: a certificate of ours to the client, a connection of ours to the server.
    async fn open(&self, mut client: TcpStream, target: &str) -> Result<()> {
        self.asked.lock().unwrap().insert(target.to_owned());
        let (host, _) = target.rsplit_once(':').ok_or_else(|| Error::other("no port"))?;
        let server = TcpStream::connect(target).await?;
        client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        let mut client = TlsAcceptor::from(self.identity(host)).accept(client).await?;
        let name = ServerName::try_from(host.to_owned()).map_err(Error::other)?;
        let mut server = TlsConnector::from(Arc::clone(&self.upstream)).connect(name, server).await?;
        tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
    }

    /// Plain HTTP, one request per connection.
    async fn forward(&self, mut client: TcpStream, head: &str, target: &str) -> Result<()> {
        let url = url::Url::parse(target).map_err(Error::other)?;
        let host = url.host_str().ok_or_else(|| Error::other("no host"))?;
        self.asked.lock().unwrap().insert(host.to_owned());
        let mut server = TcpStream::connect((host, url.port_or_known_default().unwrap_or(80))).await?;
        let mut sent = head.replacen(target, &target[target.find(url.path()).unwrap_or(0)..], 1);
        let kept = |line: &&str| {
            let line = line.to_lowercase();
            !line.starts_with("proxy-") && !line.starts_with("connection:")
        };
        sent = sent.trim_end().lines().filter(kept).map(|line| format!("{line}\r\n")).collect();
        server.write_all(format!("{sent}Connection: close\r\n\r\n").as_bytes()).await?;
        tokio::io::copy(&mut server, &mut client).await?;
        client.shutdown().await?;
        // what the client sent ahead is left unread no sooner than it has read the answer: a reset would eat that
        tokio::io::copy(&mut client, &mut tokio::io::sink()).await.map(drop)
    }

    /// A certificate for this host, made on first use.
    fn identity(&self, host: &str) -> Arc<rustls::ServerConfig> {
        let _turn = self.minting.lock().unwrap();
        let folder = self.folder.path();
        let file = PathBuf::from(format!("{host}.pem"));
        if !folder.join(&file).exists() {
            openssl(
                folder,
                &format!(
                    "req -x509 -new -key leaf.key -CA ca.pem -CAkey ca.key -days 2 -subj /CN={host} \
                     -addext subjectAltName=DNS:{host} -addext basicConstraints=critical,CA:FALSE -out {}",
                    file.display()
                ),
            );
        }
        let certificates = [file.as_path(), Path::new("ca.pem")]
            .map(|file| CertificateDer::from_pem_file(folder.join(file)).expect("a certificate"));
        let key = PrivateKeyDer::from_pem_file(folder.join("leaf.key")).expect("a key");
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(certificates.to_vec(), key);
        Arc::new(config.expect("an identity"))
    }
}

async fn read_head(client: &mut (impl AsyncRead + Unpin)) -> Result<String> {
    let mut head = Vec::new();
    // byte by byte: what follows the head belongs to the connection
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > LONGEST_HEAD {
            return Err(Error::other("a head too long"));
        }
        head.push(client.read_u8().await?);
    }
    String::from_utf8(head).map_err(Error::other)
}

fn openssl(folder: &Path, words: &str) {
    let made = Command::new("openssl")
        .args(words.split_whitespace())
        .current_dir(folder)
        .env("OPENSSL_CONF", "openssl.cnf")
        .stdin(Stdio::null())
        .output()
        .expect("openssl");
    assert!(made.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&made.stderr));
}
