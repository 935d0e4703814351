//! TLS: who may connect, and that nothing else about a link is different.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use iso8583::Mti;
use iso8583::frame::Framing;
use iso8583::profile::ASCII_HEX;
use iso8583_link::{Address, Connection, Settings, Tls};
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tests::iso_client::authorization_message;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::Links;
use super::peer::Peer;
use crate::support::PATIENCE;

const ENDED: &str = "holdfast_link_ended_total";
const HANDSHAKE: (&str, &str) = ("cause", "handshake");
const OURS: &str = "gateway.example";

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// Who signs.
fn authority(name: &str) -> anyhow::Result<Issuer> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(rcgen::DnType::CommonName, name);
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

/// A certificate for a DNS name, and its key.
fn certificate(name: &str, by: &Issuer) -> anyhow::Result<(Certificate, KeyPair)> {
    let key = KeyPair::generate()?;
    let params = CertificateParams::new(vec![name.to_owned()])?;
    Ok((params.signed_by(&key, by)?, key))
}

/// A gateway with a TLS link, and everybody's certificates.
struct Secured {
    links: Links,
    authority: Issuer,
}

impl Secured {
    async fn start(tls: &str) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        let authority = authority("the authority")?;
        let (ours, key) = certificate(OURS, &authority)?;
        write(&directory, "ca.pem", &authority.pem())?;
        write(&directory, "gateway.pem", &ours.pem())?;
        write(&directory, "gateway.key", &key.serialize_pem())?;
        let at = |name: &str| directory.path().join(name).display().to_string();
        let table = format!(
            "[link.tls]\ncertificate = '{}'\nkey = '{}'\nclient_ca = '{}'\n{tls}",
            at("gateway.pem"),
            at("gateway.key"),
            at("ca.pem")
        );
        let links = Links::start_in(directory, &[("visa", &table)]).await?;
        Ok(Self { links, authority })
    }

    /// Shakes hands as a client of this name, whose certificate is by `by`, or without one.
    async fn stream(
        &self,
        client: Option<(&str, &Issuer)>,
    ) -> anyhow::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone())?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match client {
            None => builder.with_no_client_auth(),
            Some((name, by)) => {
                let (certificate, key) = certificate(name, by)?;
                let key = PrivateKeyDer::try_from(key.serialize_der());
                let key = key.map_err(|error| anyhow::anyhow!("{error}"))?;
                builder.with_client_auth_cert(vec![certificate.der().clone()], key)?
            }
        };
        let stream = TcpStream::connect(self.links.address("visa")?).await?;
        let connector = TlsConnector::from(Arc::new(config));
        Ok(connector
            .connect(ServerName::try_from(OURS)?, stream)
            .await?)
    }

    async fn peer(&self, client: &str) -> anyhow::Result<Peer> {
        let stream = self.stream(Some((client, &self.authority))).await?;
        Ok(Peer::over(stream, Framing::Be2, &ASCII_HEX))
    }
}

fn write(directory: &TempDir, name: &str, text: &str) -> anyhow::Result<()> {
    let path: &Path = directory.path();
    Ok(std::fs::write(path.join(name), text)?)
}

#[tokio::test]
async fn a_client_is_known_by_its_certificate_and_others_are_not_let_in() -> anyhow::Result<()> {
    let secured = Secured::start("clients = ['link1.processor.example']").await?;
    let links = &secured.links;
    let card = links.stack.card_at(0, 100_00).await?;
    let mut peer = secured.peer("link1.processor.example").await?;
    let payment = links.stack.payment(&card, 1_00);
    peer.ask(&payment).await?;
    assert_eq!(peer.next().await?.verdict(), (Mti::M0110, Some("00")));
    assert_eq!(links.stack.repeat(0, &payment).await?.duplicate, Some(true));
    let status = links.status("visa").await?;
    assert_eq!(
        status["peers"][0]["identity"], "link1.processor.example",
        "{status}"
    );

    let elsewhere = authority("somebody else")?;
    let strangers = [
        ("no certificate", None),
        (
            "another authority",
            Some(("link1.processor.example", &elsewhere)),
        ),
        (
            "another name",
            Some(("link2.processor.example", &secured.authority)),
        ),
    ];
    for (number, (who, client)) in (1_u8..).zip(strangers) {
        // Where the client is refused after its last word of the handshake, it hears of it by reading.
        let heard = match secured.stream(client).await {
            Err(_) => 0,
            Ok(mut stream) => {
                let mut byte = [0; 1];
                timeout(PATIENCE, stream.read(&mut byte))
                    .await?
                    .unwrap_or_default()
            }
        };
        assert_eq!(heard, 0, "{who}");
        links
            .counts(ENDED, "visa", &[HANDSHAKE], f64::from(number))
            .await?;
    }
    drop(peer);
    links
        .counts(ENDED, "visa", &[("cause", "left")], 1.0)
        .await?;
    let log = links.stack.gateway_log(0)?;
    let id = links.stack.id_of(&payment).to_string();
    let line = log.lines().find(|line| line.contains(&id));
    let line = line.context("no line says what was answered")?;
    assert!(line.contains("link1.processor.example"), "{line}");
    assert!(
        log.contains("`link2.processor.example` is not among the clients"),
        "{log}"
    );
    secured.links.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn the_client_of_the_house_shows_its_certificate_and_pays() -> anyhow::Result<()> {
    let secured = Secured::start("").await?;
    let (own, key) = certificate("processor.example", &secured.authority)?;
    let (own, key) = (own.pem(), key.serialize_pem());
    let host = secured.links.address("visa")?.to_string();
    let roots = secured.authority.pem();
    let connect = async |identity| {
        let tls = Tls::new(OURS, roots.as_bytes(), identity)?;
        Connection::connect(&Address::tls(&*host, tls), Settings::default()).await
    };
    let refused = connect(None).await;
    assert!(refused.is_err(), "a client without a certificate signs on");
    let link = connect(Some((own.as_bytes(), key.as_bytes()))).await?;
    let card = secured.links.stack.card_at(0, 100_00).await?;
    let payment = secured.links.stack.payment(&card, 10_00);
    let message = authorization_message(&payment, false)?;
    let reply = link.request(&message, PATIENCE).await?;
    assert_eq!(reply.response_code(), "00");
    assert_eq!(link.close(PATIENCE).await, 0);
    secured.links.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn who_does_not_speak_tls_holds_nobody_up_and_is_cut_off_i12() -> anyhow::Result<()> {
    let secured = Secured::start("handshake_ms = 1000").await?;
    let address: SocketAddr = secured.links.address("visa")?;
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(TcpStream::connect(address).await?);
    }
    let mut plain = Peer::connect(address, Framing::Be2, &ASCII_HEX).await?;
    plain.manage("301").await?;
    let mut peer = secured.peer("any.processor.example").await?;
    peer.manage("301").await?;
    assert_eq!(peer.next().await?.verdict(), (Mti::M0810, Some("00")));
    for mut stream in silent {
        let mut nothing = Vec::new();
        let ended = timeout(PATIENCE, stream.read_to_end(&mut nothing)).await;
        ended
            .context("a connection that says nothing stays open")?
            .ok();
        assert_eq!(nothing, b"");
    }
    secured
        .links
        .counts(ENDED, "visa", &[HANDSHAKE], 11.0)
        .await?;
    secured.links.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn a_drain_over_tls_loses_no_answer_i8() -> anyhow::Result<()> {
    const PAYMENTS: usize = 20;
    let secured = Secured::start("").await?;
    let links = &secured.links;
    let card = links.stack.card_at(0, 1_000_00).await?;
    let mut peer = secured.peer("link1.processor.example").await?;
    links.stack.stall().await?;
    for _ in 0..PAYMENTS {
        peer.ask(&links.stack.payment(&card, 1_00)).await?;
    }
    // Whoever is answered this has been read up to here.
    peer.manage("301").await?;
    assert_eq!(peer.next().await?.verdict(), (Mti::M0810, Some("00")));
    let read = async {
        let (mut answers, mut sign_offs) = (0, 0);
        while let Some(seen) = peer.next_before_end().await? {
            match seen.mti {
                Mti::M0800 => sign_offs += 1,
                _ => {
                    assert_eq!(seen.verdict(), (Mti::M0110, Some("00")));
                    answers += 1;
                }
            }
        }
        anyhow::Ok((answers, sign_offs))
    };
    let (read, stopped) = tokio::join!(read, links.stack.terminate_gateway(0));
    stopped?;
    assert_eq!(read?, (PAYMENTS, 1), "answers and sign-offs");
    secured.links.stack.finish().await?;
    Ok(())
}

#[tokio::test]
async fn over_tls_too_a_peer_that_stops_sending_gets_its_answers_i8() -> anyhow::Result<()> {
    let secured = Secured::start("").await?;
    let links = &secured.links;
    let card = links.stack.card_at(0, 1_000_00).await?;
    let mut peer = secured.peer("link1.processor.example").await?;
    links.stack.stall().await?;
    for _ in 0..3 {
        peer.ask(&links.stack.payment(&card, 1_00)).await?;
    }
    peer.shutdown().await?;
    for _ in 0..3 {
        assert_eq!(peer.next().await?.verdict(), (Mti::M0110, Some("00")));
    }
    assert!(peer.next_before_end().await?.is_none());
    secured.links.stack.finish().await?;
    Ok(())
}
