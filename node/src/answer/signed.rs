//! Who asks: both signatures of a question, and the certificates behind them.

use folkmoot_proto::identity::{Identity, Role};
use folkmoot_proto::question::{Question, Signed, SignedQuestion};
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::wire::v1 as wire;
use folkmoot_runtime::tls::Trust;
use jiff::Timestamp;
use rustls_pki_types::CertificateDer;

/// A question whose analyst and coordinator were both proven.
pub struct Believed {
    question: Question,
    analyst_key: [u8; 32],
    coordinator_key: [u8; 32],
}

impl Believed {
    /// Checks a question as it came over a link.
    ///
    /// # Guarantee
    /// The analyst named in the question signed exactly this question, the coordinator at the other end of the link
    /// signed it too, and both certificates are valid now, unrevoked, of our federation and of the right role.
    ///
    /// # Errors
    /// A [`Refusal`] that says which of these does not hold.
    pub fn check(
        message: Option<wire::SignedQuery>,
        trust: &Trust,
        coordinator: &Identity,
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let message = message.ok_or_else(|| Refusal::new(Reason::InvalidQuestion, "the question is missing"))?;
        let signed = SignedQuestion::try_from(message)?;
        signed.question.check_time(now.as_second())?;
        let analysts = [Role::NationalAnalyst, Role::IcbAnalyst];
        let (analyst, key) = signer(trust, &signed.analyst, &analysts, now, "the analyst")?;
        if &analyst != signed.question.analyst() {
            return Err(Refusal::new(
                Reason::BadSignature,
                format!("the question says {} asks, but {analyst} signed it", signed.question.analyst()),
            ));
        }
        signed.question.check_analyst(&signed.analyst.signature, &key)?;
        let analyst_key = key;
        let (signer, key) = signer(trust, &signed.coordinator, &[Role::Coordinator], now, "the coordinator")?;
        if &signer != coordinator {
            return Err(Refusal::new(
                Reason::BadSignature,
                format!("{coordinator} sent the question, but {signer} signed it"),
            ));
        }
        signed.question.check_coordinator(&signed.analyst.signature, &signed.coordinator.signature, &key)?;
        Ok(Self { question: signed.question, analyst_key, coordinator_key: key })
    }

    /// The question.
    pub fn question(&self) -> &Question {
        &self.question
    }

    /// The analyst's public signing key, from the checked certificate.
    pub fn analyst_key(&self) -> &[u8; 32] {
        &self.analyst_key
    }

    /// The coordinator's public signing key, from the checked certificate.
    pub fn coordinator_key(&self) -> &[u8; 32] {
        &self.coordinator_key
    }
}

fn signer(
    trust: &Trust,
    signed: &Signed,
    roles: &[Role],
    now: Timestamp,
    who: &str,
) -> Result<(Identity, [u8; 32]), Refusal> {
    let chain: Vec<_> = signed.chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
    let signer = trust.verify_signer(&chain, roles, now).map_err(|refusal| {
        Refusal::new(Reason::BadSignature, format!("the signing certificate of {who} is refused: {refusal}"))
    })?;
    Ok((signer.identity, signer.public_key))
}
