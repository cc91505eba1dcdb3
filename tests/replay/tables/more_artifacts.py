"""Artifacts through the proxy, the run and model routes, and the server's own routes."""

from tables.entry import ARTIFACTS, delete, get, patch, post, probe

UPLOAD = "/ajax-api/2.0/mlflow/upload-artifact"
AJAX = "/ajax-api/2.0/mlflow-artifacts/artifacts"
OUTSIDE = [
    "../x", "a/../../x", "/etc/passwd", "..%2Fx", "%2e%2e/x", "%252e%252e%252fx", "a%00b",
    "..%5Cx", "%5Cetc", "%2Fetc%2Fpasswd", "a%23b", "./x", "a/./b", "~/x", "C:%5Cx", "file:///x",
]  # fmt: skip


def put(label, path, body, kind=None, **more):
    """Makes a PUT of raw bytes to the proxy."""
    headers = {"Content-Type": kind} if kind else None
    return probe(f"artifact: {label}", "PUT", f"{ARTIFACTS}/{path}", body, headers=headers, **more)


def proxy():
    """Put, get, range, list and delete through the proxy."""

    def ranged(text):
        # Several ranges come with a random boundary, so that only the status is kept.
        more = {"compare": "status"} if "," in text else {}
        return get(
            f"artifact: range {text}", f"{ARTIFACTS}/p/ten.txt", headers={"Range": text}, **more
        )

    kinds = ["x.html", "x.json", "x.png", "x.csv", "x.yaml", "MLmodel", "x.pkl", "x.svg", "x.md",
             "x.py", "x.tar.gz"]  # fmt: skip
    ranges = ["bytes=0-0", "bytes=5-", "bytes=-3", "bytes=9-20", "bytes=10-", "bytes=5-2",
              "bytes=0-1,4-5", "lines=1-2", "bytes=x"]  # fmt: skip
    return [
        put("put", "p/ten.txt", b"0123456789", "text/plain"),
        put("put without type", "p/no-type.bin", b"\x00\xff\xfe"),
        put("put json type", "p/broken.json", b'{"a": ', "application/json"),
        put("put empty", "p/empty.txt", b""),
        put("put over", "p/ten.txt", b"abcdefghij"),
        put("put unicode", "p/%C3%BC%20%D1%84.txt", b"u"),
        put("put deep", "p/a/b/c/d.txt", b"deep"),
        put("put on a directory", "p/a", b"x"),
        put("put below a file", "p/ten.txt/x", b"x"),
        put("put nothing", "", b"x"),
        put("put trailing slash", "p/slash/", b"x"),
        put("put double slash", "p//double.txt", b"x"),
        put("put plus and percent", "p/a+b%25c.txt", b"x"),
        *[put(f"put {name}", f"k/{name}", b"k") for name in kinds],
        *[get(f"artifact: type of {name}", f"{ARTIFACTS}/k/{name}") for name in kinds],
        get("artifact: get", f"{ARTIFACTS}/p/ten.txt"),
        get("artifact: get bytes", f"{ARTIFACTS}/p/no-type.bin"),
        get("artifact: get empty", f"{ARTIFACTS}/p/empty.txt"),
        get("artifact: get unicode", f"{ARTIFACTS}/p/%C3%BC%20%D1%84.txt"),
        get("artifact: get percent", f"{ARTIFACTS}/p/a+b%25c.txt"),
        get("artifact: get ajax", f"{AJAX}/p/ten.txt"),
        get("artifact: get nothing", f"{ARTIFACTS}/"),
        probe("artifact: head", "HEAD", f"{ARTIFACTS}/p/ten.txt"),
        probe("artifact: head missing", "HEAD", f"{ARTIFACTS}/p/zz"),
        *[ranged(text) for text in ranges],
        get("artifact: list", f"{ARTIFACTS}?path=p"),
        get("artifact: list slash", f"{ARTIFACTS}?path=p/"),
        get("artifact: list deep", f"{ARTIFACTS}?path=p/a/b"),
        get("artifact: list empty path", f"{ARTIFACTS}?path="),
        get("artifact: list ajax", f"{AJAX}?path=p/a"),
        delete("artifact: delete file", f"{ARTIFACTS}/p/empty.txt"),
        delete("artifact: delete directory", f"{ARTIFACTS}/p/a"),
        get("artifact: list after", f"{ARTIFACTS}?path=p"),
        *[get(f"artifact: get outside {p}", f"{ARTIFACTS}/{p}") for p in OUTSIDE],
        *[put(f"put outside {p}", p, b"x") for p in OUTSIDE[:11]],
        *[delete(f"artifact: delete outside {p}", f"{ARTIFACTS}/{p}") for p in OUTSIDE[:11]],
        *[get(f"artifact: list outside {p}", f"{ARTIFACTS}?path={p}") for p in OUTSIDE],
    ]  # fmt: skip


def multipart():
    """Multipart and presigned routes, which a local folder does not have."""
    base = "/api/2.0/mlflow-artifacts"
    return [
        post("mpu: complete", f"{base}/mpu/complete/a",
             {"path": "a/big", "upload_id": "u", "parts": []}),
        post("mpu: abort", f"{base}/mpu/abort/a", {"path": "a/big", "upload_id": "u"}),
        post("mpu: create without fields", f"{base}/mpu/create/a"),
        post("mpu: create outside", f"{base}/mpu/create/..%2fa", {"path": "x", "num_parts": 1}),
        get("presigned: missing", f"{base}/presigned/zz"),
        get("presigned: outside", f"{base}/presigned/..%2fzz"),
        post("presigned-upload: no run", "artifacts/presigned-upload-url", {"path": "x"}),
        post("presigned-upload: no path", "artifacts/presigned-upload-url", {"run_id": "{ar}"}),
        post("presigned-upload: unknown run", "artifacts/presigned-upload-url",
             {"run_id": "abc", "path": "x"}),
        post("presigned-upload: outside", "artifacts/presigned-upload-url",
             {"run_id": "{ar}", "path": "../x"}),
        post("presigned-download", "artifacts/presigned-download-url",
             {"run_id": "{ar}", "path": "x"}),
        post("presigned-download: no run", "artifacts/presigned-download-url", {"path": "x"}),
        post("presigned-download: no path", "artifacts/presigned-download-url",
             {"run_id": "{ar}"}),
    ]  # fmt: skip


def of_runs():
    """artifacts/list, get-artifact and upload-artifact."""

    def upload(label, query, body=b"up"):
        return probe(f"upload: {label}", "POST", f"{UPLOAD}?{query}", body)

    at = f"{ARTIFACTS}/{{ae}}/{{ar}}/artifacts"
    return [
        post("run artifacts: experiment", "experiments/create", {"name": "artifacts"},
             capture={"ae": "experiment_id"}),
        post("run artifacts: run", "runs/create", {"experiment_id": "{ae}", "run_name": "ar"},
             capture={"ar": "run.info.run_id"}),
        probe("run artifacts: put", "PUT", f"{at}/dir/one.txt", b"one"),
        probe("run artifacts: put second", "PUT", f"{at}/two.json", b"{}"),
        upload("good", "run_uuid={ar}&path=ui/three.txt"),
        upload("over", "run_uuid={ar}&path=ui/three.txt", b"again"),
        upload("empty", "run_uuid={ar}&path=ui/empty.txt", b""),
        upload("no run", "path=x.txt"),
        upload("no path", "run_uuid={ar}"),
        upload("unknown run", "run_uuid=abc&path=x.txt"),
        upload("run_id instead", "run_id={ar}&path=x.txt"),
        *[upload(f"outside {p}", f"run_uuid={{ar}}&path={p}") for p in OUTSIDE],
        get("run artifacts: list", "artifacts/list?run_id={ar}"),
        get("run artifacts: list uuid", "artifacts/list?run_uuid={ar}&path=dir"),
        get("run artifacts: list file", "artifacts/list?run_id={ar}&path=two.json"),
        get("run artifacts: list missing", "artifacts/list?run_id={ar}&path=zz"),
        get("run artifacts: list no run", "artifacts/list"),
        get("run artifacts: list unknown run", "artifacts/list?run_id=abc"),
        *[get(f"run artifacts: list outside {p}", f"artifacts/list?run_id={{ar}}&path={p}")
          for p in OUTSIDE],
        get("get-artifact: file", "/get-artifact?run_id={ar}&path=dir/one.txt"),
        get("get-artifact: uuid", "/get-artifact?run_uuid={ar}&path=two.json"),
        get("get-artifact: range", "/get-artifact?run_id={ar}&path=dir/one.txt",
            headers={"Range": "bytes=1-1"}),
        get("get-artifact: directory", "/get-artifact?run_id={ar}&path=dir"),
        get("get-artifact: no run", "/get-artifact?path=dir/one.txt"),
        get("get-artifact: unknown run", "/get-artifact?run_id=abc&path=dir/one.txt"),
        *[get(f"get-artifact: outside {p}", f"/get-artifact?run_id={{ar}}&path={p}")
          for p in OUTSIDE],
    ]  # fmt: skip


def of_models():
    """The artifact routes of logged models."""
    files = "/ajax-api/2.0/mlflow/logged-models/{am}/artifacts/files"
    dirs = "logged-models/{am}/artifacts/directories"
    at = f"{ARTIFACTS}/{{ae}}/models/{{am}}/artifacts"
    return [
        post("model artifacts: model", "logged-models", {"experiment_id": "{ae}", "name": "am"},
             capture={"am": "model.info.model_id"}),
        probe("model artifacts: put", "PUT", f"{at}/MLmodel", b"flavors: {}\n"),
        probe("model artifacts: put deep", "PUT", f"{at}/data/x.bin", b"\x00\x01"),
        get("model artifacts: list", dirs),
        get("model artifacts: list deep", f"{dirs}?artifact_directory_path=data"),
        get("model artifacts: list file", f"{dirs}?artifact_directory_path=MLmodel"),
        get("model artifacts: list missing", f"{dirs}?artifact_directory_path=zz"),
        get("model artifacts: file", f"{files}?artifact_file_path=MLmodel"),
        get("model artifacts: deep file", f"{files}?artifact_file_path=data/x.bin"),
        get("model artifacts: missing file", f"{files}?artifact_file_path=zz"),
        get("model artifacts: no path", files),
        get("model artifacts: directory", f"{files}?artifact_file_path=data"),
        get("model artifacts: unknown model",
            f"/ajax-api/2.0/mlflow/logged-models/m-{'0' * 32}/artifacts/files"
            "?artifact_file_path=x"),
        *[get(f"model artifacts: list outside {p}", f"{dirs}?artifact_directory_path={p}")
          for p in OUTSIDE],
        *[get(f"model artifacts: file outside {p}", f"{files}?artifact_file_path={p}")
          for p in OUTSIDE],
    ]  # fmt: skip


def server():
    """The server's own routes, prefixes and methods."""
    search = "experiments/search?max_results=1&filter=name%3D'none'"
    return [
        get("server-info ajax", "/ajax-api/3.0/mlflow/server-info"),
        get("server-info 2.0", "/api/2.0/mlflow/server-info"),
        post("health POST", "/health"),
        probe("version HEAD", "HEAD", "/version"),
        get("health of a bad host", "/health", headers={"Host": "evil.example"}),
        get("version of a bad host", "/version", headers={"Host": "evil.example"}),
        get("unknown below api", "/api/2.0/mlflow/runs/nope"),
        get("unknown version", "/api/9.0/mlflow/runs/get"),
        get("unknown outside", "/nope/nope"),
        get("trailing slash", "/api/2.0/mlflow/runs/get/"),
        probe("PUT on a POST route", "PUT", "runs/create", {}),
        patch("PATCH on a GET route", "runs/get"),
        *[get(f"host {host}", search, headers={"Host": host}, group="server")
          for host in ("localhost", "localhost:5000", "127.0.0.1:1", "10.1.2.3", "192.168.0.9:80",
                       "172.16.0.1", "172.32.0.1", "8.8.8.8", "evil.localhost", "[::1]:5000",
                       "LOCALHOST")],
        *[post(f"origin {origin}", "experiments/search", {"max_results": 1, "filter": "name='x'"},
               headers={"Origin": origin}, group="server")
          for origin in ("http://localhost:3000", "http://127.0.0.1", "https://localhost",
                         "http://10.1.2.3", "null", "http://localhost.evil.example")],
        get("origin on a GET", search, headers={"Origin": "http://evil.example"}, group="server"),
        probe("preflight of a local origin", "OPTIONS", "experiments/search", group="server",
              headers={"Origin": "http://localhost:3000",
                       "Access-Control-Request-Method": "POST"}),
    ]  # fmt: skip


def table():
    """Gives this part of the table."""
    return [*proxy(), *of_runs(), *multipart(), *of_models(), *server()]
