//! The practice company: a CRM, an accounting system and a website, all made up, with a few thousand records.
//!
//! The vendors' documentation stands on top of [`crm`] and [`books`]; the website is a [`crate::wordpress::Site`] without a shop.
//!
//! ```no_run
//! # async fn example() {
//! use seatbelt_platforms::practice::PracticeCompany;
//!
//! let company = PracticeCompany::start(7).await;
//! // ... back up all three, then:
//! let incident = company.incident_automation_awry();
//! assert!(incident.harmed_count() > 100);
//! # }
//! ```

pub mod books;
mod company;
pub mod crm;
mod incidents;
mod names;
mod table;

pub use books::Books;
pub use company::COMPANY;
pub use crm::Crm;
pub use incidents::Incident;
pub use table::Fields;

use crate::wordpress::{Role, Site};
use crate::{Server, SimClock};

/// A company's three systems, served, on one clock.
pub struct PracticeCompany {
    /// The clock of all three systems.
    pub clock: SimClock,
    /// The CRM's state.
    pub crm: Crm,
    /// Where the CRM answers; the API is under `/v1`. Sign in with [`crm::FULL_TOKEN`], or one of the lesser ones.
    pub crm_server: Server,
    /// The accounting system's state.
    pub books: Books,
    /// Where the accounting system answers. Sign in with [`books::CLIENT`], or [`books::READ_ONLY_CLIENT`].
    pub books_server: Server,
    /// The website's state.
    pub site: Site,
    /// Where the website answers. Sign in as `administrator` with [`Self::site_password`].
    pub site_server: Server,
    /// An application password of the website's administrator.
    pub site_password: String,
}

impl PracticeCompany {
    /// Makes the company from a seed and serves it; the same seed gives the same records.
    pub async fn start(seed: u64) -> Self {
        Self::start_at(seed, SimClock::default()).await
    }

    /// The same on a clock that is given; all records are older than its time.
    pub async fn start_at(seed: u64, clock: SimClock) -> Self {
        let crm = Crm::new(COMPANY, clock.clone());
        company::fill_crm(&crm, seed);
        let books = Books::new(COMPANY, clock.clone());
        company::fill_books(&books, &crm, seed);
        let website = crate::wordpress::WordPress::start(company::website(&clock, seed)).await;
        Self {
            crm_server: Server::start(crm.router()).await,
            books_server: Server::start(books.router()).await,
            site_password: website.site.application_password(Role::Administrator),
            site: website.site,
            site_server: website.server,
            clock,
            crm,
            books,
        }
    }
}
