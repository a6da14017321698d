//! The command `ktrial`.

fn main() {}
