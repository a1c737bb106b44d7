//! Seatbelt's nouns as plain data: no I/O, no clock.
