//! A simulated GitHub, written from its documentation.
