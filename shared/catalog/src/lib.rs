//! Manifest and run history on DynamoDB.
