//! The practice company's CRM and accounting system, for the demo and for learning.
