//! Whatever a property reads changes the fingerprint. A field that a hand-written `Hash` leaves out is a state that is never
//! looked at (stateright's own Raft example has one). Here no field is listed by hand: every number, flag and list in the
//! serialised form of every server that two boxes reach is changed, one at a time, and the fingerprint must change with it.

use seaworthy_model::bounds::Bounds;
use seaworthy_model::interned::{Arena, Interned};
use seaworthy_model::server::Server;
use seaworthy_model::symmetry::Permutation;
use seaworthy_model::system::Raft;
use seaworthy_protocol::NodeId;
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};

/// Every server of every reachable state.
fn servers(model: &Raft) -> HashSet<Interned<Server>> {
    let mut seen = HashSet::new();
    let mut servers = HashSet::new();
    let mut stack = vec![model.start()];
    while let Some(state) = stack.pop() {
        servers.extend(state.servers());
        let mut actions = Vec::new();
        model.list_actions(&state, &mut actions);
        for action in actions {
            let Some(step) = model.transition(&state, action) else { continue };
            if seen.insert(step.state.digests().into_iter().min()) {
                stack.push(step.state);
            }
        }
    }
    servers
}

/// The value with one leaf changed, for each leaf, with the path of the field it lies in.
fn altered(value: &Value, field: &str) -> Vec<(String, Value)> {
    match value {
        Value::Number(number) => vec![(field.to_owned(), (number.as_u64().unwrap() ^ 1).into())],
        Value::Bool(flag) => vec![(field.to_owned(), (!flag).into())],
        Value::Array(items) => {
            let shorter = items.split_last().map(|(_, rest)| (field.to_owned(), rest.to_vec().into()));
            let altered_item = |position: usize| {
                altered(&items[position], field).into_iter().map(move |(field, item)| {
                    let mut items = items.clone();
                    items[position] = item;
                    (field, items.into())
                })
            };
            shorter.into_iter().chain((0..items.len()).flat_map(altered_item)).collect()
        }
        Value::Object(fields) => {
            let altered_field = |name: &String| {
                let with = |(path, value)| {
                    let mut fields = fields.clone();
                    fields[name] = value;
                    (path, fields.into())
                };
                altered(&fields[name], &format!("{field}.{name}")).into_iter().map(with).collect::<Vec<_>>()
            };
            fields.keys().flat_map(altered_field).collect()
        }
        Value::Null | Value::String(_) => Vec::new(),
    }
}

#[test]
fn a_change_of_any_field_of_a_server_changes_its_fingerprint() {
    let mut fields = BTreeSet::new();
    // Under the names as they are, and with room for all names: an altered one may lie outside the cluster.
    let (arena, names) = (Arena::new(0), Permutation::identity(NodeId::MAX));
    let digest = |server: &Server| arena.intern(server.clone(), &names).digests()[0];
    for bounds in ["smoke", "two"].into_iter().flat_map(|name| Bounds::named(name).unwrap()) {
        let model = Raft::new(bounds);
        for server in servers(&model) {
            let json = serde_json::to_value(server.value()).unwrap();
            for (field, altered) in altered(&json, "") {
                // Not every number names a node.
                let Ok(other) = serde_json::from_value::<Server>(altered) else { continue };
                assert_ne!(digest(&server), digest(&other), "{field} of {}\n{other}", server.value());
                fields.insert(field);
            }
        }
    }
    let expected = [
        "disk.durable.log.entries",
        "disk.queue.ack.term",
        "disk.queue.after_writes.message.RequestVoteReply.vote_granted",
        "disk.queue.writes.Append.entries.term",
        "disk.unconfirmed.last.index",
        "history.granted",
        "history.led",
        "node.commit_index",
        "node.confirmed",
        "node.durable.current_term",
        "node.durable.log.entries.payload.Command",
        "node.durable.voted_for",
        "node.id",
        "node.role.Candidate.votes_granted",
        "node.role.Follower.leader",
        "node.role.Leader.progress.values.match_index",
        "node.role.Leader.progress.values.next_index",
    ];
    let missing: Vec<&str> =
        expected.into_iter().filter(|path| !fields.contains(&format!(".{path}"))).collect();
    assert!(missing.is_empty(), "never altered: {missing:?}");
    assert!(fields.len() >= 46, "{fields:#?}");
}
