//! TLS, with certificates that are made for each test.

use std::sync::Arc;

use iso8583_link::tokio_rustls::TlsAcceptor;
use iso8583_link::tokio_rustls::rustls::crypto::ring;
use iso8583_link::tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use iso8583_link::tokio_rustls::rustls::server::WebPkiClientVerifier;
use iso8583_link::tokio_rustls::rustls::{RootCertStore, ServerConfig};
use iso8583_link::{Address, Connection, LinkError, Retry, Tls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpListener;

use crate::peer::{Peer, answer, quiet};

const NAME: &str = "issuer.example";

/// Who signs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
struct Signed {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    fn sign(&self, name: &str) -> Signed {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Signed { certificate, key }
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server with a certificate of this authority, which wants one of its clients too.
    fn acceptor(&self) -> TlsAcceptor {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let clients =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let own = self.sign(NAME);
        let chain: Vec<CertificateDer<'static>> = vec![own.certificate.der().clone()];
        let key = PrivateKeyDer::try_from(own.key.serialize_der()).unwrap();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients.build().unwrap())
            .with_single_cert(chain, key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

/// What a link over TLS makes of it: an echo, and its end.
async fn talk(server: TlsAcceptor, tls: Tls) -> Result<(), LinkError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::tls(listener.local_addr().unwrap().to_string(), tls);
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(stream) = server.accept(stream).await else {
            return;
        };
        let mut peer = Peer::of(stream, quiet().framing);
        let echo = peer.heard().await;
        peer.send(&answer(&echo, "00")).await;
        assert_eq!(peer.next().await, None, "it says that it closes");
    });
    let link = Connection::connect(&address, quiet()).await;
    let said = match link {
        Ok(link) => link.echo().await.map(|reply| {
            assert_eq!(reply.response_code(), "00");
        }),
        Err(error) => Err(error),
    };
    serving.await.unwrap();
    said
}

#[tokio::test]
async fn both_sides_show_who_they_are() {
    let authority = Authority::new();
    let own = authority.sign("processor.example");
    let (chain, key) = (own.certificate.pem(), own.key.serialize_pem());
    let identity = Some((chain.as_bytes(), key.as_bytes()));
    let tls = Tls::new(NAME, authority.pem().as_bytes(), identity).unwrap();
    assert!(!format!("{tls:?}").contains("PRIVATE"));
    talk(authority.acceptor(), tls).await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_known_or_has_another_name_is_sent_nothing() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (name, roots) in [(NAME, stranger.pem()), ("other.example", authority.pem())] {
        let tls = Tls::new(name, roots.as_bytes(), None).unwrap();
        let error = talk(authority.acceptor(), tls).await.unwrap_err();
        assert!(matches!(error, LinkError::Connect { .. }), "{error}");
        assert!(
            error.to_string().contains("invalid peer certificate"),
            "{error}"
        );
        assert_eq!(error.retry(), Retry::Safe);
    }
}

#[tokio::test]
async fn a_client_that_shows_nothing_is_refused_by_a_server_that_asks() {
    let authority = Authority::new();
    let tls = Tls::new(NAME, authority.pem().as_bytes(), None).unwrap();
    // Under TLS 1.3 the client hears of it after it has connected.
    let error = talk(authority.acceptor(), tls).await.unwrap_err();
    assert!(
        matches!(error, LinkError::Lost { .. } | LinkError::Ended(_)),
        "{error}"
    );
}

#[test]
fn what_is_no_certificate_is_refused() {
    let authority = Authority::new();
    let own = authority.sign("processor.example");
    let (pem, other) = (
        authority.pem(),
        KeyPair::generate().unwrap().serialize_pem(),
    );
    let certificate = own.certificate.pem();
    for (name, roots, identity) in [
        (NAME, &b"nothing"[..], None),
        ("not a name", pem.as_bytes(), None),
        (
            NAME,
            pem.as_bytes(),
            Some((certificate.as_bytes(), &b"no key"[..])),
        ),
        (
            NAME,
            pem.as_bytes(),
            Some((certificate.as_bytes(), other.as_bytes())),
        ),
    ] {
        let error = Tls::new(name, roots, identity).unwrap_err();
        assert!(matches!(error, LinkError::Tls(_)), "{error}");
        assert_eq!(error.retry(), Retry::Never);
    }
}
