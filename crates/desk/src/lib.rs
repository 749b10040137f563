//! Incident life and deliveries.
