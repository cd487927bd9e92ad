//! Runtimes that answer as told.
