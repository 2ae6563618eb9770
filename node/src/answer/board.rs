//! Whose figures an analyst of an integrated care board may be given: those of the board's own councils.
//!
//! The coordinator keeps to that, too. A council does not take its word for it.

use folkmoot_proto::geography::Geography;
use folkmoot_proto::identity::{Identity, Role};
use folkmoot_proto::ids::CouncilCode;
use folkmoot_proto::reason::{Reason, Refusal};

/// Refuses to give a council's figures to the analyst of a board that it is not in. A board of any structure of boards
/// counts, as the same council may have been in another one before.
pub(super) fn check(analyst: &Identity, council: CouncilCode) -> Result<(), Refusal> {
    if analyst.role() != Role::IcbAnalyst {
        return Ok(());
    }
    let own = analyst.board().is_some_and(|board| {
        Geography::built_in().structures().any(|structure| structure.members(board).contains(&council))
    });
    if own {
        return Ok(());
    }
    Err(Refusal::new(
        Reason::NotAllowed,
        format!("{analyst} may ask about the councils of their own board, and council {council} is not one of them"),
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_analyst_of_a_board_is_given_figures_of_its_own_councils_alone() {
        let analyst = |who: &str| Identity::parse(&format!("folkmoot://england/analyst/{who}")).unwrap();
        let council = |code: &str| CouncilCode::parse(code).unwrap();
        // Northumberland is in QHM, Lincolnshire is not.
        assert!(check(&analyst("icb/QHM/b"), council("104")).is_ok());
        let refused = check(&analyst("icb/QHM/b"), council("503")).unwrap_err();
        assert_eq!(refused.reason(), Reason::NotAllowed);
        assert!(check(&analyst("national/a"), council("503")).is_ok());
    }
}
