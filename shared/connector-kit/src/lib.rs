//! The words a connector is declared with, and the HTTP that obeys them: auth, pacing, paging.
