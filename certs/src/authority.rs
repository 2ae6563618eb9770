//! The authority's work: make a federation, answer requests, renew, revoke.

mod error;

use std::fs;
use std::path::{Path, PathBuf};

use folkmoot_proto::governance::GovernanceKey;
use folkmoot_proto::identity::{Federation, Identity, Kind};
use folkmoot_runtime::enrol::{self, write_new};
use folkmoot_runtime::tls::{self, check_owner_only};
use jiff::Timestamp;
use rcgen::{CertificateParams, CertifiedIssuer, Issuer, KeyPair};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::folder::{self, Layout, Lock, Staged, private_folder, replace, root_files};
use crate::inventory::{Entry, Inventory, IssuingAuthority, Reason, Revoked};
use crate::profile::{self, Host, LEAF_DAYS, LIST_DAYS, MAX_LEAF_DAYS, Validity};
use crate::request::{self, PublicKey, Request};
use crate::revocation;

pub use error::Error;

/// An answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// As in the inventory.
    pub entry: Entry,
    /// The certificate, then the issuing authority's, in PEM form: what the holder installs.
    pub chain_pem: String,
}

/// What to issue, as a person confirmed it.
#[derive(Clone, Debug)]
pub struct Order {
    /// Who it is for; must be the request's.
    pub identity: Identity,
    /// DNS names and addresses, for a coordinator's TLS certificate only.
    pub hosts: Vec<Host>,
    /// Days it shall live.
    pub days: u32,
}

impl Order {
    /// An order for `identity` with the usual lifetime and no hosts.
    pub fn new(identity: Identity) -> Self {
        Self { identity, hosts: Vec::new(), days: LEAF_DAYS }
    }
}

/// An authority's folder, held by this process.
#[derive(Debug)]
pub struct Authority {
    layout: Layout,
    inventory: Inventory,
    _lock: Lock,
}

impl Authority {
    /// Makes a federation: offline root, issuing authority, governance key, and empty revocation lists.
    ///
    /// `folder` must not be there yet, or be empty. With `root_folder` the root's key and certificate are put there, for instance on a medium
    /// that is then taken away; else into `folder/root`, to be moved away by hand.
    ///
    /// **Guarantee**: all of it is made, or nothing is left behind.
    ///
    /// # Errors
    /// [`folder::Error::Exists`] in [`Error::File`]; [`Error::Make`].
    pub fn init(
        folder: &Path,
        root_folder: Option<&Path>,
        federation: &Federation,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let make = |what: &str| {
            let what = format!("the {what} of {federation}");
            move |source| Error::Make { what, source }
        };
        let staged = Staged::begin(folder)?;
        let staged_root = root_folder.map(Staged::begin).transpose()?;
        let layout = Layout::new(staged.path());

        let key = KeyPair::generate_for(CA_ALGORITHM).map_err(make("root"))?;
        let root = CertifiedIssuer::self_signed(profile::root(federation, now)?, key).map_err(make("root"))?;
        let root_place = staged_root.as_ref().map_or_else(|| layout.root_folder(), |staged| staged.path().to_owned());
        private_folder(&root_place)?;
        write_key_and_certificate(root_files(&root_place), root.key(), &root.pem())?;

        for name in ["governance", "issued", "public"] {
            private_folder(&layout.folder().join(name))?;
        }
        let first = make_issuing(&layout, federation, 1, &root, now)?;
        let life = Validity::days(now, profile::ROOT_DAYS)?;
        let list = revocation::root_list(std::slice::from_ref(&first), 1, &root, life)?;
        write_new(&layout.root_list(), list.as_bytes(), false).map_err(folder::Error::from)?;

        let governance = KeyPair::generate_for(&rcgen::PKCS_ED25519).map_err(make("governance key"))?;
        let secret = Zeroizing::new(governance.serialize_pem());
        write_new(&layout.governance_key(), secret.as_bytes(), true).map_err(folder::Error::from)?;
        let public = format!("{}\n", hex::encode(governance.public_key_raw()));
        replace(&layout.public("governance.pub"), &public)?;
        replace(&layout.public("roots.pem"), &root.pem())?;

        let mut inventory = Inventory::new(federation.clone(), first);
        write_lists(&layout, &mut inventory, now, LIST_DAYS)?;
        inventory.write(&layout)?;
        // The root first: a folder without its root would be of no use, a root without its folder harms nobody.
        let root_moved = staged_root.map(Staged::keep).transpose()?.is_some();
        staged.keep().inspect_err(|_| {
            if let (true, Some(place)) = (root_moved, root_folder) {
                let _ = fs::remove_dir_all(place);
            }
        })?;
        Self::open(folder)
    }

    /// Takes hold of an authority's folder.
    ///
    /// # Errors
    /// [`folder::Error::NotAnAuthority`] or [`folder::Error::Busy`] in [`Error::File`]; [`Error::Inventory`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let layout = Layout::new(folder);
        let lock = Lock::take(&layout)?;
        let inventory = Inventory::read(&layout)?;
        Ok(Self { layout, inventory, _lock: lock })
    }

    /// What has been issued.
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// Where everything lies.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Answers a request with a certificate of the kind it asks for.
    ///
    /// # Errors
    /// [`Error::Request`], [`Error::Unconfirmed`], [`Error::OtherFederation`], [`Error::Live`], [`Error::KeyTaken`], [`Error::KeyCompromised`],
    /// [`Error::Profile`] or [`Error::Outlives`] for what is asked; others for the authority's own folder. Nothing is then issued.
    pub fn issue(&mut self, request_pem: &str, order: &Order, now: Timestamp) -> Result<Issued, Error> {
        let mut all = self.issue_all(&[(request_pem, order)], now)?;
        Ok(all.pop().expect("one request was asked for, so one answer came back"))
    }

    /// Answers many requests at once: all of them, or none. Much faster than one by one, since the inventory is written once.
    ///
    /// # Errors
    /// As [`Authority::issue`], for the first request that is refused.
    pub fn issue_all(&mut self, requests: &[(&str, &Order)], now: Timestamp) -> Result<Vec<Issued>, Error> {
        self.all_or_nothing(|this| {
            let answer = |(pem, order): &(&str, &Order)| this.issue_one(pem, order, now);
            requests.iter().map(answer).collect()
        })
    }

    fn issue_one(&mut self, request_pem: &str, order: &Order, now: Timestamp) -> Result<Issued, Error> {
        let request = self.confirmed(request_pem, &order.identity)?;
        if let Some(place) = self.inventory.live(&request.identity, Some(request.kind), now).first() {
            let held = &self.inventory.certificates[*place];
            return Err(Error::Live {
                identity: request.identity,
                kind: request.kind,
                serial: held.serial.clone(),
                until: held.not_after,
            });
        }
        self.sign(request.identity, request.kind, &request.key, &order.hosts, order.days, now)
    }

    // Certificates are remembered before they leave: one that the inventory does not know could never be revoked.
    fn all_or_nothing(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<Vec<Issued>, Error>,
    ) -> Result<Vec<Issued>, Error> {
        let before = self.inventory.certificates.len();
        let outcome = work(self).and_then(|all| {
            for issued in &all {
                let copy = self.layout.issued(&issued.entry.serial);
                write_new(&copy, issued.chain_pem.as_bytes(), false).map_err(folder::Error::from)?;
            }
            self.inventory.write(&self.layout)?;
            Ok(all)
        });
        if outcome.is_err() {
            for entry in self.inventory.certificates.drain(before..) {
                let _ = fs::remove_file(self.layout.issued(&entry.serial));
            }
        }
        outcome
    }

    /// Gives the holder of a certificate a new one, for the same key or, with a request, for a new key.
    ///
    /// The earlier certificate stays good until its end, so that the change can be made in peace; revoke it if it should not.
    ///
    /// # Errors
    /// [`Error::Inventory`] if no certificate has that serial number, [`Error::Gone`] if it was revoked; else as [`Authority::issue`].
    pub fn renew(
        &mut self,
        serial: &str,
        request_pem: Option<&str>,
        days: u32,
        now: Timestamp,
    ) -> Result<Issued, Error> {
        let old = self.inventory.certificates[self.inventory.by_serial(serial)?].clone();
        refuse_gone(&old)?;
        let key = match request_pem {
            Some(pem) => {
                let request = self.confirmed(pem, &old.identity)?;
                if request.kind != old.kind {
                    return Err(request::Error::Kind.into());
                }
                request.key
            }
            None => self.key_of(&old)?,
        };
        let hosts = old.hosts.iter().map(|host| host.parse()).collect::<Result<Vec<_>, _>>()?;
        let mut all = self.all_or_nothing(|this| {
            this.sign(old.identity, old.kind, &key, &hosts, days, now).map(|issued| vec![issued])
        })?;
        Ok(all.pop().expect("one certificate was asked for, so one came back"))
    }

    /// Revokes one certificate and writes fresh lists.
    ///
    /// # Errors
    /// [`Error::Inventory`] if no certificate has that serial number, [`Error::Gone`] if it is revoked already; others for the authority's folder.
    pub fn revoke(&mut self, serial: &str, reason: Reason, now: Timestamp) -> Result<Entry, Error> {
        let place = self.inventory.by_serial(serial)?;
        refuse_gone(&self.inventory.certificates[place])?;
        self.revoke_places(&[place], reason, now)?;
        Ok(self.inventory.certificates[place].clone())
    }

    /// Revokes all live certificates of an identity, or those of one kind, and writes fresh lists.
    ///
    /// # Errors
    /// [`Error::NoneLive`]; others for the authority's folder.
    pub fn revoke_identity(
        &mut self,
        identity: &Identity,
        kind: Option<Kind>,
        reason: Reason,
        now: Timestamp,
    ) -> Result<Vec<Entry>, Error> {
        let places = self.inventory.live(identity, kind, now);
        if places.is_empty() {
            return Err(Error::NoneLive { identity: identity.clone(), kind });
        }
        self.revoke_places(&places, reason, now)?;
        Ok(places.iter().map(|place| self.inventory.certificates[*place].clone()).collect())
    }

    fn revoke_places(&mut self, places: &[usize], reason: Reason, now: Timestamp) -> Result<(), Error> {
        for place in places {
            self.inventory.certificates[*place].revoked = Some(Revoked { at: whole(now), reason });
        }
        // Remembered first: if writing the list fails, `crl` will put it right.
        self.inventory.write(&self.layout)?;
        self.write_lists(now, LIST_DAYS)
    }

    /// Writes fresh revocation lists, due again after `days`.
    ///
    /// # Errors
    /// [`Error::KeyAbsent`], [`Error::Key`], [`Error::List`] or [`Error::File`].
    pub fn write_lists(&mut self, now: Timestamp, days: u32) -> Result<(), Error> {
        write_lists(&self.layout, &mut self.inventory, now, days)
    }

    /// Puts a new issuing authority in office, with the root key at hand.
    ///
    /// Certificates of the earlier one stay good, unless `compromised`: then the root revokes it, and all of them with it.
    ///
    /// # Errors
    /// [`Error::KeyAbsent`] without the root key; others for the authority's folder.
    pub fn replace_issuing(&mut self, root_folder: &Path, compromised: bool, now: Timestamp) -> Result<u32, Error> {
        let root =
            read_issuer("root", root_files(root_folder), "bring the root folder back, or name it with --root-dir")?;
        let number = self.inventory.authorities.last().map_or(1, |last| last.number + 1);
        let federation = self.inventory.federation.clone();
        let mut inventory = self.inventory.clone();
        if compromised {
            for authority in inventory.authorities.iter_mut().filter(|authority| authority.revoked.is_none()) {
                authority.revoked = Some(Revoked { at: whole(now), reason: Reason::KeyCompromise });
            }
        }
        // A number whose folder a failed attempt left behind is not used again, since keys are never overwritten.
        let number = (number..).find(|number| !self.layout.issuing(*number).0.exists()).unwrap_or(number);
        let fresh = make_issuing(&self.layout, &federation, number, &root, now)?;
        inventory.authorities.push(fresh);
        inventory.list_number += 1;
        let life = Validity::days(now, profile::ROOT_DAYS)?;
        let list = revocation::root_list(&inventory.authorities, inventory.list_number, &root, life)?;
        replace(&self.layout.root_list(), &list)?;
        inventory.write(&self.layout)?;
        self.inventory = inventory;
        self.write_lists(now, LIST_DAYS)?;
        Ok(number)
    }

    /// Makes a new governance key in place of the present one, which is kept beside it under another name. Returns the public half.
    ///
    /// Nobody follows by themselves: each node must pin the new key by hand.
    ///
    /// # Errors
    /// [`Error::KeyAbsent`] or [`Error::Key`] if the present key is not in its place; others for the authority's folder.
    pub fn replace_governance(&mut self) -> Result<GovernanceKey, Error> {
        let place = self.layout.governance_key();
        let old = GovernanceKey::of(&read_governance_key(&place)?).to_string();
        let make = |source| Error::Make { what: "the governance key".to_owned(), source };
        let pair = KeyPair::generate_for(&rcgen::PKCS_ED25519).map_err(make)?;
        let secret = Zeroizing::new(pair.serialize_pem());
        let fresh = place.with_file_name("governance-next.key");
        write_new(&fresh, secret.as_bytes(), true).map_err(folder::Error::from)?;
        let kept = place.with_file_name(format!("governance-until-now-{}.key", &old[..12]));
        for (from, to) in [(&place, &kept), (&fresh, &place)] {
            fs::rename(from, to).map_err(folder::Error::io("renaming", from))?;
        }
        let key = GovernanceKey::of(&read_governance_key(&place)?);
        replace(&self.layout.public("governance.pub"), &format!("{key}\n"))?;
        Ok(key)
    }

    /// The chain of an issued certificate, in PEM form.
    ///
    /// # Errors
    /// [`Error::Copy`].
    pub fn chain_of(&self, entry: &Entry) -> Result<String, Error> {
        folder::read(&self.layout.issued(&entry.serial)).map_err(|error| copy_error(entry, error))
    }

    /// What the copy of an issued certificate says, after comparing it with the inventory.
    pub(crate) fn certificate_of(&self, entry: &Entry) -> Result<tls::Certificate, Error> {
        let pem = self.chain_of(entry)?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| copy_error(entry, error))?;
        let certificate = tls::Certificate::read(&der).map_err(|error| copy_error(entry, error))?;
        if hex::encode(certificate.fingerprint) != entry.fingerprint {
            return Err(copy_error(entry, "it is not the certificate that the inventory remembers"));
        }
        Ok(certificate)
    }

    pub(crate) fn inventory_mut(&mut self) -> &mut Inventory {
        &mut self.inventory
    }

    fn confirmed(&self, request_pem: &str, confirmed: &Identity) -> Result<Request, Error> {
        let request = Request::read(request_pem)?;
        if &request.identity != confirmed {
            return Err(Error::Unconfirmed {
                asked: Box::new(request.identity),
                confirmed: Box::new(confirmed.clone()),
            });
        }
        if request.identity.federation() != &self.inventory.federation {
            return Err(Error::OtherFederation { identity: request.identity, ours: self.inventory.federation.clone() });
        }
        Ok(request)
    }

    fn key_of(&self, entry: &Entry) -> Result<PublicKey, Error> {
        let pem = self.chain_of(entry)?;
        let der = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|error| copy_error(entry, error))?;
        let (_, x509) = x509_parser::parse_x509_certificate(&der).map_err(|error| copy_error(entry, error))?;
        Ok(PublicKey::read(x509.public_key().raw, entry.kind)?)
    }

    fn sign(
        &mut self,
        identity: Identity,
        kind: Kind,
        key: &PublicKey,
        hosts: &[Host],
        days: u32,
        now: Timestamp,
    ) -> Result<Issued, Error> {
        if days == 0 || days > MAX_LEAF_DAYS {
            return Err(profile::Error::Days(days).into());
        }
        self.refuse_taken_key(&identity, kind, key)?;
        let office = self.inventory.authority().ok_or(Error::NoAuthority)?.clone();
        let validity = Validity::days(now, days)?;
        if validity.until > office.not_after {
            return Err(Error::Outlives { until: office.not_after, days });
        }
        let files = self.layout.issuing(office.number);
        let authority_pem = folder::read(&files.1)?;
        let issuer = read_issuer("issuing", files, "restore the authority's folder from a backup")?;
        let params = profile::leaf(&identity, kind, hosts, validity)?;
        let serial = serial_of(&params);
        let make = |source| Error::Make { what: identity.to_string(), source };
        let certificate = params.signed_by(&key.info, &issuer).map_err(make)?;
        let chain_pem = format!("{}{authority_pem}", certificate.pem());
        let entry = Entry {
            serial,
            identity,
            kind,
            authority: office.number,
            issued_at: whole(now),
            not_before: validity.from,
            not_after: validity.until,
            fingerprint: hex::encode(Sha256::digest(certificate.der())),
            key: hex::encode(key.digest),
            hosts: hosts.iter().map(Host::to_string).collect(),
            revoked: None,
        };
        self.inventory.certificates.push(entry.clone());
        Ok(Issued { entry, chain_pem })
    }

    fn refuse_taken_key(&self, identity: &Identity, kind: Kind, key: &PublicKey) -> Result<(), Error> {
        let digest = hex::encode(key.digest);
        for entry in self.inventory.certificates.iter().filter(|entry| entry.key == digest) {
            if &entry.identity != identity || entry.kind != kind {
                let serial = entry.serial.clone();
                return Err(Error::KeyTaken { identity: entry.identity.clone(), kind: entry.kind, serial });
            }
            if entry.revoked.as_ref().is_some_and(|revoked| revoked.reason == Reason::KeyCompromise) {
                return Err(Error::KeyCompromised { serial: entry.serial.clone() });
            }
        }
        Ok(())
    }
}

/// P-256, which every hardware module and tool takes, should the root move into one.
const CA_ALGORITHM: &rcgen::SignatureAlgorithm = &rcgen::PKCS_ECDSA_P256_SHA256;

fn refuse_gone(entry: &Entry) -> Result<(), Error> {
    match &entry.revoked {
        None => Ok(()),
        Some(revoked) => {
            Err(Error::Gone { serial: entry.serial.clone(), identity: entry.identity.clone(), at: revoked.at })
        }
    }
}

fn copy_error(entry: &Entry, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::Copy { serial: entry.serial.clone(), source: source.into() }
}

fn whole(now: Timestamp) -> Timestamp {
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

fn serial_of(params: &CertificateParams) -> String {
    params.serial_number.as_ref().map(|serial| hex::encode(serial.as_ref())).unwrap_or_default()
}

fn write_key_and_certificate((key_path, path): (PathBuf, PathBuf), key: &KeyPair, pem: &str) -> Result<(), Error> {
    let secret = Zeroizing::new(key.serialize_pem());
    write_new(&key_path, secret.as_bytes(), true).map_err(folder::Error::from)?;
    write_new(&path, pem.as_bytes(), false).map_err(folder::Error::from)?;
    Ok(())
}

fn make_issuing(
    layout: &Layout,
    federation: &Federation,
    number: u32,
    root: &Issuer<'_, KeyPair>,
    now: Timestamp,
) -> Result<IssuingAuthority, Error> {
    let make = |source| Error::Make { what: format!("issuing authority {number} of {federation}"), source };
    let key = KeyPair::generate_for(CA_ALGORITHM).map_err(make)?;
    let params = profile::issuing(federation, number, now)?;
    let certificate = params.signed_by(&key, root).map_err(make)?;
    let files = layout.issuing(number);
    private_folder(files.0.parent().unwrap_or(layout.folder()))?;
    write_key_and_certificate(files, &key, &certificate.pem())?;
    let until = Validity::days(now, profile::ISSUING_DAYS)?.until;
    Ok(IssuingAuthority { number, serial: serial_of(&params), not_after: until, revoked: None })
}

fn write_lists(layout: &Layout, inventory: &mut Inventory, now: Timestamp, days: u32) -> Result<(), Error> {
    if days == 0 || days > MAX_LEAF_DAYS {
        return Err(profile::Error::Days(days).into());
    }
    inventory.list_number += 1;
    let mut lists = String::new();
    // An authority past its end needs no list: nothing that it issued is believed any more.
    for authority in inventory.authorities.iter().filter(|one| one.revoked.is_none() && one.not_after >= now) {
        let files = layout.issuing(authority.number);
        let issuer = read_issuer("issuing", files, "restore the authority's folder from a backup")?;
        lists += &revocation::issued_list(inventory, authority.number, &issuer, now, days)?;
    }
    lists += &folder::read(&layout.root_list())?;
    // The number first: should the list not get written, the next one has a higher number all the same.
    inventory.write(layout)?;
    Ok(replace(&layout.public("crl.pem"), &lists)?)
}

fn read_issuer(
    what: &'static str,
    (key_path, path): (PathBuf, PathBuf),
    fix: &'static str,
) -> Result<Issuer<'static, KeyPair>, Error> {
    if !key_path.exists() {
        return Err(Error::KeyAbsent { what, path: key_path, fix });
    }
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Key { what, path: key_path.clone(), source };
    check_owner_only(&key_path).map_err(|error| failed(error.into()))?;
    let secret = Zeroizing::new(folder::read(&key_path)?);
    let key = KeyPair::from_pem(&secret).map_err(|error| failed(error.into()))?;
    Issuer::from_ca_cert_pem(&folder::read(&path)?, key).map_err(|error| failed(error.into()))
}

/// Reads the governance key.
///
/// # Errors
/// [`Error::KeyAbsent`] or [`Error::Key`].
pub(crate) fn read_governance_key(path: &Path) -> Result<ed25519_dalek::SigningKey, Error> {
    let what = "governance";
    if !path.exists() {
        let fix = "bring it back, or name its place with --governance-key";
        return Err(Error::KeyAbsent { what, path: path.to_owned(), fix });
    }
    enrol::read_signing_key(path).map_err(|error| Error::Key { what, path: path.to_owned(), source: error.into() })
}
