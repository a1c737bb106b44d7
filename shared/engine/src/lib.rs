//! Backup: from a system, a connector, a vault and a catalog to an outcome.
