//! What lies beside a file of deals, what rows leave open, and rows that cannot be.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::analytics::{all, usd};
use super::jobs::{import_of, spooled, work};
use super::real_file::{ACCOUNTS, by_id};
use super::support::{fails, field, filtered, invalid_at, reading, refused, stage};
use super::uploads::{import, source, system_away, with_policy, written};
use crate::access::{Entity, Role, Rule};
use crate::custom_field::{CustomKind, NewCustomField};
use crate::deal::{DealEdit, DealStatus};
use crate::edit::Edit;
use crate::error::ErrorKind::Denied;
use crate::error::Result;
use crate::job::{JobState, Task};
use crate::pipeline::StageKind;
use crate::session::{Expect, Session};
use crate::testkit::{World, samples};
use crate::time::Period;
use crate::transfer::{BytesSource, Counts, DuplicatePolicy, ImportOptions, Product, Source};

pub async fn what_somebody_said_outlasts_every_estimate(world: World) {
    let session = world.system().await;
    let file = "id,name,product,stage,engage date,close date,amount\n\
        1,One,MG,Engaging,2026-01-01,,\n2,Two,MG,Won,2026-01-01,2026-01-31,7\n3,Three,MG,Engaging,2026-01-01,,9\n\
        4,Four,Other,Engaging,,,\n";
    let list = |price| ImportOptions {
        products: vec![Product { name: "MG".to_owned(), price: Some(usd(price)) }],
        ..with_policy(DuplicatePolicy::Update)
    };
    import(&session, Entity::Deal, file, list(5_500)).await;
    let session = world.system().await;
    let one = by_id(&session, "1").await;
    assert_eq!((one.value, one.value_estimated), (Some(usd(5_500)), true));
    assert_eq!(one.expected_close_date.unwrap().to_string(), "2026-01-31");
    let three = by_id(&session, "3").await;
    assert_eq!((three.value, three.value_estimated), (Some(usd(900)), false));
    let four = by_id(&session, "4").await;
    assert_eq!((four.value, four.expected_close_date, four.custom["product"].as_str()), (None, None, Some("Other")));
    // Another list changes the estimate, and nothing that somebody said.
    import(&session, Entity::Deal, file, list(6_000)).await;
    assert_eq!(by_id(&session, "1").await.value, Some(usd(6_000)));
    let day = "2026-05-01".parse().unwrap();
    let said = DealEdit { value: usd(1_234).into(), expected_close_date: Edit::Set(day), ..DealEdit::default() };
    let said = session.deals().update(one.id, said, Expect::Any).await.unwrap();
    assert!(!said.value_estimated);
    import(&session, Entity::Deal, file, list(7_000)).await;
    let one = by_id(&session, "1").await;
    assert_eq!((one.value, one.value_estimated, one.expected_close_date), (Some(usd(1_234)), false, Some(day)));
    invalid_at(
        session
            .deals()
            .update(four.id, DealEdit { value_estimated: Edit::Set(true), ..DealEdit::default() }, Expect::Any)
            .await,
        "value_estimated",
    );
}

pub async fn every_deal_that_ended_says_when_and_is_in_the_figures(world: World) {
    let session = world.system().await;
    let now = world.set_time("2026-03-02T12:00:00Z");
    let file = "id,name,stage,engage date,expected close date,created on\n\
        1,A,Won,2026-01-05,2026-02-01,\n2,B,Won,2026-01-05,2027-01-01,\n3,C,Lost,,,2026-01-07\n4,D,Won,,,\n\
        5,E,Engaging,2026-01-05,,\n";
    let options = || ImportOptions {
        mapping: BTreeMap::from([("created on".to_owned(), "created_at".to_owned())]),
        ..with_policy(DuplicatePolicy::Update)
    };
    let done = import(&session, Entity::Deal, file, options()).await;
    assert_eq!((done.counts.created, done.warnings.len()), (5, 1), "{:?}", done.warnings);
    for (id, day) in [("1", "2026-02-01"), ("2", "2026-01-05"), ("3", "2026-01-07"), ("4", "2026-03-02")] {
        let deal = by_id(&session, id).await;
        assert_eq!(deal.closed_at.unwrap().to_string()[..10], *day, "{id}");
        assert_eq!(deal.closed_at, Some(deal.stage_entered_at));
    }
    assert_eq!(import(&session, Entity::Deal, file, options()).await.counts.unchanged, 5);
    // What is moved by hand ends when it is moved; an import that says no more does not undo that.
    let five = by_id(&session, "5").await;
    let won = stage(&session, "Won").await;
    let moved = session.deals().move_to(five.id, won, Expect::Any).await.unwrap();
    assert!(moved.closed_at.unwrap() >= now && moved.closed_at == Some(moved.stage_entered_at));
    let ended = import(&session, Entity::Deal, "id,stage\n5,Lost\n", with_policy(DuplicatePolicy::Update)).await;
    assert_eq!(ended.counts.updated, 1);
    let deals = session.deals().list(&samples::list()).await.unwrap().data;
    assert!(deals.iter().all(|deal| (deal.status == DealStatus::Open) == deal.closed_at.is_none()));
    let sales = session.analytics().sales(&all(), Period::Month).await.unwrap().figures;
    assert_eq!((sales.total.won, sales.total.lost), (3, 2));
    let board = session.deals().board(None).await.unwrap();
    let on_board = |kind| board.stages.iter().filter(|stage| stage.kind == kind).map(|stage| stage.count).sum::<u64>();
    assert_eq!((on_board(StageKind::Won), on_board(StageKind::Lost)), (3, 2));
    let forecast = session.analytics().forecast(&all()).await.unwrap().figures;
    assert_eq!(forecast.total.closed_count + forecast.undated.closed_count, 3);
}

pub async fn lists_beside_a_file_make_what_the_caller_may_make(world: World) {
    let manager = world.session(Role::Manager).await;
    let teams = "sales_agent,manager,regional_office\nNew Person,New Boss,North\n";
    let options = || ImportOptions {
        products: vec![Product { name: "MG".to_owned(), price: Some(usd(5_500)) }],
        teams: manager.transfers().teams(teams.as_bytes()).unwrap(),
        ..ImportOptions::default()
    };
    let before = manager.teams().list().await.unwrap().len();
    let file = "id,name,product,sales agent,stage\n1,A,mg,New Person,Engaging\n";
    let done = import(&manager, Entity::Deal, file, options()).await;
    assert_eq!(done.counts.created, 1);
    let told = |start: &str| done.warnings.iter().any(|warning| warning.starts_with(start));
    assert!(told("owner: ") && told("teams: ") && told("column \"product\""), "{:?}", done.warnings);
    assert_eq!(manager.teams().list().await.unwrap().len(), before);
    assert!(manager.custom_fields().list().await.unwrap().is_empty());
    let deal = by_id(&manager, "1").await;
    // The price is known without a field for the product.
    assert_eq!((deal.value, deal.value_estimated), (Some(usd(5_500)), true));
    assert_eq!(deal.owner_id, None);
    // With `create_missing` off nobody is made either, whatever the caller may.
    let admin = world.session(Role::Admin).await;
    let careful = ImportOptions { create_missing: false, ..options() };
    import(&admin, Entity::Deal, "id,name,sales agent\n2,B,New Person\n", careful).await;
    assert_eq!(admin.teams().list().await.unwrap().len(), before);
    import(&admin, Entity::Deal, "id,name,sales agent\n3,C,New Person\n", options()).await;
    let made = admin.teams().list().await.unwrap();
    let team = made.iter().find(|team| team.name == "New Boss, North").unwrap();
    assert_eq!((made.len(), team.members.len()), (before + 1, 2));
    // Who joined meanwhile stays, and whoever is new joins.
    let more = "sales_agent,manager,regional_office\nNew Person,New Boss,North\nThird Person,New Boss,North\n";
    let more = ImportOptions { teams: admin.transfers().teams(more.as_bytes()).unwrap(), ..ImportOptions::default() };
    import(&admin, Entity::Deal, "id,name\n4,D\n", more).await;
    let made = admin.teams().list().await.unwrap();
    assert_eq!(made.iter().find(|team| team.name == "New Boss, North").unwrap().members.len(), 3);
    fails(world.session(Role::SupportAgent).await.transfers().teams(teams.as_bytes()), Denied);
}

pub async fn an_import_makes_nobody_who_may_do_more_than_its_caller(world: World) {
    world.set_rule(Role::SalesRep, Entity::User, Rule::ALL).await;
    for entity in [Entity::User, Entity::Import, Entity::Deal] {
        world.set_rule(Role::Setter, entity, Rule::ALL).await;
    }
    let (rep, setter) = (world.session(Role::SalesRep).await, world.session(Role::Setter).await);
    let seats = rep.transfers().teams(b"member,manager\nA Rep,A Boss\n").unwrap();
    let beside = ImportOptions { teams: seats, ..ImportOptions::default() };
    let done = import(&rep, Entity::Deal, "id,name\n1,A\n", beside).await;
    assert!(done.warnings.iter().any(|warning| warning.contains("not members")), "{:?}", done.warnings);
    let done = import(&setter, Entity::Deal, "id,name,sales agent\n2,B,Another Rep\n", ImportOptions::default()).await;
    assert!(done.warnings.iter().any(|warning| warning.starts_with("owner: ")), "{:?}", done.warnings);
    let known = world.session(Role::Admin).await.users().list(&samples::list()).await.unwrap().data;
    let made = ["A Rep", "A Boss", "Another Rep"].map(|name| known.iter().any(|user| user.name == name));
    assert_eq!(made, [true, false, false]);
}

pub async fn products_that_a_file_names_become_choices(world: World) {
    let session = world.system().await;
    let file = "id,name,product\n1,A,Anvil\n2,B,rocket\n3,C,Rocket\n";
    let create = ImportOptions { create_fields: true, ..ImportOptions::default() };
    let preview = session.transfers().preview(Entity::Deal, &mut source(file), &create).await.unwrap();
    assert_eq!((preview.counts.created, preview.counts.failed), (3, 0));
    let done = import(&session, Entity::Deal, file, create).await;
    assert_eq!((done.counts.created, done.counts.failed), (3, 0));
    let session = world.system().await;
    let choices = |session: Session| async move {
        let field = session.custom_fields().list().await.unwrap().remove(0);
        assert_eq!(field.kind, CustomKind::Choice);
        field.choices.to_vec()
    };
    let first = choices(session.clone()).await;
    assert_eq!(first.len(), 2, "{first:?}");
    // A product that is new joins them, unless nothing may be made.
    let new = "id,name,product\n4,D,Magnet\n";
    let careful = ImportOptions { create_missing: false, ..ImportOptions::default() };
    assert_eq!(import(&session, Entity::Deal, new, careful).await.counts.failed, 1);
    assert_eq!(import(&session, Entity::Deal, new, ImportOptions::default()).await.counts.created, 1);
    assert_eq!(choices(world.system().await).await.len(), 3);
    // A field of text stays one.
    let away = system_away(&world).await;
    away.custom_fields()
        .define(NewCustomField {
            entity: Entity::Deal,
            key: "product".to_owned(),
            label: "Product".to_owned(),
            kind: CustomKind::Text,
            choices: Vec::new(),
            target: None,
            required: false,
        })
        .await
        .unwrap();
    let away = system_away(&world).await;
    assert_eq!(import(&away, Entity::Deal, new, ImportOptions::default()).await.counts.created, 1);
}

pub async fn what_beside_a_file_cannot_be_read_is_told_and_makes_nothing(world: World) {
    let session = world.session(Role::Admin).await;
    written(&world).await;
    let transfers = session.transfers();
    let error = refused(transfers.products(b"product,price\nA,five\nB,-1\nC,99999999999999999999\nD,5 XXY\n"));
    let lines: Vec<&str> = error.fields().iter().map(|fault| fault.message.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["line 2", "line 4", "line 5"]);
    invalid_at(transfers.products(b"product,price\nB,-1\n"), "products.0.price");
    invalid_at(transfers.products(b"colour\nred\n"), "products");
    invalid_at(transfers.teams(b"manager\nAnna\n"), "teams");
    invalid_at(transfers.teams(b"member,manager\nA\n"), "teams");
    let product = Product { name: "MG".to_owned(), price: Some(usd(-1)) };
    let bad = ImportOptions { products: vec![product.clone()], ..ImportOptions::default() };
    invalid_at(transfers.start(Entity::Deal, &mut source("name\nA\n"), bad).await, "products.0.price");
    let misplaced = ImportOptions { products: vec![Product { price: None, ..product }], ..ImportOptions::default() };
    invalid_at(transfers.start(Entity::Contact, &mut source("name\nA\n"), misplaced).await, "products");
    assert_eq!(written(&world).await, 0);
}

pub async fn rows_that_cannot_be_are_refused_by_field_and_line(world: World) {
    let session = world.session(Role::Admin).await;
    field(&session, Entity::Deal, "delivery", CustomKind::Date).await;
    let session = world.session(Role::Admin).await;
    let file = "id,name,stage,engage date,close date,amount,currency,owner,company,delivery\n\
        1,Fine,Won,10/20/2016,3/1/2017,5,USD,Known Seller,Known Inc,1/31/2017\n\
        2,No such day,Won,2/30/2017,3/1/2017,5,USD,Seller 2,Ghost 2,\n\
        3,No such month,Won,10/20/2016,13/45/2017,5,USD,Seller 3,Ghost 3,\n\
        4,No such currency,Won,10/20/2016,3/1/2017,5,XXY,Seller 4,Ghost 4,\n\
        5,Too much,Won,10/20/2016,3/1/2017,99999999999999999999,USD,Seller 5,Ghost 5,\n\
        6,Beyond what a deal is worth,Won,10/20/2016,3/1/2017,10000000000001,USD,Seller 6,Ghost 6,\n\
        7,Below nothing,Won,10/20/2016,3/1/2017,-5,USD,Seller 7,Ghost 7,\n\
        8,Over before it began,Lost,3/1/2017,10/20/2016,5,USD,Seller 8,Ghost 8,\n\
        9,Two currencies,Won,10/20/2016,3/1/2017,€5,USD,Seller 9,Ghost 9,\n\
        10,No date at all,Won,soon,3/1/2017,5,USD,Seller 10,Ghost 10,\n\
        11,No such delivery,Won,10/20/2016,3/1/2017,5,USD,Seller 11,Ghost 11,2/29/2017\n";
    let done = import(&session, Entity::Deal, file, ImportOptions::default()).await;
    assert_eq!(done.counts, Counts { created: 1, failed: 10, ..Counts::default() });
    let grant = reading(&session, Entity::Import);
    let rows = session.ports().imports.failed_rows(&grant, done.id, 0, 99).await.unwrap();
    let faults: Vec<(u64, &str, &str)> =
        rows.iter().map(|row| (row.line, row.field.as_str(), row.code.as_str())).collect();
    let expected = [
        (3, "opened_at", "date"),
        (4, "closed_at", "date"),
        (5, "currency", "currency"),
        (6, "value", "amount"),
        (7, "value", "out_of_range"),
        (8, "value", "out_of_range"),
        (9, "closed_at", "out_of_order"),
        (10, "value", "currency"),
        (11, "opened_at", "date"),
        (12, "custom.delivery", "date"),
    ];
    assert_eq!(faults, expected);
    // Nobody and nothing was made for the sake of a row that was refused.
    let sellers = session.users().list(&filtered("name starts_with \"Seller\"")).await.unwrap().data;
    let ghosts = session.companies().list(&filtered("name starts_with \"Ghost\"")).await.unwrap().data;
    assert_eq!((sellers.len(), ghosts.len()), (0, 0));
    for (dates, code) in [("1/2/2017", "ambiguous_dates"), ("1/31/2017\n2,B,31/1/2017", "mixed_dates")] {
        let file = format!("id,name,close date\n1,A,{dates}\n");
        let started = session.transfers().start(Entity::Deal, &mut source(&file), ImportOptions::default()).await;
        let error = refused(started);
        assert_eq!((error.fields()[0].field.as_str(), &*error.fields()[0].code), ("date_format", code));
    }
}

/// A file during each reading of which another import brings somebody.
struct Busy {
    file: BytesSource,
    session: Session,
    readings: u32,
}

#[async_trait]
impl Source for Busy {
    fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Vec<u8>> {
        self.readings += 1;
        let other = format!("id,name,owner\nX{0},X,Somebody {0}\n", self.readings);
        import(&self.session, Entity::Deal, &other, ImportOptions::default()).await;
        self.file.read_at(offset, max).await
    }
}

pub async fn an_import_with_teams_begins_while_others_bring_people(world: World) {
    let admin = world.session(Role::Admin).await;
    let transfers = admin.transfers();
    let options = ImportOptions {
        products: vec![Product { name: "MG".to_owned(), price: Some(usd(5_500)) }],
        teams: transfers.teams(b"member,manager\nAnna,Dustin\n").unwrap(),
        ..ImportOptions::default()
    };
    let file = source("id,name,product,stage,engage date,close date\n1,One,MG,Won,2026-01-01,2026-01-31\n");
    let mut busy = Busy { file, session: admin.clone(), readings: 0 };
    transfers.start(Entity::Deal, &mut busy, options).await.unwrap();
    assert!(busy.readings > 1);
    assert_eq!(admin.teams().list().await.unwrap().len(), 2);
}

pub async fn companies_are_read_in_before_the_deals_by_one_job(world: World) {
    let admin = world.session(Role::Admin).await;
    let deals = spooled(&admin, b"id,name,account\n1,A,Acme Corporation\n2,B,Nobody Knows\n").await;
    let companies = spooled(&admin, ACCOUNTS.as_bytes()).await;
    let transfers = admin.transfers();
    let options = ImportOptions { create_missing: false, ..ImportOptions::default() };
    let job = transfers.begin_with_companies(&deals, options, &companies).await.unwrap().into_inner();
    let first = match job.task {
        Task::Import { companies: Some(first), .. } => first,
        _ => panic!("{job:?} reads no companies"),
    };
    work(&world).await;
    let done = admin.jobs().read(job.id).await.unwrap();
    assert_eq!((done.state, done.progress.done), (JobState::Done, deals.bytes + companies.bytes));
    assert_eq!(transfers.read(first.import_id).await.unwrap().counts.created, 85);
    let import = transfers.read(import_of(&job)).await.unwrap();
    assert_eq!((import.counts.created, import.warnings.len()), (2, 1));
    let (known, unknown) = (by_id(&admin, "1").await, by_id(&admin, "2").await);
    let acme = admin.companies().list(&filtered("name = \"Acme Corporation\"")).await.unwrap().data[0].id;
    assert_eq!((known.company_id, unknown.company_id), (Some(acme), None));
    // What is no file of companies is told apart from what is no file of deals.
    let again = spooled(&admin, b"id,name\n1,A\n").await;
    let empty = spooled(&admin, b"\n").await;
    invalid_at(transfers.begin_with_companies(&again, ImportOptions::default(), &empty).await, "companies.file");
}
