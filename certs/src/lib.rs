//! folkmoot-certs
