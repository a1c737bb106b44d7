//! A few things in flight at once, in order: the next is fetched or uploaded while this one is worked on.

use std::collections::VecDeque;

use tokio::task::JoinHandle;

use crate::VaultError;

/// A task that ends with its handle.
#[derive(Debug)]
pub(crate) struct Task<T>(JoinHandle<Result<T, VaultError>>);

impl<T: Send + 'static> Task<T> {
    pub(crate) fn spawn(work: impl Future<Output = Result<T, VaultError>> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }

    pub(crate) async fn join(mut self) -> Result<T, VaultError> {
        (&mut self.0).await.map_err(VaultError::stopped)?
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tasks whose results are taken in the order they were given.
#[derive(Debug)]
pub(crate) struct Pipeline<T> {
    tasks: VecDeque<Task<T>>,
    depth: usize,
}

impl<T: Send + 'static> Pipeline<T> {
    /// At most `depth` at once.
    pub(crate) fn new(depth: usize) -> Self {
        Self {
            tasks: VecDeque::with_capacity(depth),
            depth,
        }
    }

    /// Waits until there is room, and gives the results that made it.
    pub(crate) async fn make_room(&mut self) -> Result<Option<T>, VaultError> {
        if self.tasks.len() < self.depth {
            return Ok(None);
        }
        self.next().await
    }

    pub(crate) fn push(&mut self, work: impl Future<Output = Result<T, VaultError>> + Send + 'static) {
        self.tasks.push_back(Task::spawn(work));
    }

    /// The oldest task's result.
    pub(crate) async fn next(&mut self) -> Result<Option<T>, VaultError> {
        match self.tasks.pop_front() {
            Some(task) => task.join().await.map(Some),
            None => Ok(None),
        }
    }

    /// Whether there is room while the last result is still being used, which counts as one.
    pub(crate) fn has_room_ahead(&self) -> bool {
        self.tasks.len() + 1 < self.depth
    }

    pub(crate) fn clear(&mut self) {
        self.tasks.clear();
    }
}
