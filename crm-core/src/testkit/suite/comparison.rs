//! Lists of a store beside what they must be: the filter's own answer, record by record.

use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::naive;
use super::population::{InStore, Population, SEARCHES, catalogue, ids};
use super::support::{reading, seed};
use crate::access::Listed;
use crate::error::ErrorKind;
use crate::filter::generate::arbitrary_filter;
use crate::filter::{Catalogue, Filter};
use crate::page::ListRequest;
use crate::session::Session;
use crate::testkit::World;

/// How many filters a law tries on each kind of record.
fn cases() -> usize {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200)
}

/// Lists of one caller, compared with the mirror.
pub(super) struct Comparison<'a> {
    pub(super) world: &'a World,
    pub(super) population: &'a Population,
    pub(super) session: &'a Session,
}

/// How a store answered.
pub(super) enum Answer {
    /// The caller may not ask this.
    Refused,
    /// With so many records, of so many that the caller sees, as it must.
    Right {
        /// Records that the filter finds.
        found: usize,
        /// Records that the caller sees.
        all: usize,
    },
    /// Otherwise.
    Wrong(String),
}

impl Comparison<'_> {
    /// Asks the store.
    pub(super) async fn answer<T: InStore>(&self, request: &ListRequest) -> Answer {
        let grant = reading(self.session, T::ENTITY);
        let query = match grant.check_list::<T>(request, self.session.now()) {
            Ok(query) => query,
            Err(error) if error.kind() == ErrorKind::Invalid => return Answer::Refused,
            Err(error) => return Answer::Wrong(format!("{error:?}")),
        };
        let (found, count) = match T::listed(self.world, &grant, &query).await {
            Ok(answer) => answer,
            Err(error) => return Answer::Wrong(format!("{error:?}")),
        };
        let mirror = &self.population.mirror;
        let whole: Vec<&T> = naive::list(mirror, &query);
        let page = &whole[..whole.len().min(query.limit().into())];
        if ids(&found.rows) != page.iter().map(|row| row.uuid()).collect::<Vec<_>>() {
            return Answer::Wrong(difference(&found.rows, page));
        }
        let next = (whole.len() > page.len()).then(|| naive::position(page[page.len() - 1], &query));
        if found.next != next {
            return Answer::Wrong(format!("goes on at {:?}, not at {next:?}", found.next));
        }
        if let Some(count) = count.filter(|count| *count != whole.len().min(17) as u64) {
            return Answer::Wrong(format!("counts {count} up to 17, of {}", whole.len()));
        }
        let everything = grant.check_list::<T>(&ListRequest::default(), self.session.now()).unwrap();
        Answer::Right { found: whole.len(), all: naive::list::<T>(mirror, &everything).len() }
    }

    /// Tries generated filters, and makes the first one that fails as simple as it gets.
    pub(super) async fn run<T: InStore>(&self, others: &[Catalogue]) {
        let root = catalogue::<T>(&reading(self.session, T::ENTITY));
        let filters: BoxedStrategy<Filter> = arbitrary_filter(&root, others, &self.population.vocabulary);
        let sorts: Vec<&str> =
            root.fields.iter().filter(|field| field.sortable).map(|field| field.key.as_ref()).collect();
        let seed = seed();
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), random);
        let (mut refused, mut telling) = (0, 0);
        for case in 0..cases() {
            let tree = filters.new_tree(&mut runner).unwrap();
            let request = |filter| ListRequest {
                filter: Some(filter),
                sort: Some(format!("{}{}", ["", "-"][case % 2], sorts[case % sorts.len()])),
                q: (case % 7 == 0).then(|| SEARCHES[case / 7 % SEARCHES.len()].to_owned()),
                limit: Some(if case % 3 == 0 { 5 } else { 200 }),
                ..ListRequest::default()
            };
            match self.answer::<T>(&request(tree.current())).await {
                Answer::Refused => refused += 1,
                Answer::Right { found, all } => telling += usize::from((1..all).contains(&found)),
                Answer::Wrong(fault) => {
                    let (simplest, fault) = self.simplify::<T>(tree, fault, request).await;
                    panic!("SLACKCRM_TEST_SEED={seed}, case {case}: {} list of {simplest}\n{fault}", T::ENTITY);
                }
            }
        }
        let told = format!("SLACKCRM_TEST_SEED={seed}: of {} filters on a {}", cases(), T::ENTITY);
        assert!(telling * 10 > cases(), "{told} only {telling} tell anything");
        assert!(refused * 20 <= cases(), "{told} {refused} were refused");
    }

    /// The simplest filter that is answered wrongly still, and what is wrong.
    async fn simplify<T: InStore>(
        &self,
        mut tree: impl ValueTree<Value = Filter>,
        mut fault: String,
        request: impl Fn(Filter) -> ListRequest,
    ) -> (Filter, String) {
        let mut simplest = tree.current();
        // Simplifies while it still fails, and steps back where it does not.
        for _ in 0..500 {
            let goes_on = match self.answer::<T>(&request(tree.current())).await {
                Answer::Wrong(more) => {
                    (fault, simplest) = (more, tree.current());
                    tree.simplify()
                }
                _ => tree.complicate(),
            };
            if !goes_on {
                break;
            }
        }
        let ListRequest { sort, q, .. } = request(simplest.clone());
        (simplest, format!("sort {sort:?}, q {q:?}\n{fault}"))
    }
}

fn difference<T: Listed + std::fmt::Debug>(found: &[T], expected: &[&T]) -> String {
    let there = ids(found);
    let wanted: Vec<_> = expected.iter().map(|row| row.uuid()).collect();
    let extra: Vec<&T> = found.iter().filter(|row| !wanted.contains(&row.uuid())).take(2).collect();
    let missing: Vec<_> = expected.iter().filter(|row| !there.contains(&row.uuid())).take(2).collect();
    match (extra.is_empty(), missing.is_empty()) {
        (true, true) => format!("is in another order: {there:?}, not {wanted:?}"),
        _ => format!("wrongly has {extra:#?}\nlacks {missing:#?}"),
    }
}
