//! What one caller may see of a release.

use folkmoot_proto::identity::{Identity, Role};
use folkmoot_proto::ids::BoardCode;
use serde::Serialize;

use super::manifest::{Manifest, members_for};
use super::{Release, Withdrawal};
use crate::merge::{Area, Table};
use crate::scope::Level;

/// What one caller may see of a release.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct View {
    manifest: Manifest,
    #[serde(skip_serializing_if = "Option::is_none")]
    withdrawn: Option<Withdrawal>,
    table: Table,
}

impl View {
    /// How it came about, as far as the caller may know.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Why it was withdrawn, if it was.
    pub fn withdrawn(&self) -> Option<&Withdrawal> {
        self.withdrawn.as_ref()
    }

    /// The figures.
    pub fn table(&self) -> &Table {
        &self.table
    }
}

impl Release {
    /// Everything: what a national analyst sees.
    pub fn view(&self) -> View {
        View { manifest: self.manifest.clone(), withdrawn: self.withdrawn.clone(), table: self.table.clone() }
    }

    /// What a caller may see, `None` when that is nothing.
    ///
    /// # Guarantee
    /// A national analyst sees everything. An ICB analyst sees the areas that are their own board or its councils, and
    /// of the manifest only those councils. An auditor sees the manifest and no figures. Nobody else sees anything.
    pub fn view_for(&self, caller: &Identity) -> Option<View> {
        match caller.role() {
            Role::NationalAnalyst => Some(self.view()),
            Role::IcbAnalyst => self.cut(caller.board()?),
            Role::Auditor => Some(View { table: Table { rows: Vec::new(), areas: Vec::new() }, ..self.view() }),
            Role::Council | Role::Coordinator | Role::Operator => None,
        }
    }

    fn cut(&self, board: &BoardCode) -> Option<View> {
        let manifest = self.manifest.cut(board)?;
        let members = members_for(board, &self.manifest.geography)?;
        let own = |area: &Area| match area.level {
            Level::Board => area.board.as_deref() == Some(board.as_str()),
            Level::Council => area.council.is_some_and(|code| members.contains(&code)),
            Level::England | Level::Region => false,
        };
        let areas: Vec<Area> = self.table.areas.iter().filter(|area| own(area)).cloned().collect();
        if areas.is_empty() {
            return None;
        }
        Some(View {
            manifest,
            withdrawn: self.withdrawn.clone(),
            table: Table { rows: self.table.rows.clone(), areas },
        })
    }
}
