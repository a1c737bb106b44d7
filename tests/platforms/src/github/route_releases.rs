//! Releases, their assets, and the bytes of the assets.

use axum::http::Method;
use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::auth::Level;
use super::call::{Answer, Call, Reply, required_text, text_field};
use super::edits::{By, set_flag};
use super::issue_views::View;
use super::limits::later;
use super::paging::{USUAL, numbered};
use super::state::{Asset, Fields, Release, Repo, State};
use super::views::node_id;

/// How long a signed address of an asset's bytes is good.
const SIGNED_FOR_S: i64 = 300;

/// Answers what lies below `/repos/{owner}/{repo}/releases` here, `None` for anything else.
pub(super) fn route(state: &mut State, call: &Call, owner: &str, name: &str, rest: &[&str]) -> Option<Answer> {
    let ["releases", rest @ ..] = rest else { return None };
    let level = if call.is_read() { Level::Read } else { Level::Write };
    let repo = match state.repo_for(call, owner, name, "contents", level) {
        Ok(repo) => repo.id,
        Err(refusal) => return Some(Err(refusal)),
    };
    Some(match (&call.method, rest) {
        (&Method::GET, []) => list(state, call, repo),
        (&Method::POST, []) => create(state, call, repo),
        (&Method::GET, ["latest"]) => latest(state, call, repo),
        (&Method::GET, ["assets", id]) => asset(state, call, repo, id),
        (&Method::DELETE, ["assets", id]) => delete_asset(state, repo, id),
        (&Method::GET, [id]) => show(state, call, repo, id),
        (&Method::PATCH, [id]) => edit(state, call, repo, id),
        (&Method::DELETE, [id]) => delete(state, repo, id),
        (&Method::GET, [id, "assets"]) => assets(state, call, repo, id),
        (&Method::POST, [id, "assets"]) => upload(state, call, repo, id),
        _ => return None,
    })
}

/// Drafts are shown to those who may write.
fn visible<'r>(state: &State, call: &Call, repo: &'r Repo) -> Vec<&'r Release> {
    let writes = state
        .repo_for(call, &repo.owner, &repo.name, "contents", Level::Write)
        .is_ok();
    repo.releases
        .iter()
        .rev()
        .filter(|release| writes || !release.draft)
        .collect()
}

fn list(state: &State, call: &Call, repo: u64) -> Answer {
    let repo = &state.repos[&repo];
    let view = View {
        state,
        site: &call.site,
        repo,
    };
    numbered(call, visible(state, call, repo), USUAL).array(|release| view.release(release))
}

fn latest(state: &State, call: &Call, repo: u64) -> Answer {
    let repo = &state.repos[&repo];
    let newest = repo
        .releases
        .iter()
        .rev()
        .find(|release| !release.draft && !release.prerelease);
    Ok(Reply::ok(
        View {
            state,
            site: &call.site,
            repo,
        }
        .release(newest.ok_or_else(Reply::not_found)?),
    ))
}

fn find<'s>(state: &'s State, call: &Call, repo: u64, id: &str) -> Result<&'s Release, Reply> {
    let id: u64 = id.parse().map_err(|_| Reply::not_found())?;
    visible(state, call, &state.repos[&repo])
        .into_iter()
        .find(|release| release.id == id)
        .ok_or_else(Reply::not_found)
}

fn show(state: &State, call: &Call, repo: u64, id: &str) -> Answer {
    let release = find(state, call, repo, id)?;
    Ok(Reply::ok(
        View {
            state,
            site: &call.site,
            repo: &state.repos[&repo],
        }
        .release(release),
    ))
}

fn create(state: &mut State, call: &Call, repo: u64) -> Answer {
    let login = state.login_of(call);
    let id = state.add_release(
        repo,
        &call.json()?,
        By {
            login: &login,
            now: call.now,
        },
    )?;
    let mut reply = show(state, call, repo, &id.to_string())?;
    reply.status = 201;
    Ok(reply)
}

fn edit(state: &mut State, call: &Call, repo: u64, id: &str) -> Answer {
    let release = find(state, call, repo, id)?.id;
    let body = call.json()?;
    let releases = &mut state.repo_by_id(repo).releases;
    let release = releases
        .iter_mut()
        .find(|known| known.id == release)
        .ok_or_else(Reply::not_found)?;
    fill(release, &body, call.now)?;
    let (draft, tag_name, target) = (release.draft, release.tag_name.clone(), release.target.clone());
    state.tag_release(repo, draft, &tag_name, &target);
    show(state, call, repo, id)
}

fn delete(state: &mut State, repo: u64, id: &str) -> Answer {
    let releases = &mut state.repo_by_id(repo).releases;
    let position = releases
        .iter()
        .position(|release| release.id.to_string() == id)
        .ok_or_else(Reply::not_found)?;
    releases.remove(position);
    Ok(Reply::empty(204))
}

fn assets(state: &State, call: &Call, repo: u64, id: &str) -> Answer {
    let release = find(state, call, repo, id)?;
    let view = View {
        state,
        site: &call.site,
        repo: &state.repos[&repo],
    };
    numbered(call, release.assets.iter().collect(), USUAL).array(|asset| view.asset(release, asset))
}

fn upload(state: &mut State, call: &Call, repo: u64, id: &str) -> Answer {
    let release = find(state, call, repo, id)?.id;
    let name = call.param("name").filter(|name| !name.is_empty());
    let name = name
        .ok_or_else(|| Reply::invalid("ReleaseAsset", "name", "missing_field"))?
        .to_owned();
    let Some(content_type) = call.header("content-type").map(str::to_owned) else {
        return Err(Reply::invalid("ReleaseAsset", "content_type", "missing_field"));
    };
    if call.body.is_empty() {
        return Err(Reply::error(400, "Bad Content-Length: 0"));
    }
    let login = state.login_of(call);
    let by = By {
        login: &login,
        now: call.now,
    };
    let asset = state.add_asset(repo, release, name, &content_type, call.body.clone(), by)?;
    let repo = &state.repos[&repo];
    let (release, asset) = find_asset(repo, asset).ok_or_else(Reply::not_found)?;
    Ok(Reply::json(
        201,
        View {
            state,
            site: &call.site,
            repo,
        }
        .asset(release, asset),
    ))
}

fn find_asset(repo: &Repo, id: u64) -> Option<(&Release, &Asset)> {
    let pairs = repo
        .releases
        .iter()
        .flat_map(|release| release.assets.iter().map(move |asset| (release, asset)));
    pairs.into_iter().find(|(_, asset)| asset.id == id)
}

/// The record of an asset, or its bytes: mostly by a redirect to a signed address, sometimes directly.
fn asset(state: &State, call: &Call, repo: u64, id: &str) -> Answer {
    let repo = &state.repos[&repo];
    let id: u64 = id.parse().map_err(|_| Reply::not_found())?;
    let (release, asset) = find_asset(repo, id).ok_or_else(Reply::not_found)?;
    if !call.wants_bytes() {
        return Ok(Reply::ok(
            View {
                state,
                site: &call.site,
                repo,
            }
            .asset(release, asset),
        ));
    }
    if !state.switches.assets_redirect {
        return Ok(Reply::bytes(200, "application/octet-stream", asset.bytes.clone()));
    }
    Ok(Reply::empty(302).with("location", signed_address(call, repo.id, id)))
}

fn signed_address(call: &Call, repo: u64, asset: u64) -> String {
    let expires = later(call.now, SIGNED_FOR_S).as_second();
    let signature = signature(repo, asset, expires);
    format!(
        "{}/signed/release-assets/{repo}/{asset}?se={expires}&sig={signature}",
        call.site.base
    )
}

/// Only we have to recognise it, and nothing hangs on it: a hash of what it signs will do.
fn signature(repo: u64, asset: u64, expires: i64) -> String {
    let digest = Sha256::digest(format!("{repo} {asset} {expires} simulated"));
    digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes behind a signed address, which needs no token, ends after minutes, and takes `Range`.
pub(super) fn signed_bytes(state: &State, call: &Call, repo: &str, asset: &str) -> Answer {
    let (Ok(repo), Ok(asset)) = (repo.parse(), asset.parse()) else {
        return Err(Reply::not_found());
    };
    let expires = call.param("se").and_then(|text| text.parse::<i64>().ok()).unwrap_or(0);
    if call.param("sig") != Some(signature(repo, asset, expires).as_str()) || expires < call.now.as_second() {
        return Err(Reply::bytes(
            403,
            "application/xml",
            Bytes::from_static(b"<Error>AuthenticationFailed</Error>"),
        ));
    }
    let found = state.repos.get(&repo).and_then(|repo| find_asset(repo, asset));
    let asset = found.ok_or_else(Reply::not_found)?.1;
    let start = call
        .header("range")
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let disposition = format!("attachment; filename={}", asset.name);
    let reply = match start.filter(|start: &usize| *start < asset.bytes.len()) {
        None => Reply::bytes(200, "application/octet-stream", asset.bytes.clone()),
        Some(start) => {
            let size = asset.bytes.len();
            let range = format!("bytes {start}-{}/{size}", size - 1);
            Reply::bytes(206, "application/octet-stream", asset.bytes.slice(start..)).with("content-range", range)
        }
    };
    Ok(reply
        .with("content-disposition", disposition)
        .with("accept-ranges", "bytes"))
}

/// `browser_download_url`, which leads to the same signed address.
pub(super) fn download(state: &State, call: &Call, place: [&str; 4]) -> Answer {
    let [owner, name, tag, file] = place;
    let repo = state.repo_for(call, owner, name, "contents", Level::Read)?;
    let release = repo
        .releases
        .iter()
        .find(|release| release.tag_name == tag)
        .ok_or_else(Reply::not_found)?;
    let asset = release
        .assets
        .iter()
        .find(|asset| asset.name == file)
        .ok_or_else(Reply::not_found)?;
    Ok(Reply::empty(302).with("location", signed_address(call, repo.id, asset.id)))
}

fn delete_asset(state: &mut State, repo: u64, id: &str) -> Answer {
    for release in &mut state.repo_by_id(repo).releases {
        if let Some(position) = release.assets.iter().position(|asset| asset.id.to_string() == id) {
            release.assets.remove(position);
            return Ok(Reply::empty(204));
        }
    }
    Err(Reply::not_found())
}

fn fill(release: &mut Release, body: &Fields, now: jiff::Timestamp) -> Result<(), Reply> {
    if let Some(Some(tag)) = text_field(body, "Release", "tag_name")? {
        release.tag_name = tag;
    }
    if let Some(Some(target)) = text_field(body, "Release", "target_commitish")? {
        release.target = target;
    }
    if let Some(name) = text_field(body, "Release", "name")? {
        release.name = name;
    }
    if let Some(text) = text_field(body, "Release", "body")? {
        release.body = text;
    }
    set_flag(&mut release.draft, body, "Release", "draft")?;
    set_flag(&mut release.prerelease, body, "Release", "prerelease")?;
    if !release.draft && release.published_at.is_none() {
        release.published_at = Some(now);
    }
    Ok(())
}

impl State {
    pub(super) fn add_release(&mut self, repo: u64, body: &Fields, by: By<'_>) -> Result<u64, Reply> {
        let tag_name = required_text(body, "Release", "tag_name")?;
        let record = self.repo_by_id(repo);
        if record.branches.is_empty() && body.get("draft") != Some(&Value::Bool(true)) {
            return Err(Reply::error(422, "Repository is empty."));
        }
        if record
            .releases
            .iter()
            .any(|release| release.tag_name == tag_name && !release.draft)
        {
            return Err(Reply::invalid("Release", "tag_name", "already_exists"));
        }
        let target = record.default_branch.clone();
        let mut release = Release {
            id: self.new_id(),
            tag_name,
            target,
            name: None,
            body: None,
            draft: false,
            prerelease: false,
            author: by.login.to_owned(),
            created_at: by.now,
            published_at: None,
            assets: Vec::new(),
        };
        fill(&mut release, body, by.now)?;
        let id = release.id;
        self.tag_release(repo, release.draft, &release.tag_name, &release.target);
        self.repo_by_id(repo).releases.push(release);
        Ok(id)
    }

    /// Publishing a release makes its tag, if nobody made it before.
    fn tag_release(&mut self, repo: u64, draft: bool, tag_name: &str, target: &str) {
        let record = &self.repos[&repo];
        let target = record.branches.get(target).map_or(target, String::as_str).to_owned();
        if draft || record.tags.contains(tag_name) || !self.git.knows(&format!("{repo}.git"), &target) {
            return;
        }
        self.git.import(
            &format!("{repo}.git"),
            &[],
            &[(format!("refs/tags/{tag_name}"), target)],
        );
        self.repo_by_id(repo).tags.insert(tag_name.to_owned());
    }

    pub(super) fn add_asset(
        &mut self,
        repo: u64,
        release: u64,
        name: String,
        content_type: &str,
        bytes: Bytes,
        by: By<'_>,
    ) -> Result<u64, Reply> {
        let id = self.new_id();
        let releases = &mut self.repo_by_id(repo).releases;
        let release = releases
            .iter_mut()
            .find(|known| known.id == release)
            .ok_or_else(Reply::not_found)?;
        if release.assets.iter().any(|asset| asset.name == name) {
            return Err(Reply::invalid("ReleaseAsset", "name", "already_exists"));
        }
        let digest: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        release.assets.push(Asset {
            id,
            name,
            label: None,
            content_type: content_type.to_owned(),
            bytes,
            digest: Some(format!("sha256:{digest}")),
            uploader: by.login.to_owned(),
            created_at: by.now,
            updated_at: by.now,
        });
        Ok(id)
    }
}

impl View<'_> {
    fn release(&self, release: &Release) -> Value {
        let api = format!("{}/releases/{}", self.api(), release.id);
        let assets: Vec<Value> = release.assets.iter().map(|asset| self.asset(release, asset)).collect();
        json!({
            "url": api,
            "assets_url": format!("{api}/assets"),
            "upload_url": format!("{api}/assets{{?name,label}}"),
            "html_url": format!("{}/releases/tag/{}", self.web(), release.tag_name),
            "id": release.id,
            "author": self.person(&release.author),
            "node_id": node_id("RE", release.id),
            "tag_name": release.tag_name,
            "target_commitish": release.target,
            "name": release.name,
            "draft": release.draft,
            "immutable": false,
            "prerelease": release.prerelease,
            "created_at": release.created_at,
            "published_at": release.published_at,
            "assets": assets,
            "tarball_url": format!("{}/tarball/{}", self.api(), release.tag_name),
            "zipball_url": format!("{}/zipball/{}", self.api(), release.tag_name),
            "body": release.body,
        })
    }

    fn asset(&self, release: &Release, asset: &Asset) -> Value {
        json!({
            "url": format!("{}/releases/assets/{}", self.api(), asset.id),
            "id": asset.id,
            "node_id": node_id("RA", asset.id),
            "name": asset.name,
            "label": asset.label,
            "uploader": self.person(&asset.uploader),
            "content_type": asset.content_type,
            "state": "uploaded",
            "size": asset.bytes.len(),
            "digest": asset.digest,
            "download_count": 0,
            "created_at": asset.created_at,
            "updated_at": asset.updated_at,
            "browser_download_url": format!("{}/releases/download/{}/{}", self.web(), release.tag_name, asset.name),
        })
    }
}
