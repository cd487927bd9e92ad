//! Set-up, build, run, test, virtual machines and benches.

fn main() {}
