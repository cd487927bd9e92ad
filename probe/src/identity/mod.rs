//! Who is behind a connection: process, container, pod.
