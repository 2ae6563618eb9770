//! Receipts of what left, as the log has it, for auditors.

use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::receipt::{MOST, Page, Receipt};
use jiff::Timestamp;

use super::register::role;
use super::{Action, Book, Error, Record};

impl Book {
    /// A page of receipts: what the log says of messages that left, from entry `from` on.
    ///
    /// # Errors
    /// [`Error::Entry`] at an entry that cannot be read; [`Error::Store`].
    pub fn receipts(&self, council: CouncilCode, from: u64, most: u32, made: Timestamp) -> Result<Page, Error> {
        let most = most.clamp(1, MOST) as usize;
        let mut page = Page {
            council: council.to_string(),
            made: made.to_string(),
            entries: 0,
            head: String::new(),
            from: from.max(1),
            next: None,
            receipts: Vec::new(),
        };
        self.entries(from, |entry| {
            (page.entries, page.head) = (entry.number, hex::encode(entry.digest));
            if page.next.is_some() {
                return Ok(());
            }
            let record: Record = serde_json::from_str(&entry.body)
                .map_err(|e| Error::Entry { number: entry.number, detail: e.to_string() })?;
            if !matches!(record.action, Action::Released | Action::Repeated | Action::Masked | Action::Unmasked) {
                return Ok(());
            }
            if page.receipts.len() == most {
                page.next = Some(entry.number);
                return Ok(());
            }
            page.receipts.push(Receipt {
                entry: entry.number,
                entry_digest: hex::encode(entry.digest),
                moment: entry.moment,
                what: record.action.word(),
                query: record.query.unwrap_or_default(),
                attempt: record.attempt,
                asked_by: role(&record.who),
                question: record.question.unwrap_or_default(),
                question_digest: record.digest.unwrap_or_default(),
                release: record.release.unwrap_or_default(),
                purpose: record.purpose.unwrap_or_default(),
                lawful_basis: record.lawful_basis.unwrap_or_default(),
                decision: record.decision.unwrap_or_default(),
                opt_out: record.opt_out.unwrap_or_default(),
                policy: record.policy.unwrap_or_default(),
                charge_nano: record.nano.unwrap_or(0),
                left: record.left.unwrap_or_default(),
            });
            Ok(())
        })?;
        Ok(page)
    }
}
