//! Measures libraries in turn, each in a process of its own, so that no allocator and no thread of one disturbs another.

use crate::apart::apart;
use crate::disk::gate::Verdict;
use crate::library::{self, Lane, Variant};
use crate::measure::{Failure, Load, Measured};
use crate::results::{Compared, LaneResults, Repetition, Series, Tested};
use clap::ValueEnum;
use std::time::Duration;

/// How many entries a first, short run has.
const FIRST: u64 = 2_000;
/// The least seconds that tell something.
const TELLING: f64 = 0.1;

/// What is compared in one lane.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) lane: Lane,
    pub(crate) payloads: Vec<usize>,
    pub(crate) in_flight: Vec<u64>,
    pub(crate) repetitions: usize,
    /// How many short runs choose the variant.
    pub(crate) short_runs: usize,
    pub(crate) libraries: Vec<&'static str>,
    /// How long a measurement is to take.
    pub(crate) seconds: f64,
}

impl Plan {
    fn variants(&self) -> impl Iterator<Item = &'static Variant> {
        self.libraries.iter().flat_map(|name| library::variants(self.lane, name))
    }

    fn loads(&self) -> impl Iterator<Item = (usize, u64)> {
        let in_flight = &self.in_flight;
        self.payloads.iter().flat_map(move |payload| in_flight.iter().map(move |it| (*payload, *it)))
    }

    /// How many steps there are: a library under test at the gate, one that is calibrated, one that is measured.
    pub(crate) fn steps(&self) -> usize {
        let gated = self.variants().filter(|variant| variant.gate.is_some()).count();
        gated + self.loads().count() * self.libraries.len() * (1 + self.repetitions)
    }

    /// How long it will take, roughly.
    pub(crate) fn duration(&self) -> Duration {
        // Around a measurement: a process, and the entries before it; space on three disks, and their ceiling.
        let around = match self.lane {
            Lane::Core | Lane::Threads => 0.3,
            Lane::Durable | Lane::OwnStore => 1.4,
        };
        let (loads, variants) = (self.loads().count() as f64, self.variants().count() as f64);
        let short = variants * (self.short_runs + 1) as f64 * (0.2 + around);
        let measured = (self.libraries.len() * self.repetitions) as f64 * (1.2 * self.seconds + around);
        Duration::from_secs_f64(loads * (short + measured))
    }

    /// Measures. `news` hears what is done next, and `load_done` what has come of it so far.
    ///
    /// # Errors
    ///
    /// If a library cannot be calibrated. A measurement that fails is among the results.
    pub(crate) fn carry_out(
        &self,
        news: &mut dyn FnMut(String),
        load_done: &mut dyn FnMut(&LaneResults) -> Result<(), Failure>,
    ) -> Result<LaneResults, Failure> {
        let mut results = LaneResults {
            lane: self.lane,
            repetitions: self.repetitions,
            seconds: self.seconds,
            gate: self.gate(news)?,
            loads: Vec::new(),
        };
        for (payload, in_flight) in self.loads() {
            let compared = self.compare_under(&results.gate, payload, in_flight, news)?;
            results.loads.push(compared);
            load_done(&results)?;
        }
        Ok(results)
    }

    /// Before anybody is timed: who answers only what is durable?
    fn gate(&self, news: &mut dyn FnMut(String)) -> Result<Vec<Tested>, Failure> {
        let mut tested = Vec::new();
        for variant in self.variants().filter(|variant| variant.gate.is_some()) {
            news(format!("{} ({}): is what it answers durable?", variant.library, variant.name));
            let verdict = match ask("gate", variant, &[]) {
                Ok(said) => serde_json::from_slice(&said)?,
                Err(failure) => Verdict::NotDurable(failure.to_string()),
            };
            let (library, variant) = (variant.library.to_owned(), variant.name.to_owned());
            tested.push(Tested { library, variant, verdict });
        }
        Ok(tested)
    }

    fn compare_under(
        &self,
        gate: &[Tested],
        payload: usize,
        in_flight: u64,
        news: &mut dyn FnMut(String),
    ) -> Result<Compared, Failure> {
        let (mut series, mut failures) = (Vec::new(), Vec::new());
        for library in &self.libraries {
            news(format!(
                "{} {library}: which variant, {payload} bytes, {in_flight} in flight",
                self.lane.name()
            ));
            let mut failed = Vec::new();
            if let Some((variant, entries)) =
                self.calibrate(library, gate, (payload, in_flight), &mut failed)?
            {
                series.push((variant, Load { payload, in_flight, entries }, Vec::new()));
            }
            failures.extend(failed.into_iter().map(|reason| (*library, reason)));
        }
        for _ in 0..self.repetitions {
            for (variant, load, measured) in &mut series {
                let (library, lane) = (variant.library, self.lane.name());
                news(format!("{lane} {library}, {payload} bytes, {in_flight} in flight"));
                measured.push(match measure_apart(variant, load) {
                    Ok(figures) => Repetition::Measured(figures),
                    Err(failure) => Repetition::Failed(failure.to_string()),
                });
            }
        }
        let mut libraries: Vec<Series> = series
            .into_iter()
            .map(|(variant, Load { entries, .. }, repetitions)| Series {
                library: variant.library.to_owned(),
                variant: variant.name.to_owned(),
                entries,
                repetitions,
            })
            .collect();
        for (library, reason) in failures {
            let failed = Repetition::Failed(reason);
            match libraries.iter_mut().find(|series| series.library == library) {
                // Behind the others, which stand beside those of other libraries.
                Some(series) => series.repetitions.push(failed),
                None => libraries.push(Series {
                    library: library.to_owned(),
                    variant: "none".to_owned(),
                    entries: 0,
                    repetitions: vec![failed],
                }),
            }
        }
        Ok(Compared { payload, in_flight, libraries })
    }

    /// Which variant of a library is the fastest, and how many entries it takes in the time that a measurement is to have. Nothing if the
    /// gate lets none of them pass, or all fail; each that does is told of, and is none of the fastest.
    fn calibrate(
        &self,
        library: &str,
        gate: &[Tested],
        (payload, in_flight): (usize, u64),
        failed: &mut Vec<String>,
    ) -> Result<Option<(&'static Variant, u64)>, Failure> {
        let is_refused = |variant: &&Variant| {
            let is_it = |it: &&Tested| it.library == variant.library && it.variant == variant.name;
            matches!(gate.iter().find(is_it).map(|it| &it.verdict), Some(Verdict::NotDurable(_)))
        };
        let mut best: Option<(&'static Variant, f64)> = None;
        for variant in library::variants(self.lane, library).filter(|variant| !is_refused(variant)) {
            match self.short_runs(variant, payload, in_flight) {
                Ok(rate) if best.is_none_or(|(_, fastest)| rate > fastest) => best = Some((variant, rate)),
                Ok(_) => {}
                Err(failure) => failed.push(failure.to_string()),
            }
        }
        let Some((variant, rate)) = best else { return Ok(None) };
        // Two digits are enough, and look less like an accident. The number is far from what a float cannot hold.
        let entries = rate * self.seconds;
        let unit = 10_f64.powf(entries.log10().floor() - 1.0).max(1.0);
        let rounded: u64 = format!("{:.0}", (entries / unit).round() * unit).parse()?;
        Ok(Some((variant, rounded.max(1))))
    }

    /// Entries in a second, roughly: the best of a few short runs.
    fn short_runs(&self, variant: &Variant, payload: usize, in_flight: u64) -> Result<f64, Failure> {
        let mut entries = match self.lane {
            Lane::Core | Lane::Threads => FIRST.max(4 * in_flight),
            // One that waits for the disk with each has few in a second.
            Lane::Durable | Lane::OwnStore if in_flight == 1 => FIRST / 4,
            Lane::Durable | Lane::OwnStore => (8 * FIRST).max(4 * in_flight),
        };
        let run = |entries| {
            let load = Load { payload, in_flight, entries };
            Ok::<_, Failure>(measure_apart(variant, &load)?.entries_per_second())
        };
        let mut best = run(entries)?;
        while entries as f64 / best < TELLING {
            // A longer run is a faster one: so more than this rate promises, and no fewer than twice as many.
            let promised: u64 = format!("{:.0}", 1.5 * TELLING * best).parse()?;
            entries = promised.max(2 * entries);
            best = run(entries)?;
        }
        for _ in 1..self.short_runs {
            best = best.max(run(entries)?);
        }
        Ok(best)
    }
}

/// The libraries of a lane that are wanted; all of them, if `all` is among the names.
///
/// # Errors
///
/// If there is no such library.
pub(crate) fn chosen(lane: Lane, wanted: &[String]) -> Result<Vec<&'static str>, Failure> {
    let of_lane = library::of(lane);
    if let Some(unknown) = wanted.iter().find(|it| *it != "all" && !of_lane.contains(&it.as_str())) {
        return Err(format!("no library {unknown} in this lane; there are {}", of_lane.join(", ")).into());
    }
    let is_wanted = |library: &&str| wanted.iter().any(|it| it == "all" || it == library);
    Ok(of_lane.into_iter().filter(is_wanted).collect())
}

/// Measures in a process of its own.
fn measure_apart(variant: &Variant, load: &Load) -> Result<Measured, Failure> {
    let Load { payload, in_flight, entries } = load;
    let numbers = [payload.to_string(), in_flight.to_string(), entries.to_string()];
    Ok(serde_json::from_slice(&ask("run", variant, &numbers)?)?)
}

fn ask(subcommand: &str, variant: &Variant, more: &[String]) -> Result<Vec<u8>, Failure> {
    let Variant { lane, library, name, .. } = variant;
    let lane = lane.name();
    let arguments = [subcommand, &lane, library, name].into_iter().chain(more.iter().map(String::as_str));
    apart(&format!("{library} ({name})"), arguments)
}

impl Lane {
    /// As the command line has it.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}
