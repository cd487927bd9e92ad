//! Live screens.
