//! Which pipeline is meant, and the key to it.

use anyhow::Result;
use ops::Operations;

use super::args::Connection;
use super::client::Client;
use crate::config::ops_key;

impl Connection {
    /// The operations of that pipeline.
    ///
    /// # Errors
    /// If it can't be addressed; nothing was asked of it yet.
    pub async fn operations(&self) -> Result<Box<dyn Operations>> {
        if self.aws {
            return self.on_aws().await;
        }
        Ok(Box::new(self.client()?))
    }

    #[cfg(feature = "aws")]
    async fn on_aws(&self) -> Result<Box<dyn Operations>> {
        Ok(Box::new(super::aws::operations(self).await?))
    }

    #[cfg(not(feature = "aws"))]
    #[expect(clippy::unused_async, reason = "as with the AWS adapters")]
    async fn on_aws(&self) -> Result<Box<dyn Operations>> {
        anyhow::bail!(
            "this binary was built without the AWS adapters: build it with `cargo install --path . --features aws`"
        )
    }

    /// The embedded service.
    ///
    /// # Errors
    /// As [`Self::operations`].
    pub fn client(&self) -> Result<Client> {
        Client::new(&self.url, ops_key(self.config.as_deref())?)
    }
}
