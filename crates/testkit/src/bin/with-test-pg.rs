//! Runs a command with a throw-away PostgreSQL for all tests under it: `with-test-pg cargo nextest run`. Each
//! test then gets a database of its own on that server instead of starting one (see `TestDb`).

use std::env;
use std::process::{Command, ExitCode};

use wayside_testkit::{SHARED_SERVER, SharedServer};

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        eprintln!("usage: with-test-pg COMMAND [ARGUMENT…]");
        return ExitCode::from(2);
    };
    let server = match SharedServer::start() {
        Ok(server) => server,
        Err(error) => {
            eprintln!("with-test-pg: {error}");
            return ExitCode::FAILURE;
        }
    };
    let status = Command::new(&program).args(arguments).env(SHARED_SERVER, server.socket_dir()).status();
    drop(server);
    match status {
        Ok(status) => {
            status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
        }
        Err(error) => {
            eprintln!("with-test-pg: {} can't be run: {error}", program.display());
            ExitCode::FAILURE
        }
    }
}
