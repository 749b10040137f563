//! The address of a database server, which may hold a password. It prints without user, password and
//! query; the whole is reachable by [`SecretUrl::expose`] alone.

use std::fmt;
use std::sync::Arc;

use crate::error::StoreError;

/// A `postgres://` address that never prints its secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretUrl(Arc<str>);

impl SecretUrl {
    /// Wraps an address.
    ///
    /// # Errors
    /// [`StoreError::Url`] when its scheme is not `postgres` or `postgresql`.
    pub fn new(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            Ok(Self(url.into()))
        } else {
            // The value is not repeated: whoever misspells the scheme may still have typed the password.
            Err(StoreError::Url { reason: "it must start with postgres:// or postgresql://".to_owned() })
        }
    }

    /// The address with user and password. For the client library, nobody else.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Scheme, host, port and database: what may be shown.
    #[must_use]
    pub fn redacted(&self) -> String {
        let (scheme, rest) = self.0.split_once("://").unwrap_or(("postgres", &self.0));
        // A password may hold any raw character: everything up to the last '@' goes, then the query.
        let after_user = rest.rsplit('@').next().unwrap_or_default();
        let shown = after_user.split(['?', '#']).next().unwrap_or_default();
        format!("{scheme}://{shown}")
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_shown() {
        for (whole, shown) in [
            ("postgres://db.example/wayside", "postgres://db.example/wayside"),
            ("postgres://u:p@db:5432/wayside?sslmode=require", "postgres://db:5432/wayside"),
            ("postgresql://u:p@ss/w?rd@db/wayside", "postgresql://db/wayside"),
            ("postgres:///wayside?host=/run&password=hidden", "postgres:///wayside"),
        ] {
            let url = SecretUrl::new(whole).unwrap();
            assert_eq!(format!("{url:?}"), shown);
            assert_eq!(url.to_string(), shown);
        }
        let error = SecretUrl::new("mysql://u:hidden@db/x").unwrap_err();
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
}
