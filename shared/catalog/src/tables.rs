//! The two tables themselves.

use std::time::Duration;

use aws_sdk_dynamodb::{
    client::Waiters,
    error::ProvideErrorMetadata,
    types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
        TimeToLiveStatus,
    },
};

use crate::{Catalog, CatalogError, call::Tried, units};

/// AWS makes a table in about ten seconds.
const PATIENCE: Duration = Duration::from_mins(2);

/// The names of the two tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// The manifest, by `system`.
    pub manifest: String,
    /// The run history, by `system` and `run`.
    pub runs: String,
}

impl Catalog {
    /// Makes the tables that are missing, billed on demand, and lets forgotten units expire. For one machine and for tests:
    /// on AWS the stack's template makes them. Doing it twice is harmless.
    ///
    /// # Errors
    /// Those of the service.
    pub async fn create_tables(&self) -> Result<(), CatalogError> {
        self.create_table(&self.tables.manifest, &[("system", KeyType::Hash)])
            .await?;
        self.create_table(&self.tables.runs, &[("system", KeyType::Hash), ("run", KeyType::Range)])
            .await?;
        self.let_units_expire().await
    }

    async fn create_table(&self, table: &str, keys: &[(&str, KeyType)]) -> Result<(), CatalogError> {
        let tried = Tried {
            table,
            what: "creating the table",
        };
        let mut request = self
            .client
            .create_table()
            .table_name(table)
            .billing_mode(BillingMode::PayPerRequest);
        for (name, key_type) in keys {
            let attribute = AttributeDefinition::builder()
                .attribute_name(*name)
                .attribute_type(ScalarAttributeType::S);
            let key = KeySchemaElement::builder()
                .attribute_name(*name)
                .key_type(key_type.clone());
            let complete = "all required fields of a key are set above";
            request = request
                .attribute_definitions(attribute.build().expect(complete))
                .key_schema(key.build().expect(complete));
        }
        match request.send().await {
            Ok(_) => {}
            Err(error) if error.code() == Some("ResourceInUseException") => {}
            Err(error) => return Err(tried.failed(error)),
        }
        let waited = self
            .client
            .wait_until_table_exists()
            .table_name(table)
            .wait(PATIENCE)
            .await;
        waited.map(|_| ()).map_err(|error| CatalogError::Unanswered {
            tried: "waiting for the new table".to_owned(),
            table: table.to_owned(),
            said: error.to_string(),
        })
    }

    async fn let_units_expire(&self) -> Result<(), CatalogError> {
        let table = &self.tables.runs;
        let tried = Tried {
            table,
            what: "letting forgotten units expire",
        };
        let described = self.client.describe_time_to_live().table_name(table).send().await;
        let described = described.map_err(|error| tried.failed(error))?;
        let status = described
            .time_to_live_description()
            .and_then(|description| description.time_to_live_status());
        if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
            return Ok(());
        }
        let specification = TimeToLiveSpecification::builder()
            .attribute_name(units::EXPIRES_AT)
            .enabled(true)
            .build()
            .expect("both required fields are set");
        let request = self
            .client
            .update_time_to_live()
            .table_name(table)
            .time_to_live_specification(specification);
        request.send().await.map(|_| ()).map_err(|error| tried.failed(error))
    }
}
