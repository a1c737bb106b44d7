//! Stateful, strict simulated vendors, written from their documentation.
