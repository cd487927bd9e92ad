//! Tests that need no privileges: captures of others with the independent answers beside them, what is exported against
//! the conventions, and what is deployed against the types of the platforms.

mod cardinality;
mod churn;
mod complaints;
mod conventions_spans;
mod corpora_dns;
mod corpora_http;
mod corpora_http2;
mod corpora_mysql;
mod corpora_postgresql;
mod corpora_redis;
mod corpora_sql;
mod corpora_tshark;
mod deploy;
mod detection;
mod directions;
mod fed;
mod fuzz_seeds;
