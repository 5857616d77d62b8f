//! The SDK's clients: made once, in the function's init, with time-outs and retries that fit into its own time-out.

use std::sync::OnceLock;
use std::time::Duration;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{ConfigLoader, SdkConfig};
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_http_client::{Connector, ConnectorBuilder};
use aws_smithy_runtime_api::client::http::{
    HttpConnectorSettings, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

use crate::calls::TellCalls;

/// An attempt that took longer is given up: every call here is answered in milliseconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// With all its attempts: well under the functions' 30 s.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);
const ATTEMPTS: u32 = 3;

/// Makes clients that share one configuration, and with it one connection pool and one rate limit.
#[derive(Debug, Clone)]
pub struct Clients {
    config: SdkConfig,
}

impl Clients {
    /// For a Lambda function: region and credentials are in its environment, so nothing else is looked at. The default
    /// chain's other providers would cost start-up time and size.
    pub async fn of_function() -> Self {
        let loader = aws_config::from_env()
            .region(EnvironmentVariableRegionProvider::new())
            .credentials_provider(EnvironmentVariableCredentialsProvider::new());
        Self::load(loader).await
    }

    /// For a command: the default chain of profiles and environment.
    pub async fn of_profile(profile: Option<&str>, region: Option<String>) -> Self {
        let mut loader = aws_config::from_env();
        if let Some(profile) = profile {
            loader = loader.profile_name(profile);
        }
        if let Some(region) = region {
            loader = loader.region(aws_config::Region::new(region));
        }
        Self::load(loader).await
    }

    async fn load(loader: ConfigLoader) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(OPERATION_TIMEOUT)
            .build();
        // Adaptive: a throttled table slows this client down, instead of being asked more often.
        let retries = RetryConfig::adaptive().with_max_attempts(ATTEMPTS);
        let loader = loader.timeout_config(timeouts).retry_config(retries).http_client(one_for_all());
        Self { config: loader.load().await }
    }

    /// Over a configuration that was made elsewhere.
    pub const fn with(config: SdkConfig) -> Self {
        Self { config }
    }

    /// What the clients are made from.
    pub const fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// DynamoDB.
    pub fn dynamodb(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::config::Builder::from(&self.config);
        aws_sdk_dynamodb::Client::from_conf(config.interceptor(TellCalls).build())
    }

    /// SQS.
    pub fn sqs(&self) -> aws_sdk_sqs::Client {
        let config = aws_sdk_sqs::config::Builder::from(&self.config);
        aws_sdk_sqs::Client::from_conf(config.interceptor(TellCalls).build())
    }

    /// Step Functions.
    pub fn step_functions(&self) -> aws_sdk_sfn::Client {
        let config = aws_sdk_sfn::config::Builder::from(&self.config);
        aws_sdk_sfn::Client::from_conf(config.interceptor(TellCalls).build())
    }

    /// SES v2. It tries once: each try may send a mail, and the worker counts them.
    pub fn ses(&self) -> aws_sdk_sesv2::Client {
        let config = aws_sdk_sesv2::config::Builder::from(&self.config).retry_config(RetryConfig::disabled());
        aws_sdk_sesv2::Client::from_conf(config.interceptor(TellCalls).build())
    }

    /// Secrets Manager.
    pub fn secrets_manager(&self) -> aws_sdk_secretsmanager::Client {
        let config = aws_sdk_secretsmanager::config::Builder::from(&self.config);
        aws_sdk_secretsmanager::Client::from_conf(config.interceptor(TellCalls).build())
    }
}

/// An HTTP client with one connector, made at the first call. The SDK's own reads the machine's trusted certificates for
/// each client when that is made, and again when it is first used: most of a cold start (docs/PERFORMANCE.md).
fn one_for_all() -> SharedHttpClient {
    let shared = OnceLock::new();
    http_client_fn(move |settings: &HttpConnectorSettings, components: &RuntimeComponents| {
        let make = || {
            let mut connector: ConnectorBuilder = Connector::builder().connector_settings(settings.clone());
            connector.set_sleep_impl(components.sleep_impl());
            connector.set_proxy_config(Some(ProxyConfig::from_env()));
            SharedHttpConnector::new(connector.tls_provider(Provider::Rustls(CryptoMode::AwsLc)).build())
        };
        shared.get_or_init(make).clone()
    })
}
