//! Containers of which runtimes tell, and their files.
