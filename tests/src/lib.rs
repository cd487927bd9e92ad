//! What the end-to-end tests share: launching the probe and real servers, reading exchange records.
