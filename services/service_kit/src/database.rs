//! The database: where it is, how its name is verified, and connections that do not grow old.
//!
//! A URL has no password, and a connection without `verify-full` cannot be had.

use crate::environment::Environment;
use crate::problem::Problem;
use deadpool_postgres::{
    Client, Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Transaction,
};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Row;
use tokio_postgres::config::SslMode;
use tokio_postgres::types::ToSql;
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;
use uuid::Uuid;

/// Connections of one task. `ECSMaxCapacity` tasks of both APIs, and as many again while a release
/// replaces them, stay below `max_connections` of `rds-parameter-group.yaml` in each environment: in
/// dev 3 × 2 × 2 × 4 = 48 of 50, in stg 80 of 100, in prod 160 of 200.
const CONNECTIONS: usize = 4;
/// Old connections make room for new ones: a rotated password and a new primary are found out.
const MAX_LIFETIME: Duration = Duration::from_secs(25 * 60);
const CONNECT: Duration = Duration::from_secs(5);
/// How long a request waits for a connection before it is told to come again.
const WAIT: Duration = Duration::from_secs(2);

/// Where the database is and as whom to speak to it.
#[derive(Clone, Default)]
pub struct DatabaseConfig {
    config: tokio_postgres::Config,
    root_certificates: PathBuf,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The file of `sslrootcert` cannot be used.
    #[error("the certificates of `sslrootcert` cannot be read")]
    Certificates(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The pool cannot be made.
    #[error("the pool cannot be made")]
    Pool(#[from] deadpool_postgres::BuildError),
    /// The server cannot be reached, or refuses.
    #[error("no connection to the database")]
    Server(#[from] tokio_postgres::Error),
}

impl DatabaseConfig {
    /// Reads `DATABASE_URL`, which libpq's `PGUSER` and `PGPASSWORD` complete.
    /// <https://www.postgresql.org/docs/current/libpq-envars.html>
    pub fn read(environment: &mut Environment, program: &str) -> DatabaseConfig {
        let text: String = environment.required("DATABASE_URL");
        let password: String = environment.required("PGPASSWORD");
        let user = environment.optional("PGUSER");
        let mut mistake = |what: &str| environment.mistake(format!("`DATABASE_URL`: {what}"));
        let mut read = DatabaseConfig::default();
        if text.is_empty() {
            return read;
        }
        let Ok(url) = Url::parse(&text) else {
            mistake("no URL");
            return read;
        };
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            mistake("the scheme is not `postgres`");
        }
        if url.password().is_some() {
            mistake("a password does not belong into the URL; `PGPASSWORD` has it");
        }
        let config = &mut read.config;
        match url.host_str() {
            Some(host) => _ = config.host(host),
            None => mistake("the host is missing"),
        }
        config.port(url.port().unwrap_or(5432));
        match url.path().trim_start_matches('/') {
            "" => mistake("the name of the database is missing"),
            name => _ = config.dbname(name),
        }
        match (url.username(), user) {
            ("", None) => mistake("the user is missing, and so is `PGUSER`"),
            ("", Some(user)) => _ = config.user(user),
            (user, _) => _ = config.user(user),
        }
        let mut verified = false;
        for (name, value) in url.query_pairs() {
            match &*name {
                "sslmode" => verified = value == "verify-full",
                "sslrootcert" => read.root_certificates = PathBuf::from(&*value),
                _ => mistake("only `sslmode` and `sslrootcert` are understood"),
            }
        }
        if !verified || read.root_certificates.as_os_str().is_empty() {
            mistake("`sslmode=verify-full` and `sslrootcert` are needed");
        }
        // `Require`, or the client would fall back to plain text where the server has no TLS.
        read.config
            .password(password)
            .ssl_mode(SslMode::Require)
            .connect_timeout(CONNECT)
            .keepalives_idle(Duration::from_secs(30))
            .tcp_user_timeout(Duration::from_secs(20))
            .application_name(program);
        read
    }

    /// A longest time for each statement, of which the server sees to it.
    pub fn statement_timeout(mut self, timeout: Duration) -> DatabaseConfig {
        self.config.options(format!("-c statement_timeout={}", timeout.as_millis()));
        self
    }

    fn tls(&self) -> Result<MakeRustlsConnect, ConnectError> {
        let unreadable = |error| ConnectError::Certificates(error);
        let mut roots = rustls::RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(&self.root_certificates)
            .map_err(|it| unreadable(Box::new(it)))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|it| unreadable(Box::new(it)))?;
            roots.add(certificate).map_err(|it| unreadable(Box::new(it)))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|it| unreadable(Box::new(it)))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(MakeRustlsConnect::new(config))
    }

    /// One connection without a pool, for programs that do one thing after the other.
    pub async fn connect(&self) -> Result<tokio_postgres::Client, ConnectError> {
        let (client, connection) = self.config.connect(self.tls()?).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "the connection to the database ended");
            }
        });
        Ok(client)
    }

    /// A pool that opens connections when they are needed, and opens them anew after a failover.
    pub fn pool(&self) -> Result<Database, ConnectError> {
        let fast = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(self.config.clone(), self.tls()?, fast);
        let young = Hook::sync_fn(|_, metrics| {
            if metrics.age() < MAX_LIFETIME {
                return Ok(());
            }
            Err(HookError::message("the connection has grown old"))
        });
        let pool = Pool::builder(manager)
            .max_size(CONNECTIONS)
            .runtime(Runtime::Tokio1)
            .create_timeout(Some(CONNECT))
            .wait_timeout(Some(WAIT))
            .recycle_timeout(Some(WAIT))
            .pre_recycle(young)
            .build()?;
        Ok(Database { pool })
    }
}

/// The pool of a program.
#[derive(Clone)]
pub struct Database {
    pool: Pool,
}

/// Who a transaction acts for. The policies and the audit triggers of the database read it, and it
/// ends with the transaction: the next user of the connection cannot inherit it.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The user, `sub` of the token.
    pub id: Uuid,
    /// The company of a vendor.
    pub company: Option<Uuid>,
    /// The trace that the request belongs to.
    pub trace: String,
}

impl Database {
    /// A connection of the pool, within the time that a request waits for one.
    pub async fn client(&self) -> Result<Client, Problem> {
        Ok(self.pool.get().await?)
    }

    /// Whether the database answers, and has the tables that this program was written for.
    pub async fn ready(&self) -> Result<(), Problem> {
        let client = self.client().await?;
        let newest = "select max(version) from schema_migrations";
        let version: Option<i32> = client.query_one(newest, &[]).await?.get(0);
        if version >= Some(SCHEMA) {
            return Ok(());
        }
        Err(Problem::unavailable("the migration has not run yet"))
    }
}

/// The migration that the programs need. Newer ones do not take away what older programs use.
pub const SCHEMA: i32 = 1;

/// Begins a transaction that acts for somebody.
pub async fn begin<'c>(client: &'c mut Client, actor: &Actor) -> Result<Transaction<'c>, Problem> {
    let transaction = client.transaction().await?;
    let set = transaction
        .prepare_cached(
            "select set_config('app.actor', $1, true), set_config('app.company_id', $2, true), \
             set_config('app.trace_id', $3, true)",
        )
        .await?;
    let company = actor.company.map(|it| it.to_string()).unwrap_or_default();
    transaction.query_one(&set, &[&actor.id.to_string(), &company, &actor.trace]).await?;
    Ok(transaction)
}

/// Runs a statement that the connection prepares once.
pub async fn query(
    transaction: &Transaction<'_>,
    statement: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Problem> {
    let prepared = transaction.prepare_cached(statement).await?;
    Ok(transaction.query(&prepared, parameters).await?)
}

/// The same for at most one row.
pub async fn query_opt(
    transaction: &Transaction<'_>,
    statement: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Option<Row>, Problem> {
    Ok(query(transaction, statement, parameters).await?.into_iter().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TLS: &str = "sslmode=verify-full&sslrootcert=/etc/ssl/certs/rds-ap-northeast-1.pem";

    fn read(url: &str, others: &[(&str, &str)]) -> Result<DatabaseConfig, String> {
        let values = [&[("DATABASE_URL", url), ("PGPASSWORD", "secret")], others].concat();
        let values = values.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned()));
        let mut environment = Environment::of(values);
        let read = DatabaseConfig::read(&mut environment, "test");
        environment.finish().map(|()| read).map_err(|it| it.to_string())
    }

    #[test]
    fn the_urls_of_the_templates_are_understood() {
        let secret = read(&format!("postgres://facility_staff_api@db:5432/facility?{TLS}"), &[]);
        let config = secret.unwrap().config;
        assert_eq!(config.get_user(), Some("facility_staff_api"));
        assert_eq!(config.get_password(), Some("secret".as_bytes()));
        assert_eq!(config.get_ssl_mode(), SslMode::Require);
        // The bootstrap task has no user in the URL: RDS's secret brings it.
        let bootstrap =
            read(&format!("postgres://db:5432/facility?{TLS}"), &[("PGUSER", "dbadmin")]);
        assert_eq!(bootstrap.unwrap().config.get_user(), Some("dbadmin"));
    }

    #[test]
    fn what_is_not_safe_is_refused() {
        let cases = [
            ("postgres://u:p@db/facility?{TLS}", "a password does not belong into the URL"),
            ("postgres://u@db/facility", "`sslmode=verify-full` and `sslrootcert` are needed"),
            ("postgres://u@db/facility?sslmode=require&sslrootcert=/x", "`sslmode=verify-full`"),
            ("postgres://u@db/facility?sslmode=verify-full", "`sslrootcert` are needed"),
            ("postgres://u@db/?{TLS}", "the name of the database is missing"),
            ("postgres://db/facility?{TLS}", "the user is missing"),
            ("mysql://u@db/facility?{TLS}", "the scheme is not `postgres`"),
            ("postgres://u@db/facility?{TLS}&options=-csearch_path%3Devil", "are understood"),
            ("facility", "no URL"),
        ];
        for (url, expected) in cases {
            let error = read(&url.replace("{TLS}", TLS), &[]).err().unwrap_or_default();
            assert!(error.contains(expected), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
