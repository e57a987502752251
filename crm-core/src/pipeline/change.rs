//! What a pipeline shall become: another name, other stages, and where deals go whose stage is left
//! out.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::model::{NewStage, Pipeline, Stage, StageKind};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::store::Put;
use crate::text;
use crate::time::Timestamp;

/// A pipeline as it shall be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PipelineChange {
    /// What people call it.
    #[cfg_attr(feature = "schema", schema(max_length = 200))]
    pub name: String,
    /// All of its stages in their order; open ones come first, then won, then lost ones.
    #[cfg_attr(feature = "schema", schema(max_items = 50))]
    pub stages: Vec<StageChange>,
    /// Where deals go whose stage is left out.
    #[serde(default)]
    pub targets: Vec<StageTarget>,
}

/// A stage as it shall be.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StageChange {
    /// Which stage of the pipeline; a new one where absent.
    #[serde(default)]
    pub id: Option<Id<Stage>>,
    /// What people call it.
    #[cfg_attr(feature = "schema", schema(max_length = 100))]
    pub name: String,
    /// What it means to be in it. A stage keeps its kind while deals are in it.
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

impl From<&Stage> for StageChange {
    /// The stage as it is.
    fn from(stage: &Stage) -> Self {
        let Stage { id, name, kind, probability, days_until_stale } = stage.clone();
        Self { id: Some(id), name, kind, probability, days_until_stale }
    }
}

impl From<NewStage> for StageChange {
    /// A stage that is not there yet.
    fn from(new: NewStage) -> Self {
        let NewStage { name, kind, probability, days_until_stale } = new;
        Self { id: None, name, kind, probability, days_until_stale }
    }
}

/// Where the deals of a stage go that is left out.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StageTarget {
    /// The stage that is left out.
    pub stage_id: Id<Stage>,
    /// A stage of the pipeline that stays.
    pub to: Id<Stage>,
}

/// What a change means for the deals of a pipeline.
#[derive(Debug, Default)]
pub(crate) struct Consequences {
    /// Stages that are gone, each with where its deals go.
    left_out: BTreeMap<Id<Stage>, Option<Stage>>,
    /// Stages that mean something else now, each with its place among the stages that were asked for.
    turned: BTreeMap<Id<Stage>, usize>,
}

impl Consequences {
    /// The stages that must be empty, or be emptied.
    pub(crate) fn stages(&self) -> Vec<Id<Stage>> {
        self.left_out.keys().chain(self.turned.keys()).copied().collect()
    }

    /// Where a deal of one of these stages goes.
    ///
    /// # Errors
    /// `Invalid` where it can stay nowhere.
    pub(crate) fn target(&self, stage: Id<Stage>) -> Result<&Stage> {
        if let Some(at) = self.turned.get(&stage) {
            let message = format!("deals are in stage {stage}: leave it out, and name a stage for them");
            return Err(Error::invalid(format!("stages.{at}.kind"), "stage_in_use", message));
        }
        self.left_out.get(&stage).and_then(Option::as_ref).ok_or_else(|| {
            let message = format!("deals are in stage {stage}, which is left out: name a stage for them");
            Error::invalid("targets", "stage_in_use", message)
        })
    }
}

impl Pipeline {
    /// Gives the pipeline another name and other stages. Stages that are named by their id stay the
    /// stages that they are; those that are not named are gone.
    ///
    /// # Errors
    /// `Invalid` for bad or repeated names, more than 50 stages, a stage of another pipeline, and a
    /// target that is not left out or does not stay; the pipeline is then half changed and must be
    /// dropped.
    pub(crate) fn change(&mut self, change: PipelineChange, now: Timestamp) -> Result<Consequences> {
        self.name = text::clean_line("name", &change.name, 200)?;
        let before = std::mem::take(&mut self.stages);
        let mut named = BTreeSet::new();
        let mut consequences = Consequences::default();
        for (at, stage) in change.stages.into_iter().enumerate() {
            let at_stage = |error: Error| error.under(&format!("stages.{at}"));
            let id = stage.id.unwrap_or_else(|| Id::new_at(now));
            if stage.id.is_some() {
                let known = before.iter().find(|known| known.id == id).ok_or_else(|| foreign("id", id));
                if known.map_err(at_stage)?.kind != stage.kind {
                    consequences.turned.insert(id, at);
                }
            }
            if !named.insert(id) {
                return Err(at_stage(Error::invalid("id", "duplicate", format!("stage {id} is named twice"))));
            }
            let StageChange { name, kind, probability, days_until_stale, .. } = stage;
            let new = NewStage { name, kind, probability, days_until_stale };
            self.add(id, new).map_err(at_stage)?;
        }
        let gone = before.iter().map(|stage| stage.id).filter(|id| !named.contains(id));
        consequences.left_out = gone.map(|id| (id, None)).collect();
        for (at, target) in change.targets.into_iter().enumerate() {
            let at_target = |error: Error| error.under(&format!("targets.{at}"));
            let place = consequences.left_out.get_mut(&target.stage_id);
            let place = place.filter(|place| place.is_none()).ok_or_else(|| not_left_out(target.stage_id));
            let place = place.map_err(at_target)?;
            let stays = self.stages.iter().find(|stage| stage.id == target.to);
            *place = Some(stays.cloned().ok_or_else(|| at_target(foreign("to", target.to)))?);
        }
        Ok(consequences)
    }
}

/// The stages that a written pipeline gives up: those that are gone and those that mean something else
/// now. Once it is written no deal, deleted or not, may be in one of them. A commit looks again, because
/// a deal may get there between the service's look and the commit.
pub fn given_up(put: &Put<Pipeline>) -> Vec<Id<Stage>> {
    let stays = |stage: &&Stage| put.after.stages.iter().any(|now| now.id == stage.id && now.kind == stage.kind);
    let before = put.before.iter().flat_map(|before| &before.stages);
    before.filter(|stage| !stays(stage)).map(|stage| stage.id).collect()
}

fn foreign(field: &str, id: Id<Stage>) -> Error {
    Error::invalid(field, "stage", format!("stage {id} is not one of this pipeline"))
}

fn not_left_out(id: Id<Stage>) -> Error {
    Error::invalid("stage_id", "target", format!("stage {id} is not left out, or has a target already"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::NewPipeline;

    fn pipeline() -> Pipeline {
        let stages = [("A", StageKind::Open), ("B", StageKind::Open), ("Won", StageKind::Won)];
        let stages = stages.map(|(name, kind)| NewStage::new(name, kind)).into();
        let now = Timestamp::from_micros(1);
        Pipeline::new(Id::new_at(now), NewPipeline { name: "P".to_owned(), stages }, now).unwrap()
    }

    fn changed(
        own: &Pipeline,
        stages: Vec<StageChange>,
        targets: Vec<StageTarget>,
    ) -> Result<(Pipeline, Consequences)> {
        let mut own = own.clone();
        let change = PipelineChange { name: own.name.clone(), stages, targets };
        let consequences = own.change(change, Timestamp::from_micros(2))?;
        Ok((own, consequences))
    }

    fn names(own: &Pipeline) -> Vec<&str> {
        own.stages.iter().map(|stage| stage.name.as_str()).collect()
    }

    #[test]
    fn stages_change_their_order_and_new_ones_come_where_they_are_named() {
        let own = pipeline();
        let [a, b, won] = [0, 1, 2].map(|at| StageChange::from(&own.stages[at]));
        let new = StageChange::from(NewStage::new("C", StageKind::Open));
        let (other, consequences) = changed(&own, vec![won, b, new, a], Vec::new()).unwrap();
        assert_eq!(names(&other), ["B", "C", "A", "Won"]);
        assert_eq!(other.stages[0].id, own.stages[1].id);
        assert!(consequences.stages().is_empty());
    }

    #[test]
    fn two_stages_change_names_with_one_another() {
        let own = pipeline();
        let [mut a, mut b, won] = [0, 1, 2].map(|at| StageChange::from(&own.stages[at]));
        std::mem::swap(&mut a.name, &mut b.name);
        let (other, _) = changed(&own, vec![a, b, won], Vec::new()).unwrap();
        assert_eq!(names(&other), ["B", "A", "Won"]);
        assert_eq!(other.stages[0].id, own.stages[0].id);
    }

    #[test]
    fn a_stage_that_is_left_out_or_turned_must_be_emptied() {
        let own = pipeline();
        let [a, mut b, won] = [0, 1, 2].map(|at| StageChange::from(&own.stages[at]));
        b.kind = StageKind::Lost;
        let to_won = StageTarget { stage_id: own.stages[0].id, to: own.stages[2].id };
        let (_, consequences) = changed(&own, vec![b.clone(), won.clone()], vec![to_won]).unwrap();
        assert_eq!(consequences.stages().len(), 2);
        assert_eq!(consequences.target(own.stages[0].id).unwrap().name, "Won");
        let turned = consequences.target(own.stages[1].id).unwrap_err();
        assert_eq!(turned.fields()[0].field, "stages.0.kind");
        let (_, consequences) = changed(&own, vec![a, won], Vec::new()).unwrap();
        assert_eq!(consequences.target(own.stages[1].id).unwrap_err().fields()[0].field, "targets");
    }

    #[test]
    fn what_no_pipeline_can_become_is_told_at_its_place() {
        let own = pipeline();
        let [a, b, won] = [0, 1, 2].map(|at| StageChange::from(&own.stages[at]));
        let elsewhere = Id::new_at(Timestamp::from_micros(9));
        let target = |stage_id, to| vec![StageTarget { stage_id, to }];
        let gone = own.stages[0].id;
        let fault = |stages, targets| changed(&own, stages, targets).unwrap_err().fields()[0].field.clone();
        let named = |name: &str| StageChange { name: name.to_owned(), ..b.clone() };
        let unsure = StageChange { probability: Some(101), ..b.clone() };
        assert_eq!(fault(vec![a.clone(), named("a ")], Vec::new()), "stages.1.name");
        assert_eq!(fault(vec![a.clone(), unsure], Vec::new()), "stages.1.probability");
        assert_eq!(fault(vec![a.clone(), StageChange { name: "D".into(), ..a.clone() }], Vec::new()), "stages.1.id");
        assert_eq!(fault(vec![StageChange { id: Some(elsewhere), ..a.clone() }], Vec::new()), "stages.0.id");
        assert_eq!(fault(vec![a.clone(), b.clone()], target(gone, own.stages[1].id)), "targets.0.stage_id");
        assert_eq!(fault(vec![b.clone()], target(gone, own.stages[2].id)), "targets.0.to");
        assert_eq!(fault(vec![b.clone(), won], target(gone, elsewhere)), "targets.0.to");
    }
}
