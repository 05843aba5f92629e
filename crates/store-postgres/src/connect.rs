//! Opens connections: TCP, TLS by rustls, and the settings that every session of ours has.

use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_postgres::{Client, Connection, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::OpenError;
use crate::address::{Address, Trust};
use crate::failure::Failure;

/// The whole of a connection: hosts, TLS, password, settings.
const WHOLE_CONNECT: Duration = Duration::from_secs(15);

/// What every session is bound by: nothing waits for ever, neither for a lock, nor for a client
/// that is gone, nor for a statement that went wrong.
const SETTINGS: &str = "SET statement_timeout = '20s'; SET lock_timeout = '8s'; \
     SET idle_in_transaction_session_timeout = '10s'; SET jit = off";

/// Opens connections to one address.
#[derive(Clone)]
pub(crate) struct Connector {
    address: Arc<Address>,
    tls: Option<MakeRustlsConnect>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connector").field("hosts", &self.address.config.get_hosts()).finish()
    }
}

/// What drives a connection, with or without TLS.
pub(crate) enum Driver {
    Plain(Box<Connection<Socket, tokio_postgres::tls::NoTlsStream>>),
    Tls(Box<Connection<Socket, TlsStream>>),
}

type TlsStream = <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream;

impl Connector {
    pub(crate) fn new(address: Address) -> Result<Self, OpenError> {
        let tls = match &address.trust {
            Trust::Plain => None,
            trust => Some(MakeRustlsConnect::new(tls_config(trust)?)),
        };
        Ok(Self { address: Arc::new(address), tls })
    }

    /// A connection with our settings. Its driver has to be polled for it to go on.
    pub(crate) async fn connect(&self) -> Result<(Client, Driver), Failure> {
        let config = &self.address.config;
        Ok(match &self.tls {
            None => {
                let (client, connection) = config.connect(NoTls).await?;
                (client, Driver::Plain(Box::new(connection)))
            }
            Some(tls) => {
                let (client, connection) = config.connect(tls.clone()).await?;
                (client, Driver::Tls(Box::new(connection)))
            }
        })
    }

    /// A connection that is driven by a task of its own and has our settings.
    pub(crate) async fn session(&self) -> Result<Client, Failure> {
        let whole = async {
            let (client, driver) = self.connect().await?;
            tokio::spawn(driver.run());
            client.batch_execute(SETTINGS).await?;
            Ok(client)
        };
        let late = || Failure::unavailable("the database did not answer in time");
        tokio::time::timeout(WHOLE_CONNECT, whole).await.unwrap_or_else(|_| Err(late()))
    }

    /// A connection for diesel.
    pub(crate) async fn diesel(&self) -> Result<diesel_async::AsyncPgConnection, Failure> {
        use diesel_async::AsyncPgConnection;
        let whole = async {
            let (client, driver) = self.connect().await?;
            let settings = client.batch_execute(SETTINGS);
            match driver {
                Driver::Plain(mut connection) => {
                    tokio::select! {
                        biased;
                        set = settings => set?,
                        ended = &mut *connection => ended?,
                    }
                    let connection = *connection;
                    Ok(AsyncPgConnection::try_from_client_and_connection(client, connection)
                        .await?)
                }
                Driver::Tls(mut connection) => {
                    tokio::select! {
                        biased;
                        set = settings => set?,
                        ended = &mut *connection => ended?,
                    }
                    let connection = *connection;
                    Ok(AsyncPgConnection::try_from_client_and_connection(client, connection)
                        .await?)
                }
            }
        };
        let late = || Failure::unavailable("the database did not answer in time");
        tokio::time::timeout(WHOLE_CONNECT, whole).await.unwrap_or_else(|_| Err(late()))
    }
}

impl Driver {
    /// Until the connection ends. Who waits for an answer on it hears of its end by itself.
    pub(crate) async fn run(self) {
        let ended = match self {
            Self::Plain(connection) => connection.await,
            Self::Tls(connection) => connection.await,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection to the database ended");
        }
    }
}

fn tls_config(trust: &Trust) -> Result<ClientConfig, OpenError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let failed = |reason: String| OpenError::Tls { reason };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?;
    let Trust::Verified(file) = trust else {
        let verifier = Arc::new(AnybodyIsGood(provider));
        return Ok(builder
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth());
    };
    let mut roots = RootCertStore::empty();
    match file {
        Some(path) => {
            let unread = |error: &dyn std::fmt::Display| {
                failed(format!("sslrootcert {}: {error}", path.display()))
            };
            let certificates = CertificateDer::pem_file_iter(path).map_err(|e| unread(&e))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| unread(&error))?;
                roots.add(certificate).map_err(|error| unread(&error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(failed("there is no root certificate to verify the server by".to_owned()));
    }
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// `prefer` and `require` ask for encryption, not for an identity, as in libpq: whoever stands in
/// the middle is not noticed. Only `verify-full` does that.
#[derive(Debug)]
struct AnybodyIsGood(Arc<CryptoProvider>);

impl ServerCertVerifier for AnybodyIsGood {
    fn verify_server_cert(
        &self,
        _certificate: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
