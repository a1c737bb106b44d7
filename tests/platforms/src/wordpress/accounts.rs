//! Users and their application passwords, as the site keeps them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Map;

use super::records::{ApplicationPassword, User};
use super::state::State;

/// A user with plausible names.
pub(super) fn new_user(id: u64, username: &str, name: &str, roles: &[&str], registered: Timestamp) -> User {
    let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    User {
        id,
        username: username.to_owned(),
        name: if name.is_empty() { username } else { name }.to_owned(),
        first_name: first.to_owned(),
        last_name: last.to_owned(),
        email: format!("{username}@example.org"),
        url: String::new(),
        description: String::new(),
        locale: String::new(),
        slug: username.to_owned(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        registered,
        meta: Map::new(),
        passwords: Vec::new(),
    }
}

/// Makes an application password; the secret is shown once, in groups of four.
pub(super) fn new_password(state: &mut State, user: u64, name: &str) -> (ApplicationPassword, String) {
    let number = state.next_secret;
    state.next_secret += 1;
    // The secret guards nothing but a simulation; it only has to be known to whoever asks for it.
    let letters = b"abcdefghijklmnopqrstuvwxyz";
    let mut rng = fastrand::Rng::with_seed(number ^ 0x5eed);
    let secret: String = (0..24)
        .map(|_| char::from(letters[rng.usize(..letters.len())]))
        .collect();
    let password = ApplicationPassword {
        uuid: format!("00000000-0000-4000-8000-{number:012}"),
        app_id: String::new(),
        name: name.to_owned(),
        created: state.now(),
        last_used: None,
        secret: secret.clone(),
    };
    if let Some(user) = state.users.get_mut(&user) {
        user.passwords.push(password.clone());
    }
    let groups: Vec<&str> = (0..6).map(|group| &secret[group * 4..group * 4 + 4]).collect();
    (password, groups.join(" "))
}

/// Deletes a user; an heir takes the posts, without one they go to the trash.
pub(super) fn remove_user(state: &mut State, id: u64, heir: u64) {
    state.touch();
    state.users.remove(&id);
    let posts = state.posts.values().flat_map(BTreeMap::values);
    let theirs: Vec<u64> = posts.filter(|post| post.author == id).map(|post| post.id).collect();
    for post in theirs {
        if heir == 0 {
            state.trash(post);
        } else if let Some(post) = state.post_mut(post) {
            post.author = heir;
        }
    }
}
