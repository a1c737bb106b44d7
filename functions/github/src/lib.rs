//! GitHub: the connector and its Lambda function.
