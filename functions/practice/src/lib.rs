//! The practice company's vendors: a CRM and an accounting system, both made up, for the demo and for learning how a connector reads.

mod books;
mod crm;

pub use books::PRACTICE_BOOKS;
pub use crm::PRACTICE_CRM;
