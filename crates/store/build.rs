//! Has the SQL macros read the committed `.sqlx`, whatever `DATABASE_URL` the environment holds for something
//! else; `scripts/sqlx-prepare` asks for the contrary. Migrations and queries are part of what is built.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
    println!("cargo::rerun-if-changed=../../.sqlx");
    println!("cargo::rerun-if-env-changed=SQLX_OFFLINE");
    println!("cargo::rerun-if-env-changed=DATABASE_URL");
    if std::env::var_os("SQLX_OFFLINE").is_none() {
        println!("cargo::rustc-env=SQLX_OFFLINE=true");
    }
}
