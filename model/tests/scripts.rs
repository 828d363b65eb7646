//! The kept scripts: each is possible in the box that its header names, step by step, and breaks nothing in the protocol as it is.
//! Where a header of `model/mutants/` names one, `seaworthy-model mutants` plays it on the mutant, where it must break something.

use seaworthy_model::bounds::Bounds;
use seaworthy_model::museum::Museum;
use seaworthy_model::system::Raft;
use seaworthy_model::trace;
use seaworthy_protocol::Term;
use std::fs;
use std::path::{Path, PathBuf};

fn scripts() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts");
    let mut files: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// `# box: three-terms/one --terms 4`, as it is given on the command line.
fn the_box(text: &str) -> Bounds {
    let request = text.lines().find_map(|line| line.strip_prefix("# box: ")).expect("a line \"# box: BOX\"");
    let words: Vec<&str> = request.split_whitespace().collect();
    let [name, flags @ ..] = &words[..] else { panic!("no box") };
    let [bounds] = Bounds::named(name).unwrap()[..] else { panic!("{name} is two boxes") };
    let value = |flag: &str| {
        let position = flags.iter().position(|word| *word == flag)?;
        flags.get(position + 1)?.parse::<u8>().ok()
    };
    Bounds {
        max_term: value("--terms").map_or(bounds.max_term, |terms| Term(terms.into())),
        reads: value("--reads").unwrap_or(bounds.reads),
        window: value("--window").map(|entries| (entries.into(), entries.into())).or(bounds.window),
        check_quorum: bounds.check_quorum || flags.contains(&"--check-quorum"),
        ..bounds
    }
}

#[test]
fn every_script_is_possible_and_breaks_nothing() {
    assert!(scripts().len() >= 7);
    for file in scripts() {
        let text = fs::read_to_string(&file).unwrap();
        let model = Raft::new(the_box(&text));
        let script =
            trace::parse(&model, &text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for state in trace::replay(&model, &script.0).unwrap() {
            assert_eq!(trace::broken(&model, &state), [""; 0], "{}\n{state:?}", file.display());
        }
    }
}

#[test]
fn every_script_that_a_mutant_is_to_be_played_exists() {
    let museum = Museum::open(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mutants = museum.choose(&[]).unwrap();
    let played: Vec<&str> = mutants.iter().flat_map(|mutant| mutant.scripts()).collect();
    assert!(!played.is_empty());
    for script in played {
        assert!(scripts().iter().any(|file| file.ends_with(script)), "{script}");
    }
}
