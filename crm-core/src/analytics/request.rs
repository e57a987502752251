//! What is asked of analytics, and the form of every answer.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::explain::{Behind, Explanation};
use super::window::Window;
use crate::access::Entity;
use crate::error::{Error, Result};
use crate::filter::{Filter, Op, Scalar};
use crate::id::Id;
use crate::pipeline::Pipeline;
use crate::team::Team;
use crate::time::deserialize_optional_day;
use crate::user::User;

/// Which deals and which time a figure is about.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AnalyticsRequest {
    /// The first day, in the caller's zone; without it from the beginning.
    #[serde(deserialize_with = "deserialize_optional_day")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Date))]
    pub from: Option<NaiveDate>,
    /// The last day; without it to the end.
    #[serde(deserialize_with = "deserialize_optional_day")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Date))]
    pub to: Option<NaiveDate>,
    /// Only deals of this pipeline.
    pub pipeline_id: Option<Id<Pipeline>>,
    /// Only deals of this member.
    pub owner_id: Option<Id<User>>,
    /// Only deals of this team's members.
    pub team_id: Option<Id<Team>>,
    /// Only deals with this tag.
    pub tag: Option<String>,
    /// Only deals that match, custom fields included.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub filter: Option<Filter>,
    /// Whether each figure shall say its definition, its denominator and the deals behind it.
    pub explain: bool,
    /// Only ids after this one are named behind the figures: the last one that an answer before named; needs
    /// `explain`.
    #[cfg_attr(feature = "schema", schema(value_type = Option<uuid::Uuid>))]
    pub ids_after: Option<Id<()>>,
    /// Whether the same figures of as many days before shall come beside; needs `from` and `to`.
    pub compare: bool,
}

impl AnalyticsRequest {
    /// Whether what stands behind the figures is asked for.
    ///
    /// # Errors
    /// `Invalid` for an id after which nothing is to be named.
    pub(crate) fn explains(&self) -> Result<Behind> {
        match self.ids_after {
            after if self.explain => Ok(Behind::Asked { after: after.map(Id::uuid) }),
            Some(_) => Err(Error::invalid("ids_after", "required", "needs `explain`")),
            None => Ok(Behind::Silent),
        }
    }

    /// Its conditions on deals, or on contacts, besides the team, each with the name of its field. A
    /// contact is in the pipelines of its deals.
    pub(crate) fn conditions(&self, entity: Entity) -> Vec<(&'static str, Filter)> {
        let id = |id: uuid::Uuid| Scalar::Text(id.to_string());
        let pipeline = self.pipeline_id.map(|own| {
            let own = Filter::is("pipeline_id", Op::Eq, id(own.uuid()));
            match entity {
                Entity::Deal => ("pipeline_id", own),
                _ => ("pipeline_id", Filter::Related { relation: "deals".to_owned(), filter: Box::new(own) }),
            }
        });
        let owner = self.owner_id.map(|own| ("owner_id", Filter::is("owner_id", Op::Eq, id(own.uuid()))));
        let tag = self.tag.as_ref().map(|tag| {
            let tags = vec![Scalar::Text(tag.clone())];
            ("tag", Filter::is("tags", Op::HasAny, tags))
        });
        [pipeline, owner, tag].into_iter().flatten().collect()
    }
}

/// Figures of a window, those of the window before where they were asked for, and what stands behind
/// them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Report<T> {
    /// The time that they are about.
    pub window: Window,
    /// The figures.
    pub figures: T,
    /// The same figures of as many days before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<T>,
    /// What stands behind each figure, of those of the days before at `before` and the figure's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanations: Option<Vec<Explanation>>,
}
