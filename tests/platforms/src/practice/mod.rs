//! The practice company: a CRM, an accounting system and a website, all made up, with a few thousand records.
//!
//! The vendors' documentation stands on top of [`crm`] and [`books`]; the website is a [`crate::wordpress::Site`].

pub mod books;
pub mod crm;
mod table;

pub use books::Books;
pub use crm::Crm;
pub use table::Fields;
