//! Expires snapshots by policy, frees what nobody names, extends locks, re-hashes what is kept.
