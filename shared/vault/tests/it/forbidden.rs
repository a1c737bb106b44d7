//! S3 as it answers a credential that may list the keys of one system only: "forbidden" for what is not there.

use aws_sdk_s3::config::{
    ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeDeserializationInterceptorContextMut,
};
use seatbelt_embedded::BUCKET;
use seatbelt_vault::{Vault, VaultError};

use crate::world::{World, id, tiny};

/// Turns every 404 into a 403, as S3 does where the key may not be listed by name alone.
#[derive(Debug)]
struct Forbidding;

impl Intercept for Forbidding {
    fn name(&self) -> &'static str {
        "forbidding"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), aws_sdk_s3::error::BoxError> {
        let response = context.response_mut();
        if response.status().as_u16() == 404 {
            *response.status_mut() = 403.try_into()?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn what_is_not_there_is_missing_and_not_forbidden() {
    let world = World::new(tiny()).await;
    let config = world
        .embedded
        .s3()
        .config()
        .to_builder()
        .interceptor(Forbidding)
        .build();
    let vault = Vault::new(
        aws_sdk_s3::Client::from_conf(config),
        BUCKET,
        world.vault.options().clone(),
    );
    let error = vault.snapshot("acme-crm", id(1)).await.unwrap_err();
    assert!(matches!(error, VaultError::NoSnapshot { .. }), "{error}");
    let Err(error) = vault.body("acme-crm", &"0".repeat(64)).await else {
        panic!("there is no such body");
    };
    assert!(matches!(error, VaultError::Missing { .. }), "{error}");
    // A neighbour whose key begins with this one's is not it.
    let long = Vault::object_key("acme-crm", &"0".repeat(65));
    let put = world.embedded.s3().put_object().bucket(BUCKET).key(long);
    put.body(vec![1].into()).send().await.unwrap();
    assert!(matches!(
        vault.body("acme-crm", &"0".repeat(64)).await,
        Err(VaultError::Missing { .. })
    ));
}
