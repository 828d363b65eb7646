//! What the command line can be asked, and the answers.

use clap::{Args, Parser, Subcommand, ValueEnum};
use seaworthy_model::bounds::{Bounds, DiskKind};
use seaworthy_model::check::{self, Engine, Options, Until};
use seaworthy_model::liveness::Table;
use seaworthy_model::mutants::BuiltIn;
use seaworthy_model::picture::Caption;
use seaworthy_model::report::Report;
use seaworthy_model::system::Raft;
use seaworthy_model::trace::{self, Script};
use seaworthy_model::{features, museum, saved, witnesses};
use seaworthy_protocol::Term;
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::net::{TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};

/// Exhausts seaworthy's shipped Raft within stated bounds.
#[derive(Parser)]
#[command(version, about, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Exhaust boxes: every reachable state, every property.
    Check(Check),
    /// List the boxes with their bounds.
    Boxes(Boxes),
    /// Show a witness, or replay a script, step by step.
    Trace(Trace),
    /// Serve stateright's explorer on a box, in the browser.
    Explore(Explore),
    /// Try every set of working links: where does a leader emerge and go on committing?
    Liveness(Liveness),
    /// Break the protocol on purpose, bug by bug, and see that the checker notices.
    Mutants(Mutants),
}

#[derive(Args)]
struct Check {
    /// The boxes, as `three` or `three/one`. See `boxes`.
    #[arg(value_name = "BOX")]
    names: Vec<String>,
    /// Every box but the large ones, which are checked by name.
    #[arg(long, conflicts_with = "names")]
    all: bool,
    #[command(flatten)]
    bounds: Alterations,
    /// How to search.
    #[arg(long, value_enum, default_value_t = EngineName::Bfs)]
    engine: EngineName,
    /// How many threads; as many as there are cores if not given.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Search on after a violation, for every property that falls.
    #[arg(long)]
    keep_going: bool,
    /// Search until this property has fallen, whatever else falls before.
    #[arg(long, value_name = "PROPERTY", conflicts_with = "keep_going")]
    until: Option<String>,
    /// Give up after so many states, repetitions included.
    #[arg(long, value_name = "STATES")]
    at_most: Option<usize>,
    /// Print one JSON object for each box.
    #[arg(long)]
    json: bool,
    /// Write each counterexample into this directory, as `BOX-PROPERTY.script`, `.json` and `.svg`.
    #[arg(long, value_name = "DIRECTORY")]
    save: Option<PathBuf>,
}

/// Bounds other than the box's own.
#[derive(Args)]
struct Alterations {
    /// The last term that an election may begin.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=8))]
    terms: Option<u64>,
    /// How many proposals clients make.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=8))]
    proposals: Option<u8>,
    /// How many crashes there are.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=4))]
    crashes: Option<u8>,
    /// Nodes ask before they begin a term.
    #[arg(long)]
    pre_vote: bool,
    /// Leaders step down that hear no majority.
    #[arg(long)]
    check_quorum: bool,
    /// Any disk may refuse writes at any moment.
    #[arg(long)]
    writes_fail: bool,
    /// How many snapshots nodes make.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=4))]
    compactions: Option<u8>,
    /// How many snapshots arrive damaged.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=4))]
    damages: Option<u8>,
    /// How many reads clients ask for.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=4))]
    reads: Option<u8>,
    /// How often a leader is to hand the leadership over.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=4))]
    transfers: Option<u8>,
    /// How many entries may be on their way to a follower, and as many bytes, of one for each entry.
    #[arg(long, value_name = "ENTRIES", value_parser = clap::value_parser!(u8).range(1..=8))]
    window: Option<u8>,
    /// Clients are told what becomes of their proposals.
    #[arg(long)]
    outcomes: bool,
    /// Take states that differ only in the nodes' names for different.
    #[arg(long)]
    no_symmetry: bool,
    /// Judge in every state that the calm schedule commits something new within this many rounds.
    #[arg(long, value_name = "ROUNDS", value_parser = clap::value_parser!(u8).range(1..=100))]
    calm: Option<u8>,
    /// Run a mutant that is built into the model. See `mutants --list`.
    #[arg(long, value_name = "MUTANT")]
    mutant: Option<String>,
}

#[derive(Clone, Copy, ValueEnum)]
enum EngineName {
    Bfs,
    Dfs,
}

#[derive(Args)]
struct Boxes {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Trace {
    /// The witness. Without one, all are listed.
    witness: Option<String>,
    /// Replay this script instead: one action a line, as counterexamples are printed.
    #[arg(long, value_name = "FILE", conflicts_with = "witness", requires = "in_box")]
    script: Option<PathBuf>,
    /// Walk at random instead: a seed.
    #[arg(long, value_name = "SEED", conflicts_with_all = ["witness", "script"], requires = "in_box")]
    walk: Option<u64>,
    /// How many steps the walk has, at most.
    #[arg(long, value_name = "COUNT", default_value_t = 60, requires = "walk")]
    steps: usize,
    /// The box of the script or the walk, as `three/all`.
    #[arg(long = "box", value_name = "BOX")]
    in_box: Option<String>,
    #[command(flatten)]
    bounds: Alterations,
    /// Print the state after each action too.
    #[arg(long)]
    states: bool,
    /// Print JSON: each action with the state it leads to.
    #[arg(long)]
    json: bool,
    /// Draw a picture of it too, as SVG.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
}

#[derive(Args)]
struct Explore {
    /// The box, as `three` or `three/one`.
    #[arg(value_name = "BOX")]
    name: String,
    #[command(flatten)]
    bounds: Alterations,
    /// Where to listen.
    #[arg(long, default_value = "localhost:3000")]
    address: String,
}

#[derive(Args)]
struct Liveness {
    /// How many nodes; 3, 4 and 5 if not given.
    #[arg(value_parser = clap::value_parser!(u8).range(1..=5))]
    nodes: Vec<u8>,
}

#[derive(Args)]
struct Mutants {
    /// The mutants; all if none is named. `refresh` re-cuts the patches after the code has moved.
    #[arg(value_name = "MUTANT")]
    names: Vec<String>,
    /// Only list them.
    #[arg(long)]
    list: bool,
    /// Search those of the protocol with the features of a cluster off and on instead: the table of docs/mutants.md.
    #[arg(long, conflicts_with_all = ["list", "json", "save"])]
    features: bool,
    /// Write how each one breaks its property into this directory, as a scenario. See docs/scenarios.md.
    #[arg(long, value_name = "DIRECTORY", conflicts_with_all = ["list", "json"])]
    save: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Where answers go.
type Out<'a> = &'a mut dyn Write;

/// Does what was asked; false if a property is broken or a mutant survives.
pub(crate) fn run(arguments: Arguments, out: Out<'_>) -> Result<bool, Box<dyn Error>> {
    match arguments.command {
        Command::Check(check) => run_check(&check, out),
        Command::Boxes(boxes) => run_boxes(&boxes, out),
        Command::Trace(trace) => run_trace(&trace, out),
        Command::Explore(explore) => run_explore(&explore, out),
        Command::Liveness(liveness) => run_liveness(&liveness, out),
        Command::Mutants(mutants) => run_mutants(&mutants, out),
    }
}

impl Alterations {
    fn model_of(&self, bounds: Bounds) -> Result<Raft, Box<dyn Error>> {
        let bounds = Bounds {
            max_term: self.terms.map_or(bounds.max_term, Term),
            proposals: self.proposals.unwrap_or(bounds.proposals),
            crashes: self.crashes.unwrap_or(bounds.crashes),
            symmetry: bounds.symmetry && !self.no_symmetry,
            pre_vote: bounds.pre_vote || self.pre_vote,
            check_quorum: bounds.check_quorum || self.check_quorum,
            writes_fail: bounds.writes_fail || self.writes_fail,
            compactions: self.compactions.unwrap_or(bounds.compactions),
            damages: self.damages.unwrap_or(bounds.damages),
            reads: self.reads.unwrap_or(bounds.reads),
            transfers: self.transfers.unwrap_or(bounds.transfers),
            window: self.window.map_or(bounds.window, |entries| Some((entries.into(), entries.into()))),
            outcomes: bounds.outcomes || self.outcomes,
            calm_rounds: self.calm.map_or(bounds.calm_rounds, usize::from),
            ..bounds
        };
        let mutant = self.mutant.as_deref().map(BuiltIn::named).transpose()?;
        Ok(mutant.map_or_else(|| Raft::new(bounds), |mutant| mutant.applied_to(bounds)))
    }

    /// The same on the command line again.
    fn flags(&self) -> String {
        let flag = |name: &str, value: Option<String>| value.map(|value| format!(" --{name} {value}"));
        let flags = [
            flag("terms", self.terms.map(|terms| terms.to_string())),
            flag("proposals", self.proposals.map(|proposals| proposals.to_string())),
            flag("crashes", self.crashes.map(|crashes| crashes.to_string())),
            flag("calm", self.calm.map(|rounds| rounds.to_string())),
            self.no_symmetry.then(|| " --no-symmetry".to_owned()),
            self.pre_vote.then(|| " --pre-vote".to_owned()),
            self.check_quorum.then(|| " --check-quorum".to_owned()),
            self.writes_fail.then(|| " --writes-fail".to_owned()),
            flag("compactions", self.compactions.map(|compactions| compactions.to_string())),
            flag("damages", self.damages.map(|damages| damages.to_string())),
            flag("reads", self.reads.map(|reads| reads.to_string())),
            flag("transfers", self.transfers.map(|transfers| transfers.to_string())),
            flag("window", self.window.map(|entries| entries.to_string())),
            self.outcomes.then(|| " --outcomes".to_owned()),
            flag("mutant", self.mutant.clone()),
        ];
        flags.into_iter().flatten().collect()
    }
}

fn run_check(request: &Check, out: Out<'_>) -> Result<bool, Box<dyn Error>> {
    let all = Bounds::all();
    let of_ordinary_size = all.iter().filter(|bounds| !bounds.is_large).map(|bounds| bounds.name);
    let names: Vec<&str> = if request.all {
        of_ordinary_size.collect()
    } else {
        request.names.iter().map(String::as_str).collect()
    };
    if names.is_empty() {
        return Err(
            format!("which box? There are {}; or --all", all.map(|bounds| bounds.name).join(", ")).into()
        );
    }
    let boxes = names.into_iter().map(Bounds::named).collect::<Result<Vec<_>, _>>()?.concat();
    let defaults = Options::default();
    let options = Options {
        engine: match request.engine {
            EngineName::Bfs => Engine::Bfs,
            EngineName::Dfs => Engine::Dfs,
        },
        threads: request.threads.map_or(defaults.threads, usize::from),
        until: if request.keep_going { Until::Exhausted } else { Until::Violation },
        at_most: request.at_most,
        progress: !request.json && io::stderr().is_terminal(),
    };
    if let Some(directory) = &request.save {
        saved::prepare(directory)?;
    }
    let mut all_proved = true;
    for bounds in boxes {
        let property = request
            .until
            .as_deref()
            .map(|name| seaworthy_model::properties::named(&bounds, name))
            .transpose()?;
        let options = Options { until: property.map_or(options.until, Until::Falls), ..options };
        let report = check::run(request.bounds.model_of(bounds)?, options);
        all_proved &= report.is_proof();
        let again = format!("{}{}", bounds.full_name(), request.bounds.flags());
        if request.json {
            writeln!(out, "{}", serde_json::to_string(&report)?)?;
        } else {
            print_report(&report, &again, out)?;
        }
        if let Some(directory) = &request.save {
            let model = request.bounds.model_of(bounds)?;
            for script in saved::counterexamples(directory, &model, &report, &again)? {
                eprintln!("saved {}, and with it .json and .svg", script.display());
            }
        }
    }
    Ok(all_proved)
}

fn print_report(report: &Report, request: &str, out: Out<'_>) -> io::Result<()> {
    writeln!(out, "{report}")?;
    for verdict in report.broken() {
        let Some(counterexample) = &verdict.counterexample else { continue };
        writeln!(out, "{} falls in {} steps:", verdict.property, counterexample.script.len())?;
        writeln!(out, "  {}", counterexample.script.join("\n  "))?;
        writeln!(out, "look at it: seaworthy-model explore {request}")?;
        writeln!(out, "      open: http://localhost:3000/#/steps{}\n", counterexample.explorer)?;
    }
    Ok(())
}

fn run_boxes(request: &Boxes, out: Out<'_>) -> Result<bool, Box<dyn Error>> {
    if request.json {
        writeln!(
            out,
            "{}",
            serde_json::to_string_pretty(&Bounds::all().map(|bounds| bounds.summary()).to_vec())?
        )?;
        return Ok(true);
    }
    writeln!(
        out,
        "{:<16} {:>5} {:>5} {:>9} {:>7}  {:<7} purpose",
        "box", "nodes", "terms", "proposals", "crashes", "disk"
    )?;
    for bounds in Bounds::all() {
        let Bounds { name, purpose, nodes, max_term, proposals, crashes, disk, .. } = bounds;
        let disk = match disk {
            DiskKind::Atomic => "atomic",
            DiskKind::Fifo => "fifo",
        };
        writeln!(
            out,
            "{name:<16} {nodes:>5} {:>5} {proposals:>9} {crashes:>7}  {disk:<7} {purpose}",
            max_term.0
        )?;
    }
    writeln!(
        out,
        "each with one entry in a message (BOX/one) and, but for those of one entry a message, with all at once (BOX/all)"
    )?;
    Ok(true)
}

fn run_trace(request: &Trace, out: Out<'_>) -> Result<bool, Box<dyn Error>> {
    let Some(Told { model, title, about, script, again }) = told(request)? else {
        if request.svg.is_some() {
            return Err("a picture of what? Name a witness, or a script with --script".into());
        }
        for witness in witnesses::all() {
            writeln!(out, "{:<31} {:<6} {}", witness.name, witness.bounds, witness.about)?;
        }
        return Ok(true);
    };
    if let Some(file) = &request.svg {
        saved::write(file, &saved::svg(&model, Caption { title: &title, about: &about }, &script)?)?;
    }
    if request.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&trace::to_json(&model, &title, &script)?)?)?;
    } else {
        print_script(&model, &title, &script, request.states, out)?;
        if let Some(path) = trace::explorer_path(&model, &script) {
            writeln!(out, "# look at it: seaworthy-model explore {again}")?;
            writeln!(out, "#       open: http://localhost:3000/#/steps{path}")?;
        }
    }
    Ok(true)
}

/// A path with what there is to say about it.
struct Told {
    model: Raft,
    title: String,
    about: String,
    script: Script,
    /// The box on the command line again.
    again: String,
}

/// The script or the witness that was asked for.
fn told(request: &Trace) -> Result<Option<Told>, Box<dyn Error>> {
    if let Some(file) = &request.script {
        let bad = |error: &dyn Error| format!("{}: {error}", file.display());
        let text = std::fs::read_to_string(file).map_err(|error| bad(&error))?;
        let bounds = one_box(request.in_box.as_deref().unwrap_or_default())?;
        let model = request.bounds.model_of(bounds)?;
        let again = format!("{}{}", bounds.full_name(), request.bounds.flags());
        let script = trace::parse(&model, &text).map_err(|error| bad(&error))?;
        let title = file.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let first_line = text.lines().next().and_then(|line| line.strip_prefix("# "));
        let about = first_line.map_or_else(|| format!("in {}", model.name()), str::to_owned);
        return Ok(Some(Told { model, title, about, script, again }));
    }
    if let Some(seed) = request.walk {
        let bounds = one_box(request.in_box.as_deref().unwrap_or_default())?;
        let model = request.bounds.model_of(bounds)?;
        let script = trace::walk(&model, seed, request.steps);
        let again = format!("{}{}", bounds.full_name(), request.bounds.flags());
        let (title, about) = (format!("walk {seed}"), format!("in {}", model.name()));
        return Ok(Some(Told { model, title, about, script, again }));
    }
    let Some(name) = &request.witness else { return Ok(None) };
    let witness = witnesses::named(name).ok_or_else(|| unknown_witness(name))?;
    let bounds = one_box(witness.bounds)?;
    // On one thread: of several, whichever comes first finds its own path, and a picture that is kept would flake.
    let script = witnesses::find(Raft::new(bounds), witness, 1)
        .ok_or_else(|| format!("{name} does not occur in {}", bounds.full_name()))?;
    let model = Raft::new(bounds);
    let script = trace::parse(&model, &script)?;
    let (title, about) = (witness.name.to_owned(), witness.about.to_owned());
    Ok(Some(Told { model, title, about, script, again: bounds.full_name() }))
}

fn unknown_witness(name: &str) -> String {
    let choices: Vec<&str> = witnesses::all().iter().map(|witness| witness.name).collect();
    format!("no witness is called \"{name}\"; there are {}", choices.join(", "))
}

fn print_script(
    model: &Raft,
    shows: &str,
    script: &Script,
    with_states: bool,
    out: Out<'_>,
) -> io::Result<()> {
    writeln!(out, "# {shows}, in {} steps of {}", script.0.len(), model.name())?;
    let states = trace::replay(model, &script.0).unwrap_or_default();
    for (action, state) in script.0.iter().zip(states.iter().skip(1)) {
        writeln!(out, "{action}")?;
        if with_states {
            writeln!(out, "#   {}", format!("{state:?}").replace('\n', "\n#   "))?;
        }
        for property in trace::broken(model, state) {
            writeln!(out, "# {property} is broken")?;
        }
    }
    Ok(())
}

/// The box of that name, with all entries at once if it does not say.
fn one_box(name: &str) -> Result<Bounds, Box<dyn Error>> {
    Bounds::named(name)?.pop().ok_or_else(|| format!("no box is called \"{name}\"").into())
}

fn run_explore(request: &Explore, out: Out<'_>) -> Result<bool, Box<dyn Error>> {
    use stateright::Model;
    let model = request.bounds.model_of(one_box(&request.name)?)?;
    let address = &request.address;
    let bad = |error| format!("cannot listen on {address}: {error}; choose another with --address HOST:PORT");
    let address = address.to_socket_addrs().map_err(bad)?.next().ok_or("the address names no host")?;
    // Bound first, so that a port in use is a clear error and not a panic in the server.
    let listener = TcpListener::bind(address).map_err(bad)?;
    let address = listener.local_addr()?;
    drop(listener);
    writeln!(out, "exploring {}: open http://{address} in a browser, stop with Ctrl-C", model.name())?;
    model.checker().threads(Options::default().threads).serve(address);
    Ok(true)
}

fn run_liveness(request: &Liveness, out: Out<'_>) -> Result<bool, Box<dyn Error>> {
    let sizes = if request.nodes.is_empty() { &[3, 4, 5][..] } else { &request.nodes };
    for nodes in sizes {
        write!(out, "{}", Table::of(*nodes))?;
    }
    Ok(true)
}

fn run_mutants(request: &Mutants, out: Out<'_>) -> Result<bool, Box<dyn Error>> {
    let museum = museum::Museum::open(&std::env::current_dir()?)?;
    if request.names == ["refresh"] {
        return Ok(museum.refresh()?);
    }
    let exhibits = museum.choose(&request.names)?;
    if request.list {
        for exhibit in exhibits {
            writeln!(out, "{:<40} {}", exhibit.name, exhibit.bug)?;
        }
        return Ok(true);
    }
    if let Some(directory) = &request.save {
        return save_mutants(&museum, &exhibits, directory, out);
    }
    if request.features {
        features::write_table(&museum, &exhibits, out)?;
        return Ok(true);
    }
    let matrix = museum.show(&exhibits, |line| eprintln!("{line}"));
    if request.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&matrix)?)?;
    } else {
        write!(out, "{matrix}")?;
    }
    Ok(matrix.is_as_expected())
}

fn save_mutants(
    museum: &museum::Museum,
    exhibits: &[museum::Exhibit],
    directory: &Path,
    out: Out<'_>,
) -> Result<bool, Box<dyn Error>> {
    for exhibit in exhibits {
        match museum.keep(exhibit)? {
            Some(kept) => writeln!(out, "{}", kept.save_in(directory)?.display())?,
            None => writeln!(out, "{} has nothing to show: it must survive", exhibit.name)?,
        }
    }
    Ok(true)
}
