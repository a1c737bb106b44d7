//! WordPress and WooCommerce: the connector and its Lambda function.
