//! What TLS connections are made with: the system's authorities and those of the settings, and a client certificate.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use thiserror::Error;
use tonic::transport::{ClientTlsConfig, Identity};

use super::TlsSettings;

/// Why TLS cannot be set up.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}, the {what}: {source}. Correct the path, or let this process read the file")]
    File {
        /// Which of the settings names it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("{path}, the {what}, holds none in PEM form. It should have a line that begins with -----BEGIN")]
    Content {
        /// Which of the settings names it.
        what: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// Half of a pair.
    #[error("a client certificate and its key are needed together: set {missing} as well")]
    Half {
        /// What is not set.
        missing: &'static str,
    },
    /// The two do not fit.
    #[error(
        "the client certificate {certificate} and the key {key} cannot be used: {reason}. Check that they belong together"
    )]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What the TLS library said.
        reason: String,
    },
}

/// Authorities and own identity, read once when the exporter starts.
pub(super) struct Material {
    roots: RootCertStore,
    client: Option<Client>,
}

struct Client {
    certificate_pem: Vec<u8>,
    key_pem: Vec<u8>,
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Material {
    /// The system's authorities are some hundred files; they are read only if a connection may need them.
    pub(super) fn read(settings: &TlsSettings, with_system: bool) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        // A small image has none of them, and needs none if the settings name one. What is missing shows when a
        // receiver's certificate is checked, with its remedy.
        if with_system {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        if let Some(path) = &settings.certificate {
            let what = "trusted certificate";
            let pem = read(what, path)?;
            let (added, _) = roots.add_parsable_certificates(certificates(what, path, &pem)?);
            if added == 0 {
                return Err(TlsError::Content { what, path: path.clone() });
            }
        }
        let client = match (&settings.client_certificate, &settings.client_key) {
            (Some(certificate), Some(key)) => Some(Client::read(certificate, key)?),
            (Some(_), None) => return Err(TlsError::Half { missing: "the client key" }),
            (None, Some(_)) => return Err(TlsError::Half { missing: "the client certificate" }),
            (None, None) => None,
        };
        Ok(Self { roots, client })
    }

    /// For HTTP.
    pub(super) fn http(self) -> Result<ClientConfig, rustls::Error> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(self.roots);
        match self.client {
            Some(client) => builder.with_client_auth_cert(client.certificates, client.key),
            None => Ok(builder.with_no_client_auth()),
        }
    }

    /// For gRPC.
    pub(super) fn grpc(self) -> ClientTlsConfig {
        let tls = ClientTlsConfig::new().trust_anchors(self.roots.roots);
        match self.client {
            Some(client) => tls.identity(Identity::from_pem(client.certificate_pem, client.key_pem)),
            None => tls,
        }
    }
}

impl Client {
    fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let certificate_pem = read("client certificate", certificate)?;
        let key_pem = read("client key", key)?;
        let certificates = certificates("client certificate", certificate, &certificate_pem)?;
        let key_der = PrivateKeyDer::from_pem_slice(&key_pem)
            .map_err(|_| TlsError::Content { what: "client key", path: key.to_owned() })?;
        // Found out now rather than at the first connection.
        ring::default_provider()
            .key_provider
            .load_private_key(key_der.clone_key())
            .and_then(|signing| rustls::sign::CertifiedKey::new(certificates.clone(), signing).keys_match())
            .map_err(|reason| TlsError::Pair {
                certificate: certificate.to_owned(),
                key: key.to_owned(),
                reason: reason.to_string(),
            })?;
        Ok(Self { certificate_pem, key_pem, certificates, key: key_der })
    }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::File { what, path: path.to_owned(), source })
}

fn certificates(
    what: &'static str,
    path: &Path,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(TlsError::Content { what, path: path.to_owned() }),
    }
}
