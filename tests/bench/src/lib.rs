//! Benchmarks: each figure of the design, as a ratio in one run.
