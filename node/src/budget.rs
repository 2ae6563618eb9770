//! What the privacy budget was spent on, what is left, how long it lasts, and what a set of questions would cost.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use folkmoot_runtime::store;

use crate::ledger::{self, Account, Ledger};
use crate::policy::{Nano, Policy, Scope};

/// One line of the budget. Amounts are billionths of rho.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// `year`, `role`, `purpose` or `measure`.
    pub scope: String,
    /// Which; empty for the year as a whole.
    pub name: String,
    /// The cap in force.
    pub cap_nano: u64,
    /// Charged for good.
    pub spent_nano: u64,
    /// Put aside for answers under way.
    pub reserved_nano: u64,
    /// Cap less the two; 0 when a cap was lowered below what was spent.
    pub left_nano: u64,
}

/// The budget of one year.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Budget year, such as `2026-27`.
    pub year: String,
    /// Whether the policy is on.
    pub policy_on: bool,
    /// The year first, then every role, purpose and measure with a cap of its own or something spent.
    pub lines: Vec<Line>,
    /// What is to be expected, in sentences.
    pub forecast: Vec<String>,
}

impl Ledger {
    /// The budget of the current year under the policy in force.
    ///
    /// # Errors
    /// The store's.
    pub fn budget(&self, policy: &Policy) -> Result<Report, store::Error> {
        let (now, accounts) =
            self.look("read the budget", |step| Ok((step.now, ledger::accounts(step, &ledger::year_of(step.now))?)))?;
        Ok(report(policy, now, &accounts))
    }
}

fn report(policy: &Policy, now: Timestamp, accounts: &[Account]) -> Report {
    let mut lines = vec![line(Scope::Year, "", policy.year_cap(), accounts)];
    let mut add = |scope, name: &str, cap: Nano| {
        if !lines.iter().any(|line| line.scope == Scope::word(scope) && line.name == name) {
            lines.push(line(scope, name, cap, accounts));
        }
    };
    for (role, &cap) in policy.role_caps() {
        add(Scope::Role, role.word(), cap);
    }
    for purpose in policy.purposes() {
        if let Some(cap) = purpose.rho_per_year {
            add(Scope::Purpose, &purpose.name, cap);
        }
    }
    for (measure, &cap) in policy.measure_caps() {
        add(Scope::Measure, measure.as_str(), cap);
    }
    // What was spent without a cap of its own counts against the year's.
    for account in accounts.iter().filter(|account| !matches!(account.scope, Scope::Year | Scope::Query)) {
        add(account.scope, &account.name, policy.year_cap());
    }
    let order = |line: &Line| Scope::ALL.iter().position(|scope| scope.word() == line.scope);
    lines.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.name.cmp(&b.name)));
    let forecast = forecast(&lines[0], now);
    Report { year: ledger::year_of(now), policy_on: policy.is_on(), lines, forecast }
}

fn line(scope: Scope, name: &str, cap: Nano, accounts: &[Account]) -> Line {
    let account = accounts.iter().find(|account| account.scope == scope && account.name == name);
    let (used, reserved) = account.map_or((0, 0), |account| (account.used.0, account.reserved.0));
    Line {
        scope: scope.word().to_owned(),
        name: name.to_owned(),
        cap_nano: cap.0,
        spent_nano: used,
        reserved_nano: reserved,
        left_nano: cap.0.saturating_sub(used).saturating_sub(reserved),
    }
}

fn forecast(year: &Line, now: Timestamp) -> Vec<String> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let first = Date::constant(if today.month() >= 4 { today.year() } else { today.year() - 1 }, 4, 1);
    let passed = days(first, today) + 1;
    let ends = Date::constant(first.year() + 1, 3, 31);
    let remaining = days(today, ends);
    let mut out = Vec::new();
    if year.cap_nano == 0 {
        out.push("There is no budget: no figure with noise can be answered.".to_owned());
        return out;
    }
    if year.spent_nano == 0 {
        out.push("Nothing has been spent this year, so nothing can be forecast.".to_owned());
    } else {
        let projected = u128::from(year.spent_nano) * (passed + remaining) as u128 / passed as u128;
        let projected = Nano(u64::try_from(projected).unwrap_or(u64::MAX));
        let spent = Nano(year.spent_nano);
        if projected.0 <= year.cap_nano {
            out.push(format!(
                "At the pace of the first {passed} days (rho {spent}), rho {projected} of {} will be spent by {ends}.",
                Nano(year.cap_nano)
            ));
        } else {
            let lasts = u128::from(year.left_nano) * passed as u128 / u128::from(year.spent_nano);
            let lasts = i64::try_from(lasts).unwrap_or(0).clamp(0, 366);
            let empty = today.saturating_add(jiff::Span::new().days(lasts));
            out.push(format!(
                "At the pace of the first {passed} days (rho {spent}), the budget is spent on about {empty}, before the \
                 year ends on {ends}."
            ));
        }
    }
    let usual = 5_000_000;
    out.push(format!(
        "What is left pays for {} more questions at rho 0.005 each, where no narrower cap is met.",
        year.left_nano / usual
    ));
    out
}

fn days(from: Date, to: Date) -> i64 {
    from.until(to).map_or(0, |span| i64::from(span.get_days()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::path::Path;

    fn account(scope: Scope, name: &str, used: u64) -> Account {
        Account { year: "2026-27".into(), scope, name: name.into(), used: Nano(used), reserved: Nano(1) }
    }

    #[test]
    fn spent_and_left_stand_by_year_role_purpose_and_measure() {
        let policy = Policy::parse(crate::policy::SAMPLE_OFF, Path::new("policy.toml"), None).unwrap();
        let accounts = [
            account(Scope::Year, "", 40_000_000),
            account(Scope::Role, "icb", 9),
            account(Scope::Measure, "ASCOF-2E", 7),
            account(Scope::Query, "ab", 7),
        ];
        let report = report(&policy, "2026-06-30T12:00:00Z".parse().unwrap(), &accounts);
        let shown: Vec<_> = report.lines.iter().map(|l| (l.scope.as_str(), l.name.as_str(), l.left_nano)).collect();
        assert_eq!(shown[0], ("year", "", 59_999_999));
        assert!(shown.contains(&("role", "icb", 49_999_990)) && shown.contains(&("role", "national", 80_000_000)));
        assert!(shown.contains(&("measure", "ASCOF-2E", 99_999_992)));
        assert!(!shown.iter().any(|(scope, ..)| *scope == "query"));
        // 91 days of 365 spent 0.04: 0.16 by the end, so it ends early: 0.06 lasts 136 days more.
        assert!(report.forecast[0].contains("2026-11-13"), "{:?}", report.forecast);
        assert!(report.forecast[1].contains("11 more questions"), "{:?}", report.forecast);
    }

    #[test]
    fn a_lowered_cap_leaves_nothing_and_never_less() {
        let policy = Policy::off();
        let report = report(&policy, "2026-06-30T12:00:00Z".parse().unwrap(), &[account(Scope::Year, "", 5)]);
        assert_eq!((report.lines[0].cap_nano, report.lines[0].left_nano), (0, 0));
    }
}
