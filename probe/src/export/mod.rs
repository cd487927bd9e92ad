//! Where signals go.
