//! Envs and templates are embedded in the binary: a file that is added to them has to be seen by the next build.

fn main() {
    println!("cargo::rerun-if-changed=envs");
    println!("cargo::rerun-if-changed=templates");
}
