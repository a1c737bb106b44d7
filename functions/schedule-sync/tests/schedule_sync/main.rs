//! The function against an embedded DynamoDB and a strict stand-in for EventBridge Scheduler.
