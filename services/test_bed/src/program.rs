//! The programs as processes, started with nothing in their environment but what they are given.

use crate::{Http, Variables, eventually, free_port};
use std::fs;
use std::process::{Child, Command, ExitStatus, Stdio};
use tempfile::NamedTempFile;

/// A program that runs until it ends or is dropped.
pub struct Program {
    child: Child,
    log: NamedTempFile,
    /// Where it listens, if it does.
    pub http: Http,
}

impl Program {
    /// Starts a program without waiting for anything.
    pub fn spawn(binary: &str, arguments: &[&str], variables: Variables) -> Program {
        let given = variables.iter().find(|it| it.0 == "PORT").map(|it| it.1.clone());
        let port = given.unwrap_or_else(|| free_port().to_string());
        let log = NamedTempFile::new().unwrap();
        let child = Command::new(binary)
            .args(arguments)
            .env_clear()
            .env("PORT", &port)
            .env("LISTEN_ADDRESS", "127.0.0.1")
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(log.reopen().unwrap())
            .spawn()
            .unwrap();
        Program { child, log, http: Http::new(format!("http://127.0.0.1:{port}")) }
    }

    /// Starts an API, and waits until it is ready.
    pub async fn start(binary: &str, variables: Variables) -> Program {
        let mut program = Program::spawn(binary, &[], variables);
        let http = program.http.clone();
        eventually("readiness", async || {
            assert!(program.child.try_wait().unwrap().is_none(), "{}", program.log());
            let answer = http.send(http.request("GET", "/ready", None)).await?;
            answer.status.is_success().then_some(())
        })
        .await;
        program
    }

    /// Runs a program to its end: whether it says that it succeeded, and its log.
    pub async fn run(binary: &str, arguments: &[&str], variables: Variables) -> (bool, String) {
        let mut program = Program::spawn(binary, arguments, variables);
        let status = program.ended().await;
        (status.success(), program.log())
    }

    /// Waits for the end.
    pub async fn ended(&mut self) -> ExitStatus {
        eventually("the end of a program", async || self.child.try_wait().unwrap()).await
    }

    /// Sends a signal: `TERM`, `KILL`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log.path()).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
