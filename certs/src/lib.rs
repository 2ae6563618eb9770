//! The federation's authority: who is a council, a coordinator, an analyst.
//!
//! ```text
//! where a key is used                      the authority's machine                           everybody
//! ------------------                       -----------------------                           ---------
//! enrol: key + request.csr  -- request --> issue   (identity confirmed by a person)
//!        chain.pem         <-- answer ---  inventory: who holds what until when
//!                                          revoke, crl      ------------------------------>  crl.pem
//!                                          registry, floor  ------------------------------>  registry.json, floor.json
//!        root key: made by init, then taken away; needed again only to replace the issuing authority
//! ```
//!
//! Keys never travel. Two sorts of certificate, never interchangeable: TLS certificates connect, signing certificates sign. The governance key, which
//! signs the membership registry and the national floor, is a third thing again and no certificate.
//!
//! Reading order: [`profile`] (what each certificate holds), [`request`] (what may be asked for), [`authority`] (the commands' work),
//! [`inventory`], [`revocation`], [`governance`], [`inspect`], and [`cli`]. Every function takes the time as an argument.

pub mod authority;
pub mod cli;
pub mod folder;
pub mod governance;
pub mod inspect;
pub mod inventory;
pub mod profile;
pub mod request;
pub mod revocation;
