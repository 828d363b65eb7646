//! The gate as the program has it: what opens its files itself is looked at by strace, in a process of its own.

use std::process::Command;

#[test]
fn what_opens_its_files_itself_answers_only_what_is_durable() {
    for subject in [
        ["durable", "seaworthy", "api"],
        ["own-store", "raft-rs", "raft-engine"],
        ["own-store", "raft-rs", "raft-engine+disk-thread"],
    ] {
        let program = env!("CARGO_BIN_EXE_seaworthy-peers");
        let gate = Command::new(program).arg("gate").args(subject).output().expect("it starts");
        let said = String::from_utf8_lossy(&gate.stdout);
        // Where nobody may look, it says so and nothing else.
        let expected = ["\"durable\"\n", "{\"not_tried\":"];
        assert!(expected.iter().any(|it| said.starts_with(it)), "{subject:?}: {said} {gate:?}");
    }
}
