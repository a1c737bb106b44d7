//! The real binaries against embedded or emulated AWS, and the rules of the house.
