//! What all sessions of one vendor account share in a process.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{Pace, Pacer, auth::TokenCell};

/// The pacers of this process, one per vendor account: connector, address, and who the credential belongs to. Hand the same
/// registry to all sessions. Clones share it. Where the settings of two systems ask for different paces of one account, the
/// system opened first decides.
#[derive(Debug, Clone, Default)]
pub struct Pacers {
    accounts: Arc<Mutex<HashMap<Key, Arc<Account>>>>,
}

/// Who the account belongs to is a hash, so that no part of a credential is kept here.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    connector: &'static str,
    base_url: String,
    identity: u64,
}

/// The pacer and the token of one vendor account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) pacer: Pacer,
    pub(crate) token: TokenCell,
}

impl Pacers {
    pub(crate) fn account(&self, connector: &'static str, base_url: &str, identity: u64, pace: &Pace) -> Arc<Account> {
        let key = Key {
            connector,
            base_url: base_url.to_owned(),
            identity,
        };
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            Arc::new(Account {
                pacer: Pacer::new(pace),
                token: TokenCell::default(),
            })
        };
        accounts.entry(key).or_insert_with(new).clone()
    }
}
