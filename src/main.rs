//! The `trackway` binary; `trackway::cli` is all there is to it.

fn main() -> std::process::ExitCode {
    trackway::cli::main()
}
