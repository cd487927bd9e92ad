//! What is made of exchanges: records, filters, aggregates.
