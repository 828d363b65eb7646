//! The explorer in a real browser: an election is clicked through, and the picture follows.
//!
//! Skipped, with a message, where there is no Chromium or no driver for it.

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use std::env;
use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Long enough for a busy machine. Nothing waits longer than it must.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that is killed when the test ends, however it ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

impl Running {
    /// Starts a program and waits for the line of its output in which `find` finds something.
    fn start(command: &mut Command, find: impl Fn(&str) -> Option<String>) -> (Self, String) {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let running = Self(child);
        let found = output.lines().map_while(Result::ok).find_map(|line| find(&line));
        (running, found.unwrap_or_else(|| panic!("{command:?} ended without a word of its address")))
    }
}

/// The first of these programs that is installed.
fn installed(names: &[&str]) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let places: Vec<PathBuf> = env::split_paths(&path).collect();
    names.iter().flat_map(|name| places.iter().map(move |place| place.join(name))).find(|file| file.is_file())
}

fn start_explorer() -> (Running, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_seaworthy-model"));
    let (explorer, address) =
        Running::start(command.args(["explore", "smoke", "--address", "127.0.0.1:0"]), |line| {
            Some(line.split("http://").nth(1)?.split(' ').next()?.to_owned())
        });
    let started = Instant::now();
    // It says its address before it listens.
    while TcpStream::connect(&address).is_err() {
        assert!(started.elapsed() < PATIENCE, "{address} does not answer");
        std::thread::yield_now();
    }
    (explorer, address)
}

/// The driver prints the port that the system gave it.
fn start_driver(program: PathBuf) -> (Running, String) {
    Running::start(Command::new(program).arg("--port=0"), |line| {
        let port = line.split("started successfully on port ").nth(1)?;
        Some(format!("http://127.0.0.1:{}", port.trim_end_matches('.')))
    })
}

async fn open_browser(driver: &str, browser: PathBuf) -> Result<Client, Box<dyn Error>> {
    // As root, in a container with little shared memory, Chromium runs with these alone.
    let arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
    let options = serde_json::json!({ "binary": browser, "args": arguments });
    let capabilities = serde_json::Map::from_iter([("goog:chromeOptions".to_owned(), options)]);
    let mut builder = ClientBuilder::new(HttpConnector::new());
    Ok(builder.capabilities(capabilities).connect(driver).await?)
}

/// Waits until the picture says something.
async fn picture_says(client: &Client, words: &str) -> Result<String, Box<dyn Error>> {
    let says = format!("//*[local-name()='svg']//*[local-name()='text'][.='{words}']");
    let wait = client.wait().at_most(PATIENCE);
    wait.for_element(Locator::XPath(&says)).await.map_err(|error| format!("no \"{words}\": {error}"))?;
    Ok(client.find(Locator::Css("section svg")).await?.html(false).await?)
}

/// Takes one of the next actions.
async fn take(client: &Client, action: &str) -> Result<(), Box<dyn Error>> {
    let wait = client.wait().at_most(PATIENCE);
    let link = wait.for_element(Locator::LinkText(action)).await;
    Ok(link.map_err(|error| format!("no \"{action}\": {error}"))?.click().await?)
}

async fn click_through_an_election(client: &Client, address: &str) -> Result<(), Box<dyn Error>> {
    client.goto(&format!("http://{address}/")).await?;
    let mut pictures = Vec::new();
    for (action, words) in [
        ("Init 0", "the first state"),
        ("n1 election timeout", "n1@1 candidate"),
        ("deliver n1@1→n2 RequestVote last=0@0", "n2@1 follower"),
        ("deliver n2@1→n1 vote granted", "n1@1 leader"),
    ] {
        take(client, action).await?;
        let picture = picture_says(client, words).await?;
        if pictures.contains(&picture) {
            return Err(format!("{action}: the picture is as it was").into());
        }
        pictures.push(picture);
    }
    picture_says(client, "the state after 3 steps").await?;
    picture_says(client, "✓ all 19 properties hold in this state").await?;
    Ok(())
}

#[test]
fn an_election_can_be_clicked_through_and_the_picture_follows() {
    let browser = installed(&["chromium", "chromium-browser", "google-chrome"]);
    let (Some(browser), Some(driver)) = (browser, installed(&["chromedriver"])) else {
        // Past the capture of output, so that a run without a browser cannot be taken for one with it.
        let message =
            "skipped: the explorer's test needs chromium and chromedriver, and does not find them\n";
        return std::io::stderr().write_all(message.as_bytes()).unwrap();
    };
    let (_explorer, address) = start_explorer();
    let (_driver, driver) = start_driver(driver);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(async {
        let client = open_browser(&driver, browser).await?;
        let outcome = click_through_an_election(&client, &address).await;
        // Closes the browser, also after a failure.
        client.close().await?;
        outcome
    });
    outcome.unwrap();
}
