//! The manifest table's stream to EventBridge schedules: one schedule per system, kept as the table says.
