//! Made-up names. They are put together from syllables and common words, so that they belong to nobody.

use fastrand::Rng;

const FIRST: [&str; 48] = [
    "Anna", "Boris", "Clara", "Daniel", "Elif", "Farid", "Greta", "Hannes", "Ines", "Jonas", "Kira", "Leon", "Mara",
    "Nils", "Olga", "Pavel", "Rita", "Samir", "Tilda", "Ugo", "Vera", "Willem", "Yara", "Zoe", "Amelie", "Bruno",
    "Cosima", "Dario", "Edda", "Finn", "Gesa", "Henrik", "Ida", "Joris", "Katja", "Levin", "Milena", "Noor", "Oskar",
    "Paula", "Ragna", "Silas", "Thea", "Urs", "Viola", "Wanda", "Yusuf", "Zita",
];
const LAST_START: [&str; 24] = [
    "Alder", "Birken", "Crom", "Dorn", "Eschen", "Falken", "Grau", "Heide", "Immer", "Jarn", "Kolber", "Linden",
    "Moor", "Nebel", "Oster", "Pappel", "Quarn", "Reiher", "Sommer", "Tannen", "Ulmen", "Varn", "Weiden", "Zeder",
];
const LAST_END: [&str; 16] = [
    "bach", "berg", "dal", "feldt", "gren", "holm", "ing", "kamp", "lund", "mann", "rup", "sen", "stedt", "strand",
    "vik", "wold",
];
const COMPANY_START: [&str; 32] = [
    "Amberlow",
    "Briskmoor",
    "Cindervale",
    "Dovetrack",
    "Elmstrand",
    "Fernholt",
    "Gladewick",
    "Harrowmint",
    "Inkwater",
    "Junipark",
    "Kestrelby",
    "Larkspindle",
    "Mossgate",
    "Northquill",
    "Oakfathom",
    "Pinebarrow",
    "Quillmere",
    "Ravenlode",
    "Silverthatch",
    "Tidewright",
    "Umberfold",
    "Velvetcrag",
    "Willowgrid",
    "Yarrowdeep",
    "Zephyrnook",
    "Copperlight",
    "Driftmarsh",
    "Everstile",
    "Foxhollow",
    "Granitebay",
    "Hazelpoint",
    "Ironmeadow",
];
const COMPANY_MIDDLE: [&str; 16] = [
    "Tools",
    "Foods",
    "Print",
    "Logistics",
    "Textiles",
    "Ceramics",
    "Instruments",
    "Lighting",
    "Paper",
    "Gardens",
    "Bikes",
    "Software",
    "Packaging",
    "Optics",
    "Interiors",
    "Energy",
];
const COMPANY_END: [&str; 5] = ["Ltd", "GmbH", "BV", "SARL", "AB"];
const INDUSTRIES: [&str; 10] = [
    "Manufacturing",
    "Food",
    "Retail",
    "Logistics",
    "Textiles",
    "Construction",
    "Services",
    "Software",
    "Energy",
    "Education",
];
const PLACES: [(&str, &str); 16] = [
    ("Hamburg", "DE"),
    ("Leipzig", "DE"),
    ("Utrecht", "NL"),
    ("Ghent", "BE"),
    ("Lyon", "FR"),
    ("Graz", "AT"),
    ("Aarhus", "DK"),
    ("Malmo", "SE"),
    ("Bergen", "NO"),
    ("Turku", "FI"),
    ("Porto", "PT"),
    ("Bilbao", "ES"),
    ("Turin", "IT"),
    ("Brno", "CZ"),
    ("Gdansk", "PL"),
    ("Cork", "IE"),
];
const JOBS: [&str; 10] = [
    "Managing director",
    "Head of purchasing",
    "Buyer",
    "Accountant",
    "Office manager",
    "Head of operations",
    "Plant manager",
    "IT lead",
    "Project manager",
    "Marketing manager",
];
const STREETS: [&str; 8] = [
    "Mill Lane",
    "Station Road",
    "Harbour Street",
    "Orchard Way",
    "Bridge Street",
    "Market Square",
    "Garden Row",
    "Canal Walk",
];

pub(super) fn pick<'a, T>(rng: &mut Rng, list: &'a [T]) -> &'a T {
    &list[rng.usize(..list.len())]
}

/// A first and a last name.
pub(super) fn person(rng: &mut Rng) -> (String, String) {
    let first = (*pick(rng, &FIRST)).to_owned();
    (first, format!("{}{}", pick(rng, &LAST_START), pick(rng, &LAST_END)))
}

/// A company's name; the number picks start and middle, so that names repeat only after 512 companies.
pub(super) fn company(rng: &mut Rng, number: usize) -> String {
    let start = COMPANY_START[number % COMPANY_START.len()];
    let middle = COMPANY_MIDDLE[(number / COMPANY_START.len() + number) % COMPANY_MIDDLE.len()];
    format!("{start} {middle} {}", pick(rng, &COMPANY_END))
}

/// A domain that nobody can own.
pub(super) fn domain(company: &str) -> String {
    let words: Vec<String> = company.split(' ').take(2).map(str::to_lowercase).collect();
    format!("{}.example", words.join("-"))
}

pub(super) fn industry(rng: &mut Rng) -> &'static str {
    pick::<&'static str>(rng, &INDUSTRIES)
}

/// A city and its country.
pub(super) fn place(rng: &mut Rng) -> (&'static str, &'static str) {
    *pick(rng, &PLACES)
}

pub(super) fn job(rng: &mut Rng) -> &'static str {
    pick::<&'static str>(rng, &JOBS)
}

pub(super) fn street(rng: &mut Rng) -> String {
    format!("{} {}", rng.u32(1..180), pick(rng, &STREETS))
}

/// A number from a range that no country gives out.
pub(super) fn phone(rng: &mut Rng) -> String {
    format!("+999 555 {:06}", rng.u32(..1_000_000))
}

/// Cents as `"1250.00"`.
pub(super) fn money(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
