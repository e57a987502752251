//! Laws of the figures under random histories.

use proptest::prelude::*;

use super::conversion::{ConversionOptions, Counting, Path, conversion};
use super::explain::Explainer;
use super::port::StageFlow;
use super::way::{Stay, stays};
use super::window::Window;
use crate::deal::DealMove;
use crate::id::Id;
use crate::pipeline::{NewPipeline, NewStage, Pipeline, StageKind};
use crate::time::{Timestamp, Zone};

fn pipeline() -> Pipeline {
    let kinds = [StageKind::Open, StageKind::Open, StageKind::Open, StageKind::Won, StageKind::Lost];
    let stages = kinds.iter().enumerate().map(|(at, kind)| NewStage::new(format!("{at}"), *kind)).collect();
    Pipeline::new(Id::new_at(day(0)), NewPipeline { name: "P".to_owned(), stages }, day(0)).unwrap()
}

fn day(number: i64) -> Timestamp {
    Timestamp::from_micros(number * 86_400_000_000)
}

/// The ways of some deals: stages and days, in any order of days.
fn ways() -> impl Strategy<Value = Vec<Vec<(usize, i64)>>> {
    proptest::collection::vec(proptest::collection::vec((0..6_usize, 0..60_i64), 1..8), 0..20)
}

/// The moves of ways; the sixth stage is one that the pipeline does not have any more.
fn moves(pipeline: &Pipeline, ways: &[Vec<(usize, i64)>]) -> Vec<DealMove> {
    let gone = Id::new_at(day(1));
    let stage = |at: usize| pipeline.stages.get(at).map_or(gone, |stage| stage.id);
    let mut moves = Vec::new();
    for (number, way) in ways.iter().enumerate() {
        let deal_id = uuid::Uuid::from_u128(number as u128 + 1).into();
        let mut from = None;
        for (place, (to, at)) in way.iter().enumerate() {
            moves.push(DealMove { deal_id, place: place as i64, from, to: stage(*to), at: day(*at) });
            from = Some(stage(*to));
        }
    }
    moves
}

fn windows() -> impl Strategy<Value = Window> {
    (proptest::option::of(0..60_i64), proptest::option::of(0..60_i64)).prop_map(|(a, b)| {
        let date = |number: i64| Zone::UTC.day(day(number));
        let (from, to) = match (a, b) {
            (Some(a), Some(b)) => (Some(a.min(b)), Some(a.max(b))),
            other => other,
        };
        Window::new(from.map(date), to.map(date), Zone::UTC).unwrap()
    })
}

/// Where each deal is, by the last of its moves to a stage that there still is.
fn ends(pipeline: &Pipeline, ways: &[Vec<(usize, i64)>], stage: usize) -> u64 {
    let known = |at: &&(usize, i64)| at.0 < pipeline.stages.len();
    let last = ways.iter().filter_map(|way| way.iter().rfind(known));
    last.filter(|(at, _)| *at == stage).count() as u64
}

proptest! {
    #[test]
    fn whoever_came_went_on_was_lost_went_back_or_is_still_there(
        ways in ways(), window in windows(), snapshot: bool, every: bool,
    ) {
        let pipeline = pipeline();
        let options = ConversionOptions {
            counting: if snapshot { Counting::Snapshot } else { Counting::Cohort },
            path: if every { Path::EveryStage } else { Path::AnyStage },
        };
        let all = stays(&pipeline, &moves(&pipeline, &ways));
        let told = conversion(&pipeline, &all, window, options, &mut Explainer::silent());
        for stage in &told.stages {
            let came = stage.at_start + stage.entries;
            prop_assert_eq!(came, stage.advanced + stage.lost + stage.moved_back + stage.still_there);
            prop_assert!(stage.next_rate.is_none_or(|rate| (0.0..=1.0).contains(&rate)));
            prop_assert!(stage.cumulative_rate.is_none_or(|rate| (0.0..=1.0).contains(&rate)));
        }
        // What goes into all stages besides beginnings is what leaves others.
        if window.from.is_none() && window.to.is_none() {
            let left: u64 = told.stages.iter().map(|stage| stage.advanced + stage.lost + stage.moved_back).sum();
            let entries: u64 = told.stages.iter().map(|stage| stage.entries).sum();
            prop_assert_eq!(entries, left + told.deals);
        }
    }

    #[test]
    fn without_a_window_still_there_is_where_the_deals_are(ways in ways(), snapshot: bool) {
        let pipeline = pipeline();
        let counting = if snapshot { Counting::Snapshot } else { Counting::Cohort };
        let options = ConversionOptions { counting, ..ConversionOptions::default() };
        let all = stays(&pipeline, &moves(&pipeline, &ways));
        let window = Window::new(None, None, Zone::UTC).unwrap();
        let told = conversion(&pipeline, &all, window, options, &mut Explainer::silent());
        for (at, stage) in told.stages.iter().enumerate() {
            prop_assert_eq!(stage.still_there, ends(&pipeline, &ways, at));
        }
    }

    #[test]
    fn flows_between_the_stages_begin_and_end_the_stays_in_them(ways in ways()) {
        let pipeline = pipeline();
        let moves = moves(&pipeline, &ways);
        let stages: Vec<_> = pipeline.stages.iter().map(|stage| stage.id).collect();
        let (flows, all) = (StageFlow::between(&moves, &stages), stays(&pipeline, &moves));
        prop_assert!(flows.iter().all(|flow| flow.is_between(&stages) && flow.from != Some(flow.to)));
        for (at, stage) in stages.iter().enumerate() {
            let began: u64 = flows.iter().filter(|flow| flow.to == *stage).map(|flow| flow.count).sum();
            prop_assert_eq!(began, all.iter().filter(|stay| stay.stage == at).count() as u64);
            for (next, to) in stages.iter().enumerate() {
                let went = flows.iter().filter(|flow| flow.from == Some(*stage) && flow.to == *to);
                let left = all.iter().filter(|stay| stay.stage == at && stay.left.is_some_and(|(_, to)| to == next));
                prop_assert_eq!(went.map(|flow| flow.count).sum::<u64>(), left.count() as u64);
            }
        }
    }

    #[test]
    fn a_later_step_is_reached_by_no_more_deals(ways in ways(), every: bool) {
        let pipeline = pipeline();
        let path = if every { Path::EveryStage } else { Path::AnyStage };
        let options = ConversionOptions { path, ..ConversionOptions::default() };
        let all = stays(&pipeline, &moves(&pipeline, &ways));
        let window = Window::new(None, None, Zone::UTC).unwrap();
        let told = conversion(&pipeline, &all, window, options, &mut Explainer::silent());
        let reached: Vec<u64> = told.stages.iter().take(3).map(|stage| stage.reached).collect();
        prop_assert!(reached.is_sorted_by(|a, b| a >= b), "{reached:?}");
    }

    #[test]
    fn what_a_deal_reached_before_a_window_it_has_reached_within_it(ways in ways(), from in 0..60_i64, every: bool) {
        let pipeline = pipeline();
        let path = if every { Path::EveryStage } else { Path::AnyStage };
        let all = stays(&pipeline, &moves(&pipeline, &ways));
        let options = ConversionOptions { counting: Counting::Snapshot, path };
        let window = Window::new(Some(Zone::UTC.day(day(from))), None, Zone::UTC).unwrap();
        let told = conversion(&pipeline, &all, window, options, &mut Explainer::silent());
        // The same deals, with all of their ways.
        let lasting = |own: &&[Stay]| own.iter().any(|stay| stay.left.is_none_or(|(left, _)| left >= day(from)));
        let same: Vec<Stay> = all.chunk_by(|a, b| a.deal == b.deal).filter(lasting).flatten().copied().collect();
        let ever = Window::new(None, None, Zone::UTC).unwrap();
        let whole = conversion(&pipeline, &same, ever, options, &mut Explainer::silent());
        for (told, whole) in told.stages.iter().zip(&whole.stages) {
            prop_assert_eq!((told.reached, told.skipped), (whole.reached, whole.skipped));
            prop_assert_eq!((told.next_rate, told.cumulative_rate), (whole.next_rate, whole.cumulative_rate));
        }
    }

    #[test]
    fn stays_of_a_deal_follow_one_another_without_a_gap(ways in ways()) {
        let pipeline = pipeline();
        let all = stays(&pipeline, &moves(&pipeline, &ways));
        for own in all.chunk_by(|a, b| a.deal == b.deal) {
            for pair in own.windows(2) {
                let [first, second]: &[Stay; 2] = pair.try_into().unwrap();
                prop_assert_eq!(first.left, Some((second.entered, second.stage)));
                prop_assert!(first.entered <= second.entered && first.stage != second.stage);
            }
            prop_assert!(own.last().unwrap().left.is_none());
        }
    }
}
