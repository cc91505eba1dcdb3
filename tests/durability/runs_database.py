"""Fills a migrated database with many runs, past the server."""

import sqlite3
from contextlib import closing

KEYS = {
    "params": ["learning_rate", "batch_size", "optimizer"],
    "tags": ["mlflow.runName", "mlflow.user", "mlflow.source.name"],
    "latest_metrics": ["loss", "accuracy", "f1"],
}
FIRST = 1_700_000_000_000
MINUTE = 60_000


def insert_runs(path, count):
    """Inserts `count` finished runs into the default experiment; gives the ids of three of them.

    Each run has three params, three tags and three metrics with different values.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("pragma synchronous = off")
        db.execute("begin")
        _insert_runs(db, count)
        names = [name for names in KEYS.values() for name in names]
        db.executemany("insert into keys (name) values (?) on conflict do nothing",
                       [(name,) for name in names])
        value = {
            "params": "'value-' || (r.id * k.id % 977)",
            "tags": "iif(k.name = 'mlflow.runName', r.name, 'tag-' || (r.id * k.id % 31))",
        }
        for table, text in value.items():
            db.execute(f"insert into {table} (run_id, key_id, experiment_id, value) "
                       f"select r.id, k.id, r.experiment_id, {text} {_pairs(table)}")
        db.execute(
            "insert into latest_metrics (run_id, key_id, experiment_id, value, is_nan, step, "
            "timestamp) select r.id, k.id, r.experiment_id, (r.id * k.id % 10007) / 10007.0, 0, "
            f"100, r.end_time {_pairs('latest_metrics')}")
        db.execute("commit")
        db.execute("pragma wal_checkpoint(truncate)")
        rows = db.execute("select uuid from runs where id in (1, ?, ?) order by id",
                          (count // 2, count))
        return [uuid for (uuid,) in rows]


def _insert_runs(db, count):
    db.execute(
        """
        with recursive numbers(n) as (select 1 union all select n + 1 from numbers where n < ?)
        insert into runs (id, uuid, experiment_id, name, user_id, status, start_time, end_time,
            artifact_uri, lifecycle, written_at, staleness)
        select n, uuid, 0, 'run-' || n, 'user', 3, start, start + ?,
            'mlflow-artifacts:/0/' || uuid || '/artifacts', 1, start + ?, 0
        from (select n, lower(hex(randomblob(16))) as uuid, ? + n * ? as start from numbers)
        """,
        (count, MINUTE, MINUTE, FIRST, MINUTE),
    )


def _pairs(table):
    names = ", ".join(f"'{name}'" for name in KEYS[table])
    return f"from runs r join keys k on k.name in ({names}) order by r.id, k.id"
