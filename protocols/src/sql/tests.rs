//! What is shown of statements, and what never is.

mod properties;
mod secrets;
mod summaries;
mod texts;

use super::*;

fn mysql(query: &str) -> Statement {
    analyse(query.as_bytes(), Dialect::Mysql)
}

fn postgresql(query: &str) -> Statement {
    analyse(query.as_bytes(), Dialect::Postgresql)
}
