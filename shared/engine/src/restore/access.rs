//! Whether the credential may write, asked before anything is written.

use seatbelt_connector_kit::{Fill, KitError, Parent, Resource, Session, WriteCheck};
use serde::Serialize;

use crate::EngineError;

/// What the credential lacks to write a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lack {
    /// The resource.
    pub resource: String,
    /// The scope, role or capability, by the vendor's name.
    pub lacks: String,
}

/// Asks, if the connector says how.
pub(super) async fn lacks(session: &Session, resources: &[&'static Resource]) -> Result<Vec<Lack>, EngineError> {
    let WriteCheck::Ask {
        request,
        lacks,
        forbidden,
    } = session.connector().write_access.check
    else {
        return Ok(Vec::new());
    };
    let fill = Fill {
        settings: session.settings(),
        parent: &Parent::default(),
    };
    let request = request.prepare("write access", session.base_url(), &fill)?;
    let lack = |resource: &&'static Resource, lacks| Lack {
        resource: resource.name.to_owned(),
        lacks,
    };
    match session.send("write access", &request, &|_| Ok(())).await {
        Ok(answer) => Ok(resources
            .iter()
            .filter_map(|resource| Some(lack(resource, lacks(&answer.response, resource)?)))
            .collect()),
        Err(KitError::Forbidden { .. }) => Ok(resources
            .iter()
            .map(|resource| lack(resource, forbidden.to_owned()))
            .collect()),
        Err(error) => Err(error.into()),
    }
}
