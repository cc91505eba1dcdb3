//! Lets cargo look at the web pages again where they are built after the server.

fn main() -> std::io::Result<()> {
    // A folder that is not there would count as changed in every build.
    std::fs::create_dir_all("ui/dist")?;
    println!("cargo::rerun-if-changed=ui/dist");
    Ok(())
}
