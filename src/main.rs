//! The `trackway` binary; `trackway::cli` is all there is to it.

/// Answers are built from many small texts: docs/adr/0016.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    trackway::cli::main()
}
