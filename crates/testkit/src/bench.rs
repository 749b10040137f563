//! What a bench without a harness is started with.

/// The arguments of a bench, without those that cargo adds; `None` for a test runner that asks for the tests in it, of which
/// there are none.
#[must_use]
pub fn bench_arguments() -> Option<impl Iterator<Item = String>> {
    let lists = std::env::args().any(|argument| argument == "--list");
    (!lists).then(|| std::env::args().skip(1).filter(|argument| !argument.starts_with("--")))
}
