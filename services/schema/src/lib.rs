//! Roles, rights and tables of the database, and how they come about: [`bootstrap`] as the master
//! user once, [`migrate`] as the owner with each release. Both may run twice, also at once.
//!
//! No API links this: a program that serves cannot change the schema.

use service_kit::database::{ConnectError, DatabaseConfig};
use service_kit::environment::Environment;
use tokio_postgres::Client;

/// The migrations in their order. One that was released never changes.
const MIGRATIONS: &[(i32, &str, &str)] =
    &[(1, "tables", include_str!("../migrations/0001_tables.sql"))];

/// The roles that log in: the owner of the tables, and one for each program.
pub const ROLES: [&str; 4] =
    ["facility_owner", "facility_staff_api", "facility_vendor_api", "facility_batch"];

/// Whoever changes the schema holds this advisory lock; the others wait.
const LOCK: &str = "select pg_advisory_lock(hashtext('facility schema'))";

/// Why the database is not as it should be.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database refused a statement.
    #[error("{what}")]
    Statement {
        /// What was tried.
        what: String,
        /// The answer.
        source: tokio_postgres::Error,
    },
    /// The text of a migration is not the one that was applied.
    #[error("migration {0} was changed after it had been applied")]
    Changed(i32),
}

fn failed(what: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> Error {
    move |source| Error::Statement { what: what.into(), source }
}

/// The passwords that the roles shall have, in the order of [`ROLES`]. The name of a variable is
/// the name of the role in capitals with `_PASSWORD`, as in `db-migration-task-definition.yaml`.
#[derive(Default)]
pub struct Passwords([String; 4]);

impl Passwords {
    /// Reads all four.
    pub fn read(environment: &mut Environment) -> Passwords {
        let variable = |role: &str| format!("{}_PASSWORD", role.to_uppercase());
        Passwords(ROLES.map(|role| environment.required(&variable(role))))
    }
}

/// Makes the extensions, the roles with their passwords, and the schema. Runs as the master user.
pub async fn bootstrap(config: &DatabaseConfig, passwords: &Passwords) -> Result<(), Error> {
    let client = config.connect().await?;
    client.execute(LOCK, &[]).await.map_err(failed("wait for the schema's lock"))?;
    extensions(&client).await?;
    for (role, password) in ROLES.iter().zip(&passwords.0) {
        // The password leaves as a SCRAM verifier: no log of the server can hold it.
        let verifier = postgres_protocol::password::scram_sha_256(password.as_bytes());
        let exists = client
            .query_opt("select from pg_roles where rolname = $1", &[role])
            .await
            .map_err(failed("look for the roles"))?;
        let verb = if exists.is_some() { "alter" } else { "create" };
        client
            .batch_execute(&format!("{verb} role {role} login noinherit password '{verifier}'"))
            .await
            .map_err(failed(format!("{verb} role {role}")))?;
        tracing::info!(role, verb, "role");
    }
    // On RDS the master is no superuser: it has to be a member to give things to the owner.
    client
        .batch_execute(
            "do $$ begin
                execute format('revoke all on database %I from public', current_database());
                execute format(
                    'grant connect on database %I to facility_owner, facility_staff_api, facility_vendor_api, facility_batch',
                    current_database()
                );
                execute format('grant facility_owner to %I', current_user);
            end $$;
            revoke create on schema public from public;
            create schema if not exists facility authorization facility_owner;
            alter role facility_owner set search_path = facility, public;
            alter role facility_staff_api set search_path = facility, public;
            alter role facility_vendor_api set search_path = facility, public;
            alter role facility_batch set search_path = facility, public;
            set role facility_owner;
            revoke all on schema facility from public;
            grant usage on schema facility to facility_staff_api, facility_vendor_api, facility_batch",
        )
        .await
        .map_err(failed("give the schema to its owner"))
}

/// `pg_trgm` is needed for searching. The other two are made where the server was started with
/// their library, as `rds-parameter-group.yaml` does.
async fn extensions(client: &Client) -> Result<(), Error> {
    let create = "create extension if not exists pg_trgm schema public;
        do $$ declare library text; begin
            for library in
                select name from pg_available_extensions
                where name in ('pg_stat_statements', 'pgaudit')
                    and name = any (string_to_array(replace(current_setting('shared_preload_libraries'), ' ', ''), ','))
            loop
                execute format('create extension if not exists %I schema public', library);
            end loop;
        end $$";
    client.batch_execute(create).await.map_err(failed("create the extensions"))
}

/// Applies the migrations that are missing, each in a transaction of its own, and says how many.
/// Runs as the owner.
pub async fn migrate(config: &DatabaseConfig) -> Result<usize, Error> {
    let mut client = config.connect().await?;
    client.execute(LOCK, &[]).await.map_err(failed("wait for the schema's lock"))?;
    client
        .batch_execute(
            "create table if not exists schema_migrations (
                version integer primary key,
                name text not null,
                digest text not null,
                applied_at timestamptz not null default now()
            )",
        )
        .await
        .map_err(failed("keep account of the migrations"))?;
    let mut applied = 0;
    for (version, name, text) in MIGRATIONS {
        let known = client
            .query_opt(
                "select digest = encode(sha256(convert_to($2, 'utf8')), 'hex') from schema_migrations where version = $1",
                &[version, text],
            )
            .await
            .map_err(failed("look for the migrations"))?;
        match known.map(|row| row.get::<_, bool>(0)) {
            Some(true) => continue,
            Some(false) => return Err(Error::Changed(*version)),
            None => {}
        }
        let what = || failed(format!("migration {version}, {name}"));
        let transaction = client.transaction().await.map_err(what())?;
        transaction.batch_execute(text).await.map_err(what())?;
        transaction
            .execute(
                "insert into schema_migrations (version, name, digest) values ($1, $2, encode(sha256(convert_to($3, 'utf8')), 'hex'))",
                &[version, name, text],
            )
            .await
            .map_err(what())?;
        transaction.commit().await.map_err(what())?;
        tracing::info!(version, name, "migration applied");
        applied += 1;
    }
    Ok(applied)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_programs_ask_for_the_newest_migration() {
        let newest = super::MIGRATIONS.iter().map(|it| it.0).max();
        assert_eq!(newest, Some(service_kit::database::SCHEMA));
    }
}
