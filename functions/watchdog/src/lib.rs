//! Finds late, missing, stalled and implausible backups, and tells people.
