"""The audit log, checked by an implementation of RFC 9162 that shares nothing with the server's."""

import base64
import hashlib
import json
import sqlite3
import subprocess

import compat_server
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from support import Rest, unique

pytestmark = [
    pytest.mark.trackway_only("it has no audit log"),
    pytest.mark.time_limit(300),
]


def leaf_hash(data):
    """RFC 9162, 2.1.1: the hash of a leaf."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left, right):
    """RFC 9162, 2.1.1: the hash of a node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves):
    """RFC 9162, 2.1.1: the root, by its recursive definition."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(root_of(leaves[:split]), root_of(leaves[split:]))


def includes(leaf, index, size, proof, root):
    """RFC 9162, 2.1.3.2: whether an inclusion proof holds."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def continues(first, first_root, second, second_root, proof):
    """RFC 9162, 2.1.4.2: whether a consistency proof holds."""
    if first == second:
        return not proof and first_root == second_root
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, first_root)
    if not path:
        return False
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            while not fn & 1 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_root and sr == second_root


def opened(checkpoint, keys):
    """C2SP signed-note with Ed25519: the size and the root, if one of `keys` signed them."""
    text, signatures = checkpoint.split("\n\n", 1)
    text += "\n"
    origin, size, root = text.splitlines()
    for line in signatures.splitlines():
        dash, name, signature = line.split(" ")
        assert (dash, name) == ("\u2014", origin)
        for pem in keys:
            key = load_pem_public_key(pem.encode())
            raw = key.public_bytes_raw()
            signed = base64.b64decode(signature)
            hint = hashlib.sha256(origin.encode() + b"\n\x01" + raw).digest()[:4]
            if signed[:4] != hint:
                continue
            try:
                key.verify(signed[4:], text.encode())
            except InvalidSignature:
                continue
            return int(size), base64.b64decode(root)
    raise AssertionError(f"no key signed {checkpoint!r}")


def head_of(rest):
    """The signed head of now, its signature checked."""
    answer = rest.get("/api/1.0/audit/head").json()
    return opened(answer["checkpoint"], [key["public_key"] for key in answer["keys"]])


def hashes(path):
    return [base64.b64decode(text) for text in path]


@pytest.fixture(scope="module")
def log(start_server):
    """A server of its own with a log of changes and refusals, and the heads on the way."""
    server = start_server()
    client, rest = MlflowClient(server.url), Rest(server.url)
    name, heads = unique("model"), [head_of(rest)]

    def then(change):
        change()
        heads.append(head_of(rest))

    def refused(change):
        with pytest.raises(MlflowException):
            change()

    then(lambda: client.create_registered_model(name, tags={"team": "growth"}))
    for number in range(1, 5):
        then(lambda number=number: client.create_model_version(name, f"s3://bucket/{number}"))
        then(lambda number=number: client.set_registered_model_alias(name, "champion", str(number)))
    then(lambda: client.transition_model_version_stage(name, "2", "Production"))
    then(lambda: refused(lambda: client.set_registered_model_alias(name, "champion", "99")))
    then(lambda: refused(lambda: client.create_registered_model(name)))
    then(lambda: client.delete_registered_model_alias(name, "champion"))
    then(lambda: client.create_experiment(unique("\u00fcnic\u00f6de")))
    then(lambda: client.delete_model_version(name, "1"))
    return server, rest, name, heads


def test_the_exported_lines_lead_to_every_head_that_was_signed(log):
    _, rest, name, heads = log
    lines = rest.get("/api/1.0/audit/export").content.split(b"\n")
    assert lines.pop() == b""
    assert [size for size, _ in heads] == sorted({size for size, _ in heads})
    assert heads[-1][0] == len(lines)
    for size, root in heads:
        assert root_of(lines[:size]) == root, size
    entries = [json.loads(line) for line in lines]
    done = [(e["action"], e["result"]) for e in entries if e["object"].endswith(f":{name}")]
    assert ("registered_model.set_alias", "done") in done
    assert ("registered_model.set_alias", "refused") in done
    assert ("registered_model.create", "refused") in done


def test_every_entry_is_proven_to_be_in_every_later_tree(log):
    _, rest, _, heads = log
    size = heads[-1][0]
    for position in range(size):
        for at_size, root in heads:
            if at_size <= position:
                continue
            path = f"/api/1.0/audit/entries/{position}"
            entry = rest.get(path, tree_size=at_size).json()
            leaf, proof = leaf_hash(entry["leaf"].encode()), hashes(entry["inclusion_path"])
            assert includes(leaf, position, at_size, proof, root), (position, at_size)
            assert not includes(leaf_hash(b"x"), position, at_size, proof, root)


def test_every_tree_is_proven_to_be_the_beginning_of_every_later_one(log):
    _, rest, _, heads = log
    for first, first_root in heads:
        for second, second_root in heads:
            if second < first:
                continue
            answer = rest.get("/api/1.0/audit/consistency", first=first, second=second).json()
            proof = hashes(answer["consistency_path"])
            assert continues(first, first_root, second, second_root, proof), (first, second)
            other = hashlib.sha256(first_root).digest()
            assert not continues(first, other, second, second_root, proof)


def command(server, *words):
    """Runs a command of the binary against a server."""
    if compat_server.BINARY is None:
        pytest.skip("the commands are those of TRACKWAY_BIN")
    words = [compat_server.BINARY, *words, "--url", server.url]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


def database_of(server):
    """The SQLite file of a server that we started."""
    if compat_server.DATABASE:
        pytest.skip("the tool that tampers is one for SQLite")
    return server.data_dir / "data" / "trackway.db"


@pytest.mark.parametrize("tampering", [
    pytest.param("set entry = replace(entry, '\"after\":\"2\"', '\"after\":\"3\"')", id="a byte of it"),
    pytest.param("set entry = cast(x'ff' || substr(entry, 2) as text)", id="a byte to no text"),
    pytest.param("set actor = 'evonymous'", id="who"),
    pytest.param("set at = at + 1", id="when"),
    pytest.param("set leaf_hash = zeroblob(32)", id="its hash"),
    pytest.param("set position = position + 1000", id="its place"),
])
def test_a_byte_changed_with_a_database_tool_is_named(start_server, tampering):
    server = start_server()
    client, name = MlflowClient(server.url), unique("model")
    client.create_registered_model(name)
    for number in (1, 2):
        client.create_model_version(name, f"s3://bucket/{number}")
        client.set_registered_model_alias(name, "champion", str(number))
    told = command(server, "audit", "verify")
    assert told.returncode == 0, told
    found = Rest(server.url).get("/api/1.0/audit/entries", action="registered_model.set_alias")
    position = found.json()["entries"][0]["position"]
    with sqlite3.connect(database_of(server)) as database:
        assert database.execute(
            f"update audit_entries {tampering} where position = ?", (position,)
        ).rowcount == 1
    database.close()
    told = command(server, "audit", "verify")
    assert told.returncode == 1, told
    assert f"entry {position}: " in told.stdout, told
