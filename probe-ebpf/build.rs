//! Makes cargo compile the programs again when the linker changes.

use std::path::Path;

fn main() {
    let Some(path) = std::env::var_os("PATH") else {
        return;
    };
    let linker =
        std::env::split_paths(&path).map(|directory| directory.join("bpf-linker")).find(|path| path.exists());
    if let Some(linker) = linker.as_deref().and_then(Path::to_str) {
        println!("cargo:rerun-if-changed={linker}");
    }
}
