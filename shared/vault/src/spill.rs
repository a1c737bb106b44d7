//! Writing full buffers: to staging as sorted runs, or, where nothing was there before and keys come in order, straight to
//! the chunks of the base layer.

use seatbelt_model::{Chunk, LayerIndex, LayerRole, RunId, key};

use crate::{
    StagedRun, Vault, VaultError,
    chunk::{ChunkBuilder, index_json, seal},
    digest::{Sha, hex},
    pages::run_key,
    pipeline::Pipeline,
    run::{Arena, Form},
    store::blocking,
};

/// Chunks compressed and uploaded at once.
pub(crate) const IN_FLIGHT: usize = 4;

/// Writes buffers, one after the other.
#[derive(Debug)]
pub(crate) struct Spiller {
    vault: Vault,
    system: String,
    /// `staging/<run>/<unit>/<tag>`; the tag keeps two processes that both believe they own the unit apart.
    prefix: String,
    /// Whether the next buffer may become a part of the base layer.
    base: bool,
    /// The last key of the base layer so far.
    base_last: Option<String>,
    /// Chunks of the base layer that no run names yet.
    chunks: Vec<Chunk>,
    next: u32,
    runs: Vec<StagedRun>,
    duplicates: u64,
}

impl Spiller {
    pub(crate) fn new(vault: &Vault, system: &str, run: RunId, unit: &str, fresh: bool, resumed: &[StagedRun]) -> Self {
        let tag = fastrand::u32(..);
        Self {
            vault: vault.clone(),
            system: system.to_owned(),
            prefix: format!("staging/{run}/{}/{tag:08x}", folder(unit)),
            base: fresh && resumed.iter().all(|run| run.form == Form::Chunks),
            base_last: resumed.last().map(|run| run.last_key.clone()),
            chunks: Vec::new(),
            next: 0,
            runs: Vec::new(),
            duplicates: 0,
        }
    }

    pub(crate) fn runs(&self) -> &[StagedRun] {
        &self.runs
    }

    pub(crate) fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Whether a base layer has begun, and this buffer goes on where it ends.
    pub(crate) fn continues_base(&self, arena: &Arena) -> bool {
        self.base_last.is_some() && self.may_be_base(arena)
    }

    fn may_be_base(&self, arena: &Arena) -> bool {
        let follows = match (&self.base_last, arena.first_key()) {
            (Some(last), Some(first)) => key::compare(last, first).is_lt(),
            _ => true,
        };
        self.base && arena.only_records_in_order() && follows
    }

    /// Writes a buffer, and gives it back for use.
    pub(crate) async fn spill(&mut self, mut arena: Arena) -> Result<Arena, VaultError> {
        if self.may_be_base(&arena) {
            return self.spill_base(arena).await;
        }
        self.seal().await?;
        self.base = false;
        let (arena, duplicates) = blocking(move || {
            let duplicates = arena.sort();
            (arena, duplicates)
        })
        .await?;
        self.duplicates += duplicates;
        self.spill_run(arena).await
    }

    async fn spill_base(&mut self, arena: Arena) -> Result<Arena, VaultError> {
        let limit = self.vault.options().chunk_bytes;
        let mut stored = Pipeline::new(IN_FLIGHT);
        let mut builder = ChunkBuilder::default();
        for at in 0..arena.len() {
            arena.write_line(at, builder.raw(self.vault.pool(), limit));
            builder.note(arena.key(at), 1);
            if builder.bytes() >= limit || at + 1 == arena.len() {
                self.chunks.extend(stored.make_room().await?);
                stored.push(
                    self.vault
                        .clone()
                        .store_chunk(self.system.clone(), LayerRole::Base, builder.take()),
                );
            }
        }
        while let Some(chunk) = stored.next().await? {
            self.chunks.push(chunk);
        }
        self.base_last = arena.last_key().map(str::to_owned);
        Ok(arena)
    }

    async fn spill_run(&mut self, arena: Arena) -> Result<Arena, VaultError> {
        let mut stored = Pipeline::new(IN_FLIGHT);
        let mut writer = RunWriter::new(&self.vault, &self.system, &self.prefix, self.next);
        for at in 0..arena.len() {
            arena.write_line(at, &mut writer.raw);
            writer.end_line(arena.key(at), &mut stored).await?;
        }
        let run = writer.finish(&mut stored).await?;
        self.next = run.first + run.objects;
        match self.runs.last_mut() {
            Some(last) if last.is_continued_by(&run) => last.append(run),
            _ => self.runs.push(run),
        }
        Ok(arena)
    }

    /// Lists the base layer's chunks so far in an object of staging, so that a checkpoint stays small.
    pub(crate) async fn seal(&mut self) -> Result<(), VaultError> {
        let (Some(first), Some(last)) = (self.chunks.first(), self.chunks.last()) else {
            return Ok(());
        };
        let run = StagedRun {
            prefix: self.prefix.clone(),
            first: self.next,
            objects: 1,
            form: Form::Chunks,
            entries: self.chunks.iter().map(|chunk| chunk.lines).sum(),
            first_key: first.first.clone(),
            last_key: last.last.clone(),
        };
        let index = LayerIndex {
            chunks: std::mem::take(&mut self.chunks),
        };
        let level = self.vault.options().staging_level;
        let pool = self.vault.pool().clone();
        let sealed = blocking(move || seal(&pool, &index_json(&index), level)).await?;
        let key = run_key(&self.system, &self.prefix, self.next);
        self.vault.put_staging(&key, sealed.bytes).await?;
        self.next += 1;
        self.runs.push(run);
        Ok(())
    }
}

/// Writes sorted lines as the numbered objects of a run.
#[derive(Debug)]
pub(crate) struct RunWriter {
    vault: Vault,
    system: String,
    pub(crate) raw: Vec<u8>,
    run: StagedRun,
}

impl RunWriter {
    pub(crate) fn new(vault: &Vault, system: &str, prefix: &str, first: u32) -> Self {
        Self {
            vault: vault.clone(),
            system: system.to_owned(),
            raw: vault.pool().take_for_lines(vault.options().small_chunk_bytes()),
            run: StagedRun {
                prefix: prefix.to_owned(),
                first,
                objects: 0,
                form: Form::Lines,
                entries: 0,
                first_key: String::new(),
                last_key: String::new(),
            },
        }
    }

    /// Ends the line that was just written into `raw`.
    pub(crate) async fn end_line(&mut self, key: &str, stored: &mut Pipeline<()>) -> Result<(), VaultError> {
        if self.run.entries == 0 {
            key.clone_into(&mut self.run.first_key);
        }
        key.clone_into(&mut self.run.last_key);
        self.run.entries += 1;
        if self.raw.len() >= self.vault.options().small_chunk_bytes() {
            self.end_object(stored).await?;
        }
        Ok(())
    }

    async fn end_object(&mut self, stored: &mut Pipeline<()>) -> Result<(), VaultError> {
        stored.make_room().await?;
        let next = self
            .vault
            .pool()
            .take_for_lines(self.vault.options().small_chunk_bytes());
        let raw = std::mem::replace(&mut self.raw, next);
        let key = run_key(&self.system, &self.run.prefix, self.run.first + self.run.objects);
        self.run.objects += 1;
        let vault = self.vault.clone();
        stored.push(async move {
            let level = vault.options().staging_level;
            let pool = vault.pool().clone();
            let sealed = blocking(move || {
                let sealed = seal(&pool, &raw, level);
                pool.give(raw);
                sealed
            })
            .await?;
            vault.put_staging(&key, sealed.bytes).await
        });
        Ok(())
    }

    pub(crate) async fn finish(mut self, stored: &mut Pipeline<()>) -> Result<StagedRun, VaultError> {
        if !self.raw.is_empty() {
            self.end_object(stored).await?;
        }
        while stored.next().await?.is_some() {}
        self.vault.pool().give(self.raw);
        Ok(self.run)
    }
}

/// A unit's name as a folder: as it is if it is plain, else its hash.
fn folder(unit: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if !unit.is_empty() && unit.len() <= 80 && unit.bytes().all(plain) {
        unit.to_owned()
    } else {
        hex(&Sha::of(unit.as_bytes()).0[..16])
    }
}
