//! The little that has to be known of ELF files.

use anyhow::{Context as _, Result, bail};

/// `e_machine` of an object for the kernel's virtual machine (`EM_BPF`, linux/elf-em.h).
const MACHINE_BPF: u16 = 247;

/// `p_type` of the program header that names the dynamic linker (`PT_INTERP`, elf(5)).
const SEGMENT_INTERPRETER: u32 = 3;

/// The dynamic linker that a program asks for; a static program asks for none.
pub(crate) fn interpreter(file: &[u8]) -> Result<Option<String>> {
    check_magic(file)?;
    let table = usize::try_from(number(file, 0x20, 8)?)?;
    let entry_size = usize::try_from(number(file, 0x36, 2)?)?;
    let entries = usize::try_from(number(file, 0x38, 2)?)?;
    for index in 0..entries {
        let entry = index.checked_mul(entry_size).and_then(|offset| offset.checked_add(table));
        let entry = entry.context("the program header table is outside of the file")?;
        if number(file, entry, 4)? == u64::from(SEGMENT_INTERPRETER) {
            let start = usize::try_from(number(file, entry + 0x08, 8)?)?;
            let length = usize::try_from(number(file, entry + 0x20, 8)?)?;
            let path = start.checked_add(length).and_then(|end| file.get(start..end));
            let path = path.context("the interpreter's name is outside of the file")?;
            return Ok(Some(String::from_utf8_lossy(path).trim_end_matches('\0').to_owned()));
        }
    }
    Ok(None)
}

/// Whether this is an object for the kernel's virtual machine.
pub(crate) fn is_bpf(file: &[u8]) -> Result<bool> {
    check_magic(file)?;
    Ok(number(file, 0x12, 2)? == u64::from(MACHINE_BPF))
}

/// Accepts 64-bit little-endian files, the only ones that are built here.
fn check_magic(file: &[u8]) -> Result<()> {
    if file.get(..6) != Some(b"\x7fELF\x02\x01".as_slice()) {
        bail!("not a 64-bit little-endian ELF file");
    }
    Ok(())
}

fn number(file: &[u8], offset: usize, size: usize) -> Result<u64> {
    let bytes = offset
        .checked_add(size)
        .and_then(|end| file.get(offset..end))
        .context("the ELF file is cut short")?;
    let mut value = [0; 8];
    value[..size].copy_from_slice(bytes);
    Ok(u64::from_le_bytes(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_program_asks_for_a_dynamic_linker() {
        let this = std::fs::read(std::env::current_exe().expect("known")).expect("readable");
        let interpreter = interpreter(&this).expect("an ELF file").expect("tests are linked dynamically");
        assert!(interpreter.contains("ld-linux"), "{interpreter}");
        assert!(!is_bpf(&this).expect("an ELF file"));
    }

    #[test]
    fn other_files_are_refused() {
        assert!(interpreter(b"#!/bin/sh\n").is_err());
        assert!(interpreter(b"\x7fELF\x02\x01").is_err());
    }
}
