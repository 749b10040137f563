//! Postgres, spool and checkpoint.
