use std::fmt;
use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::LinkError;

/// Whom to trust, and who this is.
#[derive(Clone)]
pub struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// Trusts servers of `name` whose certificate one of `roots` has signed (PEM). With `identity`, a
    /// certificate chain and its key (PEM), this side shows who it is.
    ///
    /// # Errors
    /// If one of them cannot be read, or they do not belong together.
    pub fn new(
        name: &str,
        roots: &[u8],
        identity: Option<(&[u8], &[u8])>,
    ) -> Result<Self, LinkError> {
        let mut trusted = RootCertStore::empty();
        for root in certificates(roots)? {
            trusted.add(root).map_err(bad)?;
        }
        if trusted.is_empty() {
            return Err(bad("there is no root certificate"));
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(bad)?
            .with_root_certificates(trusted);
        let config = match identity {
            None => config.with_no_client_auth(),
            Some((chain, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key).map_err(bad)?;
                let chain = certificates(chain)?;
                config.with_client_auth_cert(chain, key).map_err(bad)?
            }
        };
        Self::with_config(name, config)
    }

    /// With a configuration of the user's.
    ///
    /// # Errors
    /// If the name is none.
    pub fn with_config(name: &str, config: ClientConfig) -> Result<Self, LinkError> {
        let name = ServerName::try_from(name.to_owned()).map_err(bad)?;
        let connector = TlsConnector::from(Arc::new(config));
        Ok(Self { connector, name })
    }

    pub(crate) async fn over(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        self.connector.connect(self.name.clone(), stream).await
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, LinkError> {
    let certificates = CertificateDer::pem_slice_iter(pem);
    certificates.collect::<Result<_, _>>().map_err(bad)
}

fn bad(error: impl fmt::Display) -> LinkError {
    LinkError::Tls(error.to_string())
}

/// Shows the name only.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
