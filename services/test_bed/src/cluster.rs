//! A PostgreSQL server of its own for each test, with TLS by a certificate authority of its own.

use crate::{Variables, eventually, free_port, variables};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use service_kit::database::DatabaseConfig;
use service_kit::environment::Environment;
use service_schema::{Passwords, ROLES};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use tokio_postgres::Client;

const SUPERUSER: &str = "dbadmin";

/// A server that runs until it is dropped.
pub struct Cluster {
    folder: TempDir,
    binaries: PathBuf,
    settings: Vec<String>,
    port: u16,
    server: Option<Child>,
}

/// Whom PostgreSQL runs as, where root runs the tests: it refuses root.
fn other_user() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").unwrap();
    let line = passwd.lines().find(|it| it.starts_with("postgres:"));
    let line = line.expect("PostgreSQL refuses root, and there is no user `postgres`");
    let mut ids = line.split(':').skip(2).map(|it| it.parse().unwrap());
    Some((ids.next().unwrap(), ids.next().unwrap()))
}

/// `PG_BIN`, or the newest of Debian's.
fn find_binaries() -> PathBuf {
    if let Some(given) = Environment::of_process().optional("PG_BIN") {
        return PathBuf::from(given);
    }
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = debian.map(|it| it.path().join("bin")).filter(|it| it.join("postgres").exists());
    newest.max().expect("PostgreSQL is not installed (`apt-get install postgresql`)")
}

impl Cluster {
    /// A server with the empty database `facility`, as RDS hands it over.
    pub async fn empty(settings: &[&str]) -> Cluster {
        let folder = tempfile::Builder::new().prefix("facility-").tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let mut cluster = Cluster {
            folder,
            binaries: find_binaries(),
            settings: settings.iter().map(|it| (*it).to_owned()).collect(),
            port: free_port(),
            server: None,
        };
        cluster.init();
        cluster.certify();
        cluster.start().await;
        let client = cluster.superuser_of("postgres").await;
        client.batch_execute("create database facility").await.unwrap();
        cluster
    }

    /// A server after bootstrap and migration.
    pub async fn migrated() -> Cluster {
        let cluster = Cluster::empty(&[]).await;
        cluster.bootstrap().await.unwrap();
        service_schema::migrate(&cluster.config("facility_owner")).await.unwrap();
        cluster
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn command(&self, program: &str) -> Command {
        let path = self.binaries.join(program);
        let Some((user, group)) = other_user() else { return Command::new(path) };
        let mut command = Command::new("setpriv");
        command.args([&format!("--reuid={user}"), &format!("--regid={group}"), "--clear-groups"]);
        command.args(["--pdeathsig", "INT", "--"]).arg(path);
        command
    }

    fn init(&self) {
        let password = self.folder.path().join("password");
        fs::write(&password, password_of(SUPERUSER)).unwrap();
        fs::create_dir(self.data()).unwrap();
        for path in [&password, &self.data()] {
            give_away(path);
        }
        let output = self
            .command("initdb")
            .args(["--username", SUPERUSER, "--auth=scram-sha-256", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync", "--pwfile"])
            .arg(&password)
            .arg("--pgdata")
            .arg(self.data())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        // As with `rds.force_ssl`: nobody is let in without TLS.
        let hba = "hostssl all all 127.0.0.1/32 scram-sha-256\n";
        fs::write(self.data().join("pg_hba.conf"), hba).unwrap();
    }

    fn certify(&self) {
        let mut ca = CertificateParams::new(Vec::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate for self-signed whose issuer has the same name.
        ca.distinguished_name.push(DnType::CommonName, "facility test CA");
        let ca_key = KeyPair::generate().unwrap();
        let ca_certificate = ca.self_signed(&ca_key).unwrap();
        fs::write(self.ca(), ca_certificate.pem()).unwrap();
        // A name, and not the address: `verify-full` can be seen to refuse the address.
        let server = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::from_params(&ca, &ca_key);
        let certificate = server.signed_by(&key, &issuer).unwrap();
        for (name, text) in [("server.crt", certificate.pem()), ("server.key", key.serialize_pem())]
        {
            let path = self.data().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            give_away(&path);
        }
    }

    /// Starts the server, and waits until it answers.
    pub async fn start(&mut self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.log_path()).unwrap();
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).args(["-p", &self.port.to_string()]);
        let fixed = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "ssl=on",
            "ssl_cert_file=server.crt",
            "ssl_key_file=server.key",
            // Nothing of this has to survive the machine.
            "fsync=off",
            "timezone=Asia/Tokyo",
        ];
        for setting in fixed.into_iter().chain(self.settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.server = Some(command.spawn().unwrap());
        let config = self.superuser_config("postgres");
        eventually("the start of PostgreSQL", async || config.connect().await.ok()).await;
    }

    /// Stops the server at once, as a failover would.
    pub fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let pid = server.id().to_string();
            let _ = Command::new("kill").args(["-QUIT", &pid]).status();
            let _ = server.wait();
        }
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap()
    }

    fn url(&self, user: &str, host: &str, database: &str) -> String {
        let (port, ca) = (self.port, self.ca());
        let ca = ca.display();
        format!("postgres://{user}{host}:{port}/{database}?sslmode=verify-full&sslrootcert={ca}")
    }

    /// What a role's program is started with, as its secret has it.
    pub fn variables(&self, role: &str) -> Variables {
        self.variables_at(role, "localhost")
    }

    /// The same under another name of the host.
    pub fn variables_at(&self, role: &str, host: &str) -> Variables {
        let url = self.url(&format!("{role}@"), host, "facility");
        variables([("DATABASE_URL", &url), ("PGPASSWORD", &password_of(role))])
    }

    /// What the bootstrap task is started with.
    pub fn bootstrap_variables(&self) -> Variables {
        let url = self.url("", "localhost", "facility");
        let mut all = variables([
            ("DATABASE_URL", &url),
            ("PGUSER", SUPERUSER),
            ("PGPASSWORD", &password_of(SUPERUSER)),
        ]);
        let passwords =
            ROLES.map(|it| (format!("{}_PASSWORD", it.to_uppercase()), password_of(it)));
        all.extend(passwords);
        all
    }

    /// Runs the bootstrap.
    pub async fn bootstrap(&self) -> Result<(), service_schema::Error> {
        let mut environment = Environment::of(self.bootstrap_variables());
        let config = DatabaseConfig::read(&mut environment, "bootstrap");
        let passwords = Passwords::read(&mut environment);
        environment.finish().unwrap();
        service_schema::bootstrap(&config, &passwords).await
    }

    /// How a role reaches the database.
    pub fn config(&self, role: &str) -> DatabaseConfig {
        read(self.variables(role))
    }

    fn superuser_config(&self, database: &str) -> DatabaseConfig {
        let url = self.url(&format!("{SUPERUSER}@"), "localhost", database);
        read(variables([("DATABASE_URL", &url), ("PGPASSWORD", &password_of(SUPERUSER))]))
    }

    /// A connection as the master user.
    pub async fn superuser(&self) -> Client {
        let client = self.superuser_of("facility").await;
        client.batch_execute("set search_path = facility, public").await.unwrap();
        client
    }

    async fn superuser_of(&self, database: &str) -> Client {
        self.superuser_config(database).connect().await.unwrap()
    }
}

fn read(values: Variables) -> DatabaseConfig {
    let mut environment = Environment::of(values);
    let config = DatabaseConfig::read(&mut environment, "test");
    environment.finish().unwrap();
    config
}

fn password_of(role: &str) -> String {
    format!("{role}SecretOfForty00000000000000")
}

fn give_away(path: &Path) {
    if let Some((user, group)) = other_user() {
        chown(path, Some(user), Some(group)).unwrap();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}
