//! Vectors and properties, all through [`Conversation`](crate::Conversation).
