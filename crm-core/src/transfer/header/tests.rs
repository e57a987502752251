use super::*;
use crate::transfer::format::{Format, FormatOptions};
use crate::transfer::reader::{Limits, Reader};

type Table = &'static [(&'static str, &'static [&'static str])];

fn targets(table: Table) -> Vec<Target> {
    table.iter().map(|(key, _)| Target::new(*key, key.replace('_', " "), table)).collect()
}

fn entity_of(table: Table) -> Entity {
    let has = |key: &str| table.iter().any(|(known, _)| *known == key);
    if has("email") {
        Entity::Contact
    } else if has("stage") {
        Entity::Deal
    } else {
        Entity::Company
    }
}

fn columns(file: &str) -> Vec<String> {
    let format = Format::guess(file.as_bytes(), &FormatOptions::default()).unwrap();
    let mut reader = Reader::new(format, Limits::default());
    reader.push(file.as_bytes());
    reader.finish();
    reader.next().unwrap().unwrap().iter().map(str::to_owned).collect()
}

/// Fields in the order of the columns, `-` for none.
fn fields_of(file: &str, table: Table) -> String {
    let guesses = guess(entity_of(table), &columns(file), &targets(table));
    let fields: Vec<&str> = guesses.iter().map(|guess| guess.field.as_deref().unwrap_or("-")).collect();
    fields.join(" ")
}

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../../../tests/fixtures/csv/", $name, ".header.csv"))
    };
}

#[test]
fn columns_of_hubspot_are_known() {
    let contacts = fields_of(fixture!("hubspot_contacts"), contact_synonyms());
    assert_eq!(contacts, "external_id first_name last_name email phone - created_at company - owner");
    let contacts = fields_of(fixture!("hubspot_contacts_2"), contact_synonyms());
    assert_eq!(contacts, "external_id first_name last_name email phone title company owner");
    let companies = fields_of(fixture!("hubspot_companies"), company_synonyms());
    assert_eq!(companies, "external_id name domain owner created_at");
    let deals = fields_of(fixture!("hubspot_deals"), deal_synonyms());
    assert_eq!(deals, "external_id title stage value owner company_id contact_id source");
}

#[test]
fn columns_of_salesforce_are_known() {
    let report = fields_of(fixture!("salesforce_contacts_report"), contact_synonyms());
    assert_eq!(report, "first_name last_name email phone company - - - -");
    let leads = fields_of(fixture!("salesforce_leads_api"), contact_synonyms());
    assert_eq!(leads, "external_id first_name last_name email phone company source - -");
    let semicolon = fields_of(fixture!("salesforce_semicolon"), contact_synonyms());
    assert_eq!(semicolon, "company first_name last_name title -");
}

#[test]
fn columns_of_pipedrive_are_known() {
    let people = fields_of(fixture!("pipedrive_people"), contact_synonyms());
    assert_eq!(people, "external_id full_name email phone company -");
    let organizations = fields_of(fixture!("pipedrive_organizations"), company_synonyms());
    assert_eq!(organizations, "name - - domain");
    let activities = fields_of(fixture!("pipedrive_activities"), contact_synonyms());
    assert_eq!(activities, "- - - - - - - - full_name email company");
}

#[test]
fn a_column_about_another_kind_of_record_is_not_ours_though_it_has_the_majority() {
    let file = "Person - Name,Person - Email,Organization - Name,Person - Phone,Organization - Website";
    assert_eq!(fields_of(file, company_synonyms()), "- - name - domain");
    let deals = "Organization - Name,Organization - ID,Deal - Title,Deal - Status,Organization - Owner";
    assert_eq!(fields_of(deals, deal_synonyms()), "company - title status -");
}

#[test]
fn columns_of_the_sales_data_are_known() {
    let accounts = fields_of(fixture!("crm_sales_accounts"), company_synonyms());
    assert_eq!(accounts, "name industry - - employees - -");
    let pipeline = fields_of(fixture!("crm_sales_pipeline"), deal_synonyms());
    assert_eq!(pipeline, "external_id owner product company stage opened_at closed_at value");
}

#[test]
fn the_writing_of_a_name_does_not_matter() {
    for header in
        ["E-Mail", "email_address", " EMAIL ", "\u{feff}Email", "Person - Email", "Email (work)", "emailAddress"]
    {
        assert_eq!(fields_of(header, contact_synonyms()), "email", "{header:?}");
    }
    assert_eq!(fields_of("Amount (USD);Close-Date", deal_synonyms()), "value closed_at");
}

#[test]
fn the_best_column_wins_a_field_and_the_others_get_none() {
    let guesses = guess(Entity::Contact, &columns("Mail,Name,Work Email,E_MAIL,email"), &targets(contact_synonyms()));
    let found: Vec<_> = guesses.iter().map(|guess| (guess.field.as_deref(), guess.confidence)).collect();
    assert_eq!(
        found,
        [
            (None, Confidence::None),
            (Some("full_name"), Confidence::Synonym),
            (None, Confidence::None),
            (Some("email"), Confidence::Exact),
            (None, Confidence::None),
        ]
    );
}

#[test]
fn a_nameless_column_is_no_field() {
    assert_eq!(fields_of(",email,(),-", contact_synonyms()), "- email - -");
}

#[test]
fn a_custom_field_matches_by_label() {
    let target = Target::new("custom.birthday", "Date of birth", &[]);
    let guesses = guess(Entity::Contact, &["Person - Date of Birth".into()], &[target]);
    assert_eq!(guesses[0].field.as_deref(), Some("custom.birthday"));
    assert_eq!(guesses[0].confidence, Confidence::Exact);
}

#[test]
fn no_room_has_one_synonym_for_two_fields() {
    for table in [contact_synonyms(), company_synonyms(), deal_synonyms()] {
        let mut names: Vec<String> = table
            .iter()
            .flat_map(|(key, names)| {
                std::iter::once(key)
                    .chain(names.iter())
                    .map(|name| squash(name))
                    .collect::<std::collections::BTreeSet<_>>()
            })
            .collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
