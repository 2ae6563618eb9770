//! Who may do what, by the role in the certificate and by nothing that a message says.
//!
//! | | national analyst | ICB analyst | operator | auditor | council |
//! |---|---|---|---|---|---|
//! | councils | all | own board's | all | no | no |
//! | plan, ask | all England | own board | no | no | no |
//! | jobs | own | own | all, no figures | no | no |
//! | releases | all | own board's part | no | manifests | no |
//! | records of rounds | all | own board's questions | no | all | no |
//! | withdraw | yes | no | yes | no | no |
//! | witnessed heads | yes | no | yes | yes | no |
//! | councils' receipts | no | no | no | yes | no |
//!
//! Where a caller may not see a thing, the answer is the same as if there were no such thing.

use folkmoot_proto::identity::{Identity, Role};
use folkmoot_proto::reason::{Reason, Refusal};
use folkmoot_proto::text::is_unseen;

use crate::release::{Release, View};
use crate::store::Found;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// See which councils there are and which are linked.
    ListCouncils,
    /// Plan or ask a question.
    Ask,
    /// See jobs.
    ListJobs,
    /// See releases, as far as they may be seen.
    ReadReleases,
    /// Take a release as a file.
    Export,
    /// Take the record of a round, to check it.
    ReadRounds,
    /// Withdraw a release.
    Withdraw,
    /// See the heads of councils' records that were witnessed.
    ReadHeads,
    /// See councils' own receipts of what left them.
    ReadReceipts,
}

impl Action {
    fn words(self) -> &'static str {
        match self {
            Self::ListCouncils => "list councils",
            Self::Ask => "plan or ask questions",
            Self::ListJobs => "see jobs",
            Self::ReadReleases => "read releases",
            Self::Export => "export releases",
            Self::ReadRounds => "take records of rounds",
            Self::Withdraw => "withdraw releases",
            Self::ReadHeads => "see witnessed heads",
            Self::ReadReceipts => "see councils' receipts",
        }
    }

    fn roles(self) -> &'static [Role] {
        use Role::{Auditor, IcbAnalyst, NationalAnalyst, Operator};
        match self {
            Self::ListCouncils | Self::ListJobs => &[NationalAnalyst, IcbAnalyst, Operator],
            Self::Ask | Self::Export => &[NationalAnalyst, IcbAnalyst],
            Self::ReadReleases | Self::ReadRounds => &[NationalAnalyst, IcbAnalyst, Auditor],
            Self::Withdraw => &[NationalAnalyst, Operator],
            Self::ReadHeads => &[NationalAnalyst, Operator, Auditor],
            Self::ReadReceipts => &[Auditor],
        }
    }
}

/// Lets a caller do something.
///
/// # Errors
/// [`Reason::NotAllowed`] with what the caller is and what they asked to do.
pub fn allow(caller: &Identity, action: Action) -> Result<(), Refusal> {
    if action.roles().contains(&caller.role()) {
        return Ok(());
    }
    Err(Refusal::new(Reason::NotAllowed, format!("{} may not {}", caller.role(), action.words())))
}

/// What a caller may see of a release that may not exist.
///
/// # Errors
/// [`Reason::NotFound`], in the same words whether there is no such release or the caller may see nothing of it.
pub fn view(caller: &Identity, name: &str, release: Option<&Release>) -> Result<View, Refusal> {
    release.and_then(|release| release.view_for(caller)).ok_or_else(|| not_found(name))
}

/// The release whose round's record a caller may have: a national analyst or an auditor any, the analyst of a board those
/// of questions about that board alone. A record names every council that took part and the whole question.
///
/// # Errors
/// As [`view`].
pub fn record(caller: &Identity, name: &str, found: Option<Found>) -> Result<Found, Refusal> {
    let may = |release: &Release| match caller.role() {
        Role::NationalAnalyst | Role::Auditor => true,
        Role::IcbAnalyst => caller.board().is_some_and(|board| release.manifest().board == board.as_str()),
        Role::Council | Role::Coordinator | Role::Operator => false,
    };
    found.filter(|found| may(&found.release)).ok_or_else(|| not_found(name))
}

/// There is no release with this name, or none that the caller may see.
pub fn not_found(name: &str) -> Refusal {
    let name: String = name.chars().filter(|c| !is_unseen(*c)).take(40).collect();
    Refusal::new(Reason::NotFound, format!("there is no release `{name}`; `releases` lists those you may see"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::release::tests::{analyst, released};

    #[test]
    fn each_role_does_its_own_and_nothing_else() {
        let may = |who: &str| {
            let caller = analyst(who);
            [
                Action::ListCouncils,
                Action::Ask,
                Action::ListJobs,
                Action::ReadReleases,
                Action::Export,
                Action::ReadRounds,
                Action::Withdraw,
                Action::ReadHeads,
                Action::ReadReceipts,
            ]
            .map(|action| allow(&caller, action).is_ok())
        };
        assert_eq!(may("analyst/national/a"), [true, true, true, true, true, true, true, true, false]);
        assert_eq!(may("analyst/icb/QHM/b"), [true, true, true, true, true, true, false, false, false]);
        assert_eq!(may("operator/ops"), [true, false, true, false, false, false, true, true, false]);
        assert_eq!(may("auditor/x"), [false, false, false, true, false, true, false, true, true]);
        assert_eq!(may("council/503"), [false; 9]);
        assert_eq!(may("coordinator/main"), [false; 9]);
    }

    #[test]
    fn a_release_that_may_not_be_seen_is_as_one_that_is_not_there() {
        let release = released();
        let elsewhere = analyst("analyst/icb/QOQ/b");
        let hidden = view(&elsewhere, "1", Some(&release)).unwrap_err();
        let missing = view(&elsewhere, "1", None).unwrap_err();
        assert_eq!(hidden, missing);
        assert_eq!(hidden.reason(), Reason::NotFound);
        assert!(view(&analyst("analyst/icb/QHM/b"), "1", Some(&release)).is_ok());
    }
}
