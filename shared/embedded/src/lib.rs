//! S3 and DynamoDB inside the process, on a folder.
