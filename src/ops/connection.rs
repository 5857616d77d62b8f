//! Which pipeline is meant, and the key to it.

use anyhow::{Result, bail};
use ops::Operations;

use super::args::Connection;
use super::client::Client;
use crate::config::ops_key;

impl Connection {
    /// The operations of that pipeline.
    ///
    /// # Errors
    /// If it can't be addressed; nothing was asked of it yet.
    pub fn operations(&self) -> Result<Box<dyn Operations>> {
        if self.aws {
            bail!(
                "this binary was built without the AWS adapters: build it with `cargo install --path . --features aws`"
            );
        }
        Ok(Box::new(self.client()?))
    }

    /// The embedded service.
    ///
    /// # Errors
    /// As [`Self::operations`].
    pub fn client(&self) -> Result<Client> {
        Client::new(&self.url, ops_key(self.config.as_deref())?)
    }
}
