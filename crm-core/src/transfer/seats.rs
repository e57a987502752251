//! Who belongs to whose team: beside an import of deals, which names people but not their teams.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::model::ImportOptions;
use super::references::members;
use super::table::Table;
use crate::access::{Action, Entity, Grant, Role};
use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::id::Id;
use crate::session::Session;
use crate::store::{Changes, Guard, GuardRow, Stored};
use crate::team::{NewTeam, Team};
use crate::text::{self, Email};
use crate::time::Timestamp;
use crate::user::{NewUser, User};

/// Most seats of one import.
const MAX_SEATS: usize = 10_000;

/// Somebody's place in a team. The team has the name that is given, else the manager's with the office.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Seat {
    /// The member's name or e-mail address.
    pub member: String,
    /// The manager's, who is in the team too.
    #[serde(default)]
    pub manager: Option<String>,
    /// Where the team is.
    #[serde(default)]
    pub office: Option<String>,
    /// What people call the team.
    #[serde(default)]
    pub team: Option<String>,
}

impl Seat {
    /// The team's name; none where nothing says it.
    fn team(&self) -> Option<String> {
        let parts: Vec<&str> = self.manager.iter().chain(&self.office).map(String::as_str).collect();
        let joined = (!parts.is_empty()).then(|| parts.join(", "));
        self.team.clone().or(joined)
    }
}

/// Reads a list of seats.
///
/// # Errors
/// `Invalid` at `teams`, with the line of each row at fault.
pub(super) fn read(file: &[u8]) -> Result<Vec<Seat>> {
    let table = Table::read("teams", file)?;
    let member = table.needed(&["sales agent", "member", "sales rep", "name"])?;
    let manager = table.column(&["manager", "team lead"]);
    let office = table.column(&["regional office", "office", "region"]);
    let team = table.column(&["team", "team name", "sales team"]);
    let seats = table.each(|row| {
        let line = |field: &str, column| row.cell(column).map(|cell| text::clean_line(field, cell, 200)).transpose();
        Ok(Seat {
            member: line("member", member)?.ok_or_else(|| Error::invalid("member", "required", "is required"))?,
            manager: line("manager", manager)?,
            office: line("office", office)?,
            team: line("team", team)?,
        })
    })?;
    check(&seats)?;
    Ok(seats)
}

/// Refuses names that nobody and no team can have.
///
/// # Errors
/// `Invalid` at `teams`, by place.
pub(super) fn check(seats: &[Seat]) -> Result<()> {
    let mut faults = Faults::default();
    if seats.len() > MAX_SEATS {
        faults.add("teams", "too_many", &format!("has more than {MAX_SEATS} entries"));
    }
    for (at, seat) in seats.iter().enumerate().take(MAX_SEATS) {
        let (member, manager, team) = (Some(&seat.member), seat.manager.as_ref(), seat.team());
        for (name, value) in [("member", member), ("manager", manager), ("team", team.as_ref())] {
            if let Some(Err(error)) = value.map(|value| text::clean_line(name, value, 200)) {
                faults.refuse(&format!("teams.{at}.{name}"), &error);
            }
        }
    }
    faults.into_result()
}

/// Somebody who is known by name, or by the address that stands for it, and cannot sign in yet.
///
/// # Errors
/// `Invalid` for a bad name.
pub(super) fn invited(name: &str, role: Role, now: Timestamp) -> Result<User> {
    let email: Option<Email> = name.parse().ok();
    let name = email.as_ref().and_then(|email| email.as_str().split('@').next()).unwrap_or(name).to_owned();
    User::new(Id::new_at(now), NewUser { name, email, role }, now)
}

/// The people and teams that an import brings, as far as they are not there already.
#[derive(Clone, Default)]
pub(super) struct Seating {
    users: Vec<Stored<User>>,
    teams: Vec<Stored<Team>>,
    /// Read before anybody was looked for, so that two imports do not bring the same people twice.
    guard: Option<GuardRow>,
    /// What the importer should know.
    pub(super) warnings: Vec<String>,
}

impl Seating {
    /// Finds the people and teams of the options, and makes those that are missing and that the caller
    /// may make.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached; `Invalid` at `teams`.
    pub(super) async fn of(session: &Session, grant: &Grant, options: &ImportOptions) -> Result<Self> {
        let mut seating = Self::default();
        if options.teams.is_empty() {
            return Ok(seating);
        }
        seating.guard = Some(session.ports().commit.guard(grant, Guard::Imports).await?);
        let people = seating.people(session, grant, options).await?;
        seating.settle(session, grant, options, &people).await?;
        Ok(seating)
    }

    /// Everybody who has a seat, by the comparison form of their names.
    async fn people(
        &mut self,
        session: &Session,
        grant: &Grant,
        options: &ImportOptions,
    ) -> Result<HashMap<String, Id<User>>> {
        let managers = options.teams.iter().filter_map(|seat| seat.manager.as_ref());
        let managers = managers.map(|name| (name, Role::Manager));
        let others = options.teams.iter().map(|seat| (&seat.member, Role::SalesRep));
        let named: Vec<(&String, Role)> = managers.chain(others).collect();
        let keys: BTreeSet<String> = named.iter().map(|(name, _)| text::key(name)).collect();
        let mut people = members(session.ports(), grant, keys, BTreeSet::new()).await?;
        let may_make = options.create_missing && session.require(Entity::User, Action::Create).is_ok();
        for (name, role) in named {
            let key = text::key(name);
            if people.contains_key(&key) {
                continue;
            }
            if !may_make || session.access().is_exceeded_by(role) {
                self.warn("teams: people who are not members are left out");
                continue;
            }
            let user = invited(name, role, session.now())
                .map_err(|error| Error::invalid("teams", "member", error.message().to_owned()))?;
            people.insert(key, user.id);
            self.users.push(Stored::new(user));
        }
        Ok(people)
    }

    /// Puts everybody into their teams. Who is in a team already stays there.
    async fn settle(
        &mut self,
        session: &Session,
        grant: &Grant,
        options: &ImportOptions,
        people: &HashMap<String, Id<User>>,
    ) -> Result<()> {
        let mut wanted: BTreeMap<String, (String, BTreeSet<Id<User>>)> = BTreeMap::new();
        for seat in &options.teams {
            let Some(name) = seat.team() else { continue };
            let both = seat.manager.iter().chain([&seat.member]);
            let both = both.filter_map(|name| people.get(&text::key(name)).copied());
            wanted.entry(text::key(&name)).or_insert_with(|| (name, BTreeSet::new())).1.extend(both);
        }
        let teams = &session.ports().teams;
        let mut known: HashMap<String, Team> = HashMap::new();
        for team in teams.teams(grant).await? {
            known.entry(text::key(&team.name)).or_insert(team);
        }
        let may = |action| options.create_missing && session.require(Entity::Team, action).is_ok();
        for (key, (name, members)) in wanted {
            match known.get(&key) {
                Some(team) if members.iter().all(|member| team.members.contains(member)) => {}
                Some(team) if may(Action::Update) => {
                    let mut team = teams.team(grant, team.id).await?;
                    let all = team.members.iter().copied().chain(members).collect();
                    team.set_members(all).map_err(|error| error.under("teams"))?;
                    self.teams.push(team);
                }
                None if members.is_empty() => {}
                None if may(Action::Create) => {
                    let new = NewTeam { name, members: members.into_iter().collect() };
                    let team = Team::new(Id::new_at(session.now()), new, session.now());
                    self.teams.push(Stored::new(team.map_err(|error| error.under("teams"))?));
                }
                Some(_) | None => self.warn("teams: teams that the caller may not make or change are left as they are"),
            }
        }
        Ok(())
    }

    fn warn(&mut self, warning: &str) {
        if !self.warnings.iter().any(|known| known == warning) {
            self.warnings.push(warning.to_owned());
        }
    }

    /// Whether another import brought people or teams since.
    pub(super) async fn is_stale(&self, session: &Session, grant: &Grant) -> Result<bool> {
        let Some(guard) = self.guard else { return Ok(false) };
        Ok(session.ports().commit.guard(grant, Guard::Imports).await? != guard)
    }

    /// Puts what is missing among the changes.
    pub(super) fn put(mut self, changes: &mut Changes) {
        if self.users.is_empty() && self.teams.is_empty() {
            return;
        }
        for user in &mut self.users {
            changes.put(user);
        }
        for team in &mut self.teams {
            changes.put(team);
        }
        if let Some(guard) = self.guard {
            changes.guard(guard);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_is_called_after_its_manager_and_office_unless_it_has_a_name() {
        let file =
            "Sales_Agent,Manager,Regional Office,Team\nAnna,Dustin,Central,\nBo,,West,\nCy,Dustin,,Hunters\nDi,,,\n";
        let seats = read(file.as_bytes()).unwrap();
        let teams: Vec<_> = seats.iter().map(Seat::team).collect();
        let named = |name: &str| Some(name.to_owned());
        assert_eq!(teams, [named("Dustin, Central"), named("West"), named("Hunters"), None]);
    }

    #[test]
    fn a_bad_list_is_refused_by_its_lines() {
        let fault = |file: &str| read(file.as_bytes()).unwrap_err().fields()[0].clone();
        assert!(fault("member,manager\nA,B\n,C\n").message.starts_with("line 3: member: "));
        assert_eq!(fault("manager\nB\n").field, "teams");
        assert!(fault(&format!("member\n{}\n", "x".repeat(201))).message.starts_with("line 2: member: "));
    }
}
