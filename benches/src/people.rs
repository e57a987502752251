//! Made-up people: the same ones in every run.

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::path::Path;

const FIRST: [&str; 16] = [
    "Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Frances", "Ken", "Margaret", "Niklaus", "Radia", "Tony",
    "Zoë", "José", "Łukasz", "Søren",
];
const LAST: [&str; 16] = [
    "Lovelace",
    "Hopper",
    "Turing",
    "Dijkstra",
    "Liskov",
    "Knuth",
    "Allen",
    "Thompson",
    "Hamilton",
    "Wirth",
    "Perlman",
    "Hoare",
    "Müller",
    "García",
    "Kowalski",
    "Kierkegaard",
];
const TITLES: [&str; 8] = [
    "Chief Executive Officer",
    "Head of Sales",
    "Buyer",
    "Engineer",
    "Operations Manager",
    "Founder",
    "Analyst",
    "Account Executive",
];
const SOURCES: [&str; 6] = ["web", "referral", "event", "cold call", "partner", "advertisement"];

/// Person number `n`.
pub(crate) struct Person {
    /// Given name.
    pub(crate) first_name: &'static str,
    /// Family name.
    pub(crate) last_name: String,
    /// E-mail address, each person's own.
    pub(crate) email: String,
    /// Telephone number.
    pub(crate) phone: String,
    /// Job title.
    pub(crate) title: &'static str,
    /// Where they came from.
    pub(crate) source: &'static str,
}

impl Person {
    /// Person number `n`.
    pub(crate) fn number(n: u64) -> Self {
        // A step that shares no divisor with the tables walks through all pairs.
        let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20;
        Self {
            first_name: pick(&FIRST, mixed),
            last_name: format!("{}-{}", pick(&LAST, mixed >> 4), n % 4_093),
            email: format!("person{n}@company{}.example", mixed % 20_011),
            phone: format!("+1 555 {:03} {:04}", mixed % 1_000, n % 10_000),
            title: pick(&TITLES, mixed >> 8),
            source: pick(&SOURCES, mixed >> 11),
        }
    }

    /// The person as the body of a creation.
    pub(crate) fn json(&self) -> String {
        let Self { first_name, last_name, email, phone, title, source } = self;
        let mut json = String::with_capacity(256);
        let _ = write!(
            json,
            r#"{{"first_name":"{first_name}","last_name":"{last_name}","email":"{email}","phone":"{phone}","title":"{title}","source":"{source}"}}"#
        );
        json
    }
}

fn pick<const N: usize>(table: &'static [&'static str; N], number: u64) -> &'static str {
    let at = usize::try_from(number % N as u64).unwrap_or(0);
    table.get(at).copied().unwrap_or_default()
}

/// Writes so many people as a CSV file with HubSpot's headers.
pub(crate) fn write_csv(path: &Path, people: u64) -> std::io::Result<()> {
    let mut file = BufWriter::new(std::fs::File::create(path)?);
    writeln!(file, "First Name,Last Name,Email,Phone Number,Job Title,Lead source")?;
    for n in 0..people {
        let Person { first_name, last_name, email, phone, title, source } = Person::number(n);
        writeln!(file, "{first_name},{last_name},{email},{phone},{title},{source}")?;
    }
    file.flush()
}
