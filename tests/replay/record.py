#!/usr/bin/env python3
"""Sends the request tables to a running MLflow server and writes down what it answers.

    python3 tests/replay/record.py --url http://127.0.0.1:5001 --cwd DIR probes
    python3 tests/replay/record.py --url http://127.0.0.1:5001 --cwd DIR goldens
    python3 tests/replay/record.py --url http://127.0.0.1:5001 --cwd DIR registry

Each of the scripts needs a server of its own that has just been started on an empty database
(see README.md). `--cwd` is the working directory of that server; where an answer shows it, the
file has `{cwd}` instead, and `{host}` for the host and port of the URL. `--check FILE` compares
the answers with an older recording, a JSON list of [label, method, path, status, content type,
start of body], and prints what differs.

Only the standard library is used, and `http.client` below it, so that a path is sent exactly as
it is written in the table.
"""

import argparse
import http.client
import json
import pathlib
import re
import sys
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from tables import extra, golden, recorded, registry  # noqa: E402  (the path is set just above)

KEPT_HEADERS = ["Content-Disposition", "X-Content-Type-Options", "Content-Range", "Allow"]
PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


def fill(text, captured, escape):
    """Puts captured values in the place of their placeholders; unknown names stay."""

    def value(match):
        name = match.group(1)
        if name not in captured:
            return match.group(0)
        found = str(captured[name])
        return urllib.parse.quote(found, safe="") if escape else found

    return PLACEHOLDER.sub(value, text)


def follow(document, path):
    """Finds the value at a dotted path such as `runs.0.info.run_id`; None when there is none."""
    for part in path.split("."):
        if isinstance(document, list):
            document = document[int(part)] if int(part) < len(document) else None
        elif isinstance(document, dict):
            document = document.get(part)
        else:
            return None
    return document


def send(url, entry, captured):
    """Sends one entry and returns (status, headers, body)."""
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
    body = entry["body"]
    if isinstance(body, str):
        body = fill(body, captured, escape=False).encode()
    path = fill(entry["path"], captured, escape=True)
    headers = {k: fill(v, captured, escape=False) for k, v in entry["headers"].items()}
    try:
        connection.request(entry["method"], path, body=body, headers=headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def answer_of(entry, status, headers, body):
    """Makes the part of a line that says what was answered.

    A body that is JSON is kept as `json`, other text as `text`, other bytes as `hex`.
    """
    answer = {"status": status, "content_type": headers.get("Content-Type")}
    kept = {k.lower(): headers[k] for k in KEPT_HEADERS if k in headers}
    if kept and entry["group"] == "artifacts":
        answer["headers"] = kept
    if entry.get("compare") == "status":
        return answer
    try:
        text = body.decode()
        answer["text"] = text
        answer["json"] = json.loads(text, parse_constant=refuse)
        del answer["text"]
    except UnicodeDecodeError:
        answer["hex"] = body.hex()
    except ValueError:
        pass
    return answer


def refuse(token):
    """Refuses the bare NaN and Infinity that Python's reader would take."""
    raise ValueError(token)


def line_of(entry, answer):
    """Makes the JSON object of one exchange."""
    line = {k: entry[k] for k in ("label", "group", "method", "path", "headers")}
    body = entry["body"]
    if isinstance(body, bytes):
        try:
            line["body"] = body.decode()
        except UnicodeDecodeError:
            line["body_hex"] = body.hex()
    elif body is not None:
        line["body"] = body
    for name in ("capture", "setup", "compare"):
        if name in entry:
            line[name] = entry[name]
    line["answer"] = answer
    return line


def run(url, table):
    """Sends a whole table; gives pairs of entry and (status, headers, body)."""
    captured = {}
    for entry in table:
        status, headers, body = send(url, entry, captured)
        for name, path in entry.get("capture", {}).items():
            try:
                captured[name] = follow(json.loads(body), path)
            except ValueError:
                captured[name] = None
            if captured[name] is None:
                sys.exit(f"{entry['label']}: nothing to capture at {path}: {body[:300]}")
        yield entry, (status, headers, body)


VOLATILE = [
    (re.compile(r"\b(m-)?[0-9a-f]{32}\b"), "ID"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"\b1[78]\d{11}\b"), "TIME"),
    (re.compile(r'"[a-z]+-[a-z]+-\d+"'), "NAME"),
    (re.compile(r"\{('[^']*'(, )?)+\}"), "SET"),
    (re.compile(r'"/[^"]*/rel"'), "RELATIVE"),
]


def settled(text):
    """Blots out what differs from one recording to the next."""
    for pattern, word in VOLATILE:
        text = pattern.sub(word, text)
    return text


def difference(old, status, headers, body):
    """Says how an answer differs from the line of an older recording; None when it does not."""
    text = body.decode(errors="replace")
    old_text = settled(old[5])
    if (old[3], old[4]) != (status, headers.get("Content-Type")):
        return f"{old[3]} {old[4]} {old[5]!r} -> {status} {headers.get('Content-Type')} {text!r}"
    # An older line may be cut in the middle of a value that is blotted out, so its end is left.
    start = old_text if len(old[5]) < 400 else old_text[:-45]
    if not settled(text).startswith(start):
        return f"{old_text!r} -> {settled(text)[:450]!r}"
    return None


def main():
    """Runs one script and writes its file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--url", required=True)
    parser.add_argument("--cwd", help="the working directory of the server")
    parser.add_argument("--check", help="an older recording to compare with")
    parser.add_argument("--out", help="another file than the one beside this script")
    parser.add_argument("script", choices=["probes", "goldens", "registry"])
    options = parser.parse_args()

    table = {
        "probes": lambda: recorded.table() + extra.table(),
        "goldens": golden.table,
        "registry": registry.table,
    }[options.script]()
    labels = [entry["label"] for entry in table]
    twice = {label for label in labels if labels.count(label) > 1}
    if twice:
        sys.exit(f"labels used twice: {sorted(twice)}")
    old = {line[0]: line for line in json.load(open(options.check))} if options.check else {}

    lines, differing = [], 0
    url = urllib.parse.urlsplit(options.url)
    for entry, (status, headers, body) in run(url, table):
        if entry["label"] in old:
            text = difference(old[entry["label"]], status, headers, body)
            if text:
                differing += 1
                print(f"DIFFERS {entry['label']}: {text}")
        line = json.dumps(line_of(entry, answer_of(entry, status, headers, body)),
                          ensure_ascii=False)  # fmt: skip
        line = line.replace(f"http://{url.netloc}/", "http://{host}/")
        lines.append(line.replace(options.cwd, "{cwd}") if options.cwd else line)
    missing = [label for label in old if label not in labels]
    out = pathlib.Path(options.out or HERE / f"{options.script}.json")
    out.write_text("[\n" + ",\n".join(lines) + "\n]\n")
    print(f"{len(lines)} exchanges, {differing} differ from {len(old)} old ones, missing {missing}")


if __name__ == "__main__":
    main()
