//! A pipeline and its stages.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::id::Id;
use crate::store::{Record, versioned};
use crate::text;
use crate::time::{Timestamp, epoch};
use crate::user::User;

/// Most stages of one pipeline.
pub(crate) const MAX_STAGES: usize = 50;

/// What it means for a deal to be in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum StageKind {
    /// Still in the making.
    Open,
    /// Sold.
    Won,
    /// Not sold.
    Lost,
}

impl StageKind {
    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            StageKind::Open => "open",
            StageKind::Won => "won",
            StageKind::Lost => "lost",
        }
    }

    /// The kind that a stage's name suggests: other products call these stages Won, Closed Won,
    /// Closed - Won, closedwon or Closed won (Sales Pipeline), and the like for Lost.
    pub fn suggested_by(name: &str) -> Self {
        let letters: String = text::outside_brackets(name).chars().filter(|letter| letter.is_alphabetic()).collect();
        match text::key(&letters).as_str() {
            "won" | "closedwon" => StageKind::Won,
            "lost" | "closedlost" => StageKind::Lost,
            _ => StageKind::Open,
        }
    }
}

/// One step of a pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Stage {
    /// Its id.
    pub id: Id<Stage>,
    /// What people call it.
    pub name: String,
    /// What it means to be in it.
    pub kind: StageKind,
    /// How likely deals in it are to be won, in per cent; absent where its place says it.
    #[serde(default)]
    pub probability: Option<i64>,
    /// Days after which a deal that is still in it is stale; absent where none ever is.
    #[serde(default)]
    pub days_until_stale: Option<i64>,
}

/// A way through stages. Their order is that of the list: open ones first, then won, then lost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pipeline {
    /// Its id.
    pub id: Id<Pipeline>,
    /// What people call it.
    pub name: String,
    /// Whether deals go here that name no pipeline; one of the workspace's is.
    #[serde(default)]
    pub is_default: bool,
    /// Its stages.
    #[serde(default)]
    pub stages: Vec<Stage>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(default = "epoch")]
    pub updated_at: Timestamp,
    /// How often it was written.
    #[serde(default)]
    pub version: i64,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

/// A pipeline to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewPipeline {
    /// What people call it.
    #[cfg_attr(feature = "schema", schema(max_length = 200))]
    pub name: String,
    /// Its stages.
    pub stages: Vec<NewStage>,
}

/// A stage to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewStage {
    /// What people call it.
    #[cfg_attr(feature = "schema", schema(max_length = 100))]
    pub name: String,
    /// What it means to be in it.
    pub kind: StageKind,
    /// How likely deals in it are to be won, in per cent; where absent, a won stage has 100, a lost one
    /// 0, and open ones are spread evenly between.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(minimum = 0, maximum = 100))]
    pub probability: Option<i64>,
    /// Days after which a deal that is still in it is stale, at most 3,650.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 3650))]
    pub days_until_stale: Option<i64>,
}

impl NewStage {
    /// A stage of a name and a kind.
    pub fn new(name: impl Into<String>, kind: StageKind) -> Self {
        Self { name: name.into(), kind, probability: None, days_until_stale: None }
    }

    /// Refuses numbers that no stage has.
    ///
    /// # Errors
    /// `Invalid` for a probability outside 0–100, another one than 100 or 0 where deals are won or lost,
    /// and for days outside 1–3,650.
    pub fn check(&self) -> Result<()> {
        let mut faults = Faults::default();
        let ended = match self.kind {
            StageKind::Open => None,
            StageKind::Won => Some(100),
            StageKind::Lost => Some(0),
        };
        match (self.probability, ended) {
            (Some(chance), _) if !(0..=100).contains(&chance) => {
                faults.add("probability", "out_of_range", "must lie between 0 and 100");
            }
            (Some(chance), Some(certain)) if chance != certain => {
                faults.add("probability", "out_of_range", "is 100 where deals are won and 0 where they are lost");
            }
            _ => {}
        }
        if self.days_until_stale.is_some_and(|days| !(1..=3_650).contains(&days)) {
            faults.add("days_until_stale", "out_of_range", "must lie between 1 and 3650");
        }
        faults.into_result()
    }
}

impl Pipeline {
    /// A new pipeline, which is not the default.
    ///
    /// # Errors
    /// `Invalid` for bad names or too many stages.
    pub fn new(id: Id<Pipeline>, new: NewPipeline, now: Timestamp) -> Result<Self> {
        let mut pipeline = Self {
            id,
            name: text::clean_line("name", &new.name, 200)?,
            is_default: false,
            stages: Vec::new(),
            created_at: now,
            updated_at: now,
            version: 0,
            deleted_at: None,
        };
        for (at, stage) in new.stages.into_iter().enumerate() {
            pipeline.add(Id::new_at(now), stage).map_err(|error| error.under(&format!("stages.{at}")))?;
        }
        Ok(pipeline)
    }

    /// Adds a stage with its numbers after those of its kind.
    ///
    /// # Errors
    /// As [`Pipeline::add_stage`] and [`NewStage::check`].
    pub(super) fn add(&mut self, id: Id<Stage>, new: NewStage) -> Result<()> {
        new.check()?;
        self.add_stage(id, &new.name, new.kind)?;
        if let Some(added) = self.stages.iter_mut().find(|added| added.id == id) {
            (added.probability, added.days_until_stale) = (new.probability, new.days_until_stale);
        }
        Ok(())
    }

    /// A stage of this pipeline.
    ///
    /// # Errors
    /// `Invalid` for a stage of another pipeline.
    pub fn stage(&self, id: Id<Stage>) -> Result<&Stage> {
        let found = self.stages.iter().find(|stage| stage.id == id);
        found.ok_or_else(|| Error::invalid("stage_id", "stage", format!("stage {id} is not one of this pipeline")))
    }

    /// The stage of a name, whatever its case.
    pub fn stage_named(&self, name: &str) -> Option<&Stage> {
        let key = text::key(name.trim());
        self.stages.iter().find(|stage| text::key(&stage.name) == key)
    }

    /// The first stage, where deals begin.
    pub fn first_stage(&self) -> Option<&Stage> {
        self.stages.first()
    }

    /// How likely deals in a stage are to be won, in per cent. Open stages that say nothing lie evenly
    /// between 0 and 100: of two, the first has 33 and the second 66.
    pub fn probability(&self, stage: &Stage) -> i64 {
        match (stage.probability, stage.kind) {
            (Some(chance), _) => chance,
            (None, StageKind::Won) => 100,
            (None, StageKind::Lost) => 0,
            (None, StageKind::Open) => {
                let open: Vec<&Stage> = self.stages.iter().filter(|other| other.kind == StageKind::Open).collect();
                let place = open.iter().position(|other| other.id == stage.id).map_or(0, |at| at + 1);
                let percent = 100 * place / (open.len() + 1);
                i64::try_from(percent).unwrap_or(0)
            }
        }
    }

    /// Adds a stage after those of its kind, and keeps open, won, lost in this order.
    ///
    /// # Errors
    /// `Invalid` for a bad or taken name and for more than 50 stages.
    pub fn add_stage(&mut self, id: Id<Stage>, name: &str, kind: StageKind) -> Result<&Stage> {
        let name = text::clean_line("name", name, 100)?;
        if self.stage_named(&name).is_some() {
            return Err(Error::invalid("name", "duplicate", format!("the pipeline has a stage {name:?} already")));
        }
        if self.stages.len() >= MAX_STAGES {
            return Err(Error::invalid("stages", "too_many", format!("a pipeline has at most {MAX_STAGES} stages")));
        }
        let at = self.stages.partition_point(|stage| stage.kind <= kind);
        self.stages.insert(at, Stage { id, name, kind, probability: None, days_until_stale: None });
        self.stage(id)
    }
}

impl Record for Pipeline {
    versioned!(Pipeline);

    fn deleted_at(&self) -> Option<Timestamp> {
        self.deleted_at
    }

    fn owner(&self) -> Option<Id<User>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::StageKind::{self, Lost, Open, Won};

    #[test]
    fn a_stage_is_won_or_lost_however_its_name_is_written() {
        for name in ["Won", "closed won", "closedwon", "Closed_Won", "Closed - Won", "Closed won (Sales Pipeline)"] {
            assert_eq!(StageKind::suggested_by(name), Won, "{name}");
        }
        for name in ["LOST", "closedlost", "Closed – Lost", "[EU] closed lost"] {
            assert_eq!(StageKind::suggested_by(name), Lost, "{name}");
        }
        for name in ["", "(won)", "Almost won", "Wonder", "Closing"] {
            assert_eq!(StageKind::suggested_by(name), Open, "{name}");
        }
    }
}
