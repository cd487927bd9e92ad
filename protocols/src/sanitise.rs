//! Masks what must not leave the host: credentials and signatures in URLs.
