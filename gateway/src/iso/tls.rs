//! TLS of a link: who we are, and whom we let in.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;
use webpki::EndEntityCert;

/// What is needed for TLS.
#[derive(Debug)]
pub struct Files {
    /// Our certificate and what it is signed by (PEM).
    pub certificate: PathBuf,
    /// Its key (PEM).
    pub key: PathBuf,
    /// Who signs clients' certificates (PEM); without it clients need none.
    pub client_ca: Option<PathBuf>,
    /// DNS names of the clients that may connect; all that have a name where it is empty.
    pub clients: Vec<String>,
    /// How long a handshake may take.
    pub handshake_patience: Duration,
}

/// Something that is wrong with them.
#[derive(Debug)]
pub struct TlsFault {
    /// The key in the links file.
    pub key: &'static str,
    /// What is wrong.
    pub what: String,
    /// How to make it right.
    pub cure: &'static str,
}

/// Why a client was not let in.
#[derive(Debug, thiserror::Error)]
pub enum Unwelcome {
    /// The handshake failed.
    #[error("the handshake failed: {0}")]
    Handshake(std::io::Error),
    /// It took too long.
    #[error("the handshake was not over in time")]
    Late,
    /// Nobody can be told apart by this certificate.
    #[error(
        "the client's certificate has no DNS name; have one issued with a subject alternative name"
    )]
    Nameless,
    /// A client of somebody else's.
    #[error("`{0}` is not among the clients of this link; add it to tls.clients if it may connect")]
    Stranger(String),
}

/// Lets clients in.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    asks_for_certificates: bool,
    clients: Arc<[String]>,
    handshake_patience: Duration,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("asks_for_certificates", &self.asks_for_certificates)
            .field("clients", &self.clients)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// If one cannot be read, or is not what it should be.
    pub fn new(files: Files) -> Result<Self, TlsFault> {
        if files.client_ca.is_none() && !files.clients.is_empty() {
            return Err(TlsFault {
                key: "tls.clients",
                what: "clients are named, and nobody asks for their certificates".into(),
                cure: "say who signs them: tls.client_ca",
            });
        }
        let provider = Arc::new(ring::default_provider());
        let chain = certificates("tls.certificate", &files.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|error| TlsFault {
            key: "tls.key",
            // It may not show what stands in the file.
            what: format!("{}: {error}", files.key.display()),
            cure: "give a PEM file with the private key, readable for the gateway",
        })?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable("tls", &error))?;
        let builder = match &files.client_ca {
            None => builder.with_no_client_auth(),
            Some(path) => builder.with_client_cert_verifier(verifier(path, provider)?),
        };
        let config = builder
            .with_single_cert(chain, key)
            .map_err(|error| unusable("tls.certificate", &error))?;
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            asks_for_certificates: files.client_ca.is_some(),
            clients: files.clients.into(),
            handshake_patience: files.handshake_patience,
        })
    }

    /// Whether a client without a certificate is refused.
    pub fn asks_for_certificates(&self) -> bool {
        self.asks_for_certificates
    }

    /// Shakes hands; with the client's name, where it has to have one.
    ///
    /// # Errors
    /// If the client may not connect, or does not get on.
    pub async fn accept(
        &self,
        stream: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, Option<Arc<str>>), Unwelcome> {
        let shaking = timeout(self.handshake_patience, self.acceptor.accept(stream));
        let stream = match shaking.await {
            Err(_) => return Err(Unwelcome::Late),
            Ok(Err(error)) => return Err(Unwelcome::Handshake(error)),
            Ok(Ok(stream)) => stream,
        };
        if !self.asks_for_certificates {
            return Ok((stream, None));
        }
        let certificates = stream.get_ref().1.peer_certificates();
        let first = certificates.and_then(|all| all.first());
        let name = self.known(first.ok_or(Unwelcome::Nameless)?)?;
        Ok((stream, Some(name)))
    }

    /// The name of a client that may connect.
    fn known(&self, certificate: &CertificateDer<'_>) -> Result<Arc<str>, Unwelcome> {
        let certificate = EndEntityCert::try_from(certificate).map_err(|_| Unwelcome::Nameless)?;
        let names: Vec<&str> = certificate.valid_dns_names().collect();
        let first = names.first().ok_or(Unwelcome::Nameless)?;
        if self.clients.is_empty() {
            return Ok((*first).into());
        }
        let is_client = |name: &&&str| self.clients.iter().any(|it| it.eq_ignore_ascii_case(name));
        let client = names.iter().find(is_client);
        match client {
            Some(name) => Ok((*name).into()),
            None => Err(Unwelcome::Stranger((*first).to_owned())),
        }
    }
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let fault = |what| TlsFault {
        key,
        what,
        cure: "give a PEM file with one certificate or more",
    };
    let path_shown = path.display();
    let all: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    match all {
        Ok(all) if all.is_empty() => Err(fault(format!("{path_shown} has no certificate"))),
        Ok(all) => Ok(all),
        Err(error) => Err(fault(format!("{path_shown}: {error}"))),
    }
}

fn verifier(
    path: &Path,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsFault> {
    const KEY: &str = "tls.client_ca";
    let mut roots = RootCertStore::empty();
    for certificate in certificates(KEY, path)? {
        roots
            .add(certificate)
            .map_err(|error| unusable(KEY, &error))?;
    }
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| unusable(KEY, &error))
}

fn unusable(key: &'static str, error: &dyn fmt::Display) -> TlsFault {
    TlsFault {
        key,
        what: format!("it cannot be used: {error}"),
        cure: "check that certificate and key belong together, and that both are in PEM",
    }
}
