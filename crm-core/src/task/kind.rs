//! What is to be done, how urgent it is, and whether it is done.

use serde::{Deserialize, Serialize};

/// What is to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum TaskKind {
    /// Anything.
    #[default]
    ToDo,
    /// A telephone call.
    Call,
    /// An e-mail.
    Email,
    /// A meeting.
    Meeting,
    /// Coming back to somebody.
    FollowUp,
}

impl TaskKind {
    /// Every kind's snake_case name.
    pub const NAMES: [&'static str; 5] = ["to_do", "call", "email", "meeting", "follow_up"];

    /// Every kind.
    pub const ALL: [TaskKind; 5] =
        [TaskKind::ToDo, TaskKind::Call, TaskKind::Email, TaskKind::Meeting, TaskKind::FollowUp];

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            TaskKind::ToDo => "to_do",
            TaskKind::Call => "call",
            TaskKind::Email => "email",
            TaskKind::Meeting => "meeting",
            TaskKind::FollowUp => "follow_up",
        }
    }
}

/// How urgent it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum TaskPriority {
    /// It can wait.
    Low,
    /// As usual.
    #[default]
    Normal,
    /// Before others.
    High,
    /// Before everything.
    Urgent,
}

impl TaskPriority {
    /// Every priority's snake_case name.
    pub const NAMES: [&'static str; 4] = ["low", "normal", "high", "urgent"];

    /// Every priority, the least first.
    pub const ALL: [TaskPriority; 4] =
        [TaskPriority::Low, TaskPriority::Normal, TaskPriority::High, TaskPriority::Urgent];

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            TaskPriority::Low => "low",
            TaskPriority::Normal => "normal",
            TaskPriority::High => "high",
            TaskPriority::Urgent => "urgent",
        }
    }
}

/// Whether it is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum TaskStatus {
    /// Still to be done.
    #[default]
    Open,
    /// Done.
    Done,
}

impl TaskStatus {
    /// Every status's snake_case name.
    pub const NAMES: [&'static str; 2] = ["open", "done"];

    /// Every status.
    pub const ALL: [TaskStatus; 2] = [TaskStatus::Open, TaskStatus::Done];

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            TaskStatus::Open => "open",
            TaskStatus::Done => "done",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_the_one_on_the_wire() {
        let named = |name: &str| serde_json::Value::from(name);
        for (kind, name) in TaskKind::ALL.into_iter().zip(TaskKind::NAMES) {
            assert_eq!((kind.name(), serde_json::to_value(kind).unwrap()), (name, named(name)));
        }
        for (priority, name) in TaskPriority::ALL.into_iter().zip(TaskPriority::NAMES) {
            assert_eq!((priority.name(), serde_json::to_value(priority).unwrap()), (name, named(name)));
        }
        for (status, name) in TaskStatus::ALL.into_iter().zip(TaskStatus::NAMES) {
            assert_eq!((status.name(), serde_json::to_value(status).unwrap()), (name, named(name)));
        }
    }
}
