//! Who asks, where, and by which way: credentials, Region, endpoint.

use crate::error::ServiceError;
use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use tokio::runtime::{Builder, Runtime};

/// How AWS is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The Region of the stacks.
    pub region: String,
    /// The profile of the shared configuration files; the usual chain of credentials otherwise.
    pub profile: Option<String>,
    /// Another endpoint than AWS's own, such as that of an emulator. The SDK reads
    /// `AWS_ENDPOINT_URL` by itself.
    pub endpoint_url: Option<String>,
    /// Certificates, as PEM, of authorities that are trusted besides those of the system, such as that
    /// of a proxy which looks into the traffic: `AWS_CA_BUNDLE`.
    pub ca_bundle: Option<Vec<u8>>,
    /// How often a call is tried at most, as `AWS_MAX_ATTEMPTS` has it; 8 times otherwise.
    pub attempts: Option<u32>,
}

/// Who asks AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The account, 12 digits.
    pub account: String,
    /// The ARN of the user or of the session of a role.
    pub arn: String,
}

/// A connection to AWS: the clients, and the runtime that they run on.
#[derive(Debug)]
pub struct Session {
    runtime: Runtime,
    config: SdkConfig,
}

impl Session {
    /// Finds out how to reach AWS. Asks nobody yet.
    ///
    /// # Errors
    /// When the system refuses threads, or the certificates are none.
    pub fn open(settings: &Settings) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let mut trusted = TrustStore::default();
        if let Some(bundle) = &settings.ca_bundle {
            trusted.add_pem_certificate(bundle.as_slice());
        }
        let context = TlsContext::builder().with_trust_store(trusted).build();
        let context = context.map_err(std::io::Error::other)?;
        // `build_https` knows no proxies; this is what it does besides.
        let http = aws_smithy_http_client::Builder::new().build_with_connector_fn(
            move |settings, components| {
                let mut connector = Connector::builder();
                connector.set_connector_settings(settings.cloned());
                connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
                // `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`, as the `aws` command has them.
                let connector = connector.proxy_config(ProxyConfig::from_env());
                let provider = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
                connector.tls_provider(provider).tls_context(context.clone()).build()
            },
        );
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            // Retries wait with full jitter, and fewer are made once the service throttles.
            // <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>
            .retry_config(RetryConfig::adaptive().with_max_attempts(settings.attempts.unwrap_or(8)))
            .region(Region::new(settings.region.clone()));
        if let Some(profile) = &settings.profile {
            loader = loader.profile_name(profile);
        }
        if let Some(url) = &settings.endpoint_url {
            loader = loader.endpoint_url(url);
        }
        let config = runtime.block_on(loader.load());
        Ok(Self { runtime, config })
    }

    /// What clients are made of.
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// Waits for an answer.
    pub fn wait<F: Future>(&self, answer: F) -> F::Output {
        self.runtime.block_on(answer)
    }

    /// Who the credentials are.
    ///
    /// # Errors
    /// When there are no credentials, or AWS does not know them.
    pub fn caller(&self) -> Result<Caller, ServiceError> {
        let client = aws_sdk_sts::Client::new(&self.config);
        let answer = self
            .wait(client.get_caller_identity().send())
            .map_err(|it| ServiceError::new("GetCallerIdentity", &it))?;
        Ok(Caller {
            account: answer.account.unwrap_or_default(),
            arn: answer.arn.unwrap_or_default(),
        })
    }
}
