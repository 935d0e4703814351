use std::io;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::LinkError;
#[cfg(feature = "tls")]
use crate::Tls;
use crate::tasks::{Reading, Writing};

/// Where a peer listens, and what is spoken below ISO 8583.
#[derive(Debug, Clone)]
pub struct Address {
    host: String,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
}

impl Address {
    /// TCP alone; `host` is a name or number with a port.
    pub fn tcp(host: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// TLS over TCP.
    #[cfg(feature = "tls")]
    pub fn tls(host: impl Into<String>, tls: Tls) -> Self {
        Self {
            host: host.into(),
            tls: Some(tls),
        }
    }

    /// Name or number with the port.
    pub fn host(&self) -> &str {
        &self.host
    }

    pub(crate) async fn open(&self, patience: Duration) -> Result<(Reading, Writing), LinkError> {
        let opened = match timeout(patience, self.open_patiently()).await {
            Ok(opened) => opened,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        opened.map_err(|cause| LinkError::Connect {
            address: self.host.clone(),
            cause,
        })
    }

    async fn open_patiently(&self) -> io::Result<(Reading, Writing)> {
        let stream = TcpStream::connect(&self.host).await?;
        stream.set_nodelay(true)?;
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let (reading, writing) = tokio::io::split(tls.over(stream).await?);
            return Ok((Box::new(reading), Box::new(writing)));
        }
        let (reading, writing) = stream.into_split();
        Ok((Box::new(reading), Box::new(writing)))
    }
}
