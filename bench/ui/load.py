"""Puts rows into a SQLite file, in one transaction.

Reads lines of JSON from its standard input: an object {"table": .., "columns": [..]} says where the rows
go that follow it, and each row is an array.
"""

import json
import sqlite3
import sys


def main():
    connection = sqlite3.connect(sys.argv[1], timeout=60)
    with connection:
        statement = ""
        rows = []

        def flush():
            connection.executemany(statement, rows)
            rows.clear()

        for line in sys.stdin:
            given = json.loads(line)
            if isinstance(given, list):
                rows.append(given)
                if len(rows) == 10_000:
                    flush()
                continue
            if rows:
                flush()
            columns = given["columns"]
            marks = ", ".join("?" for _ in columns)
            statement = f"insert into {given['table']} ({', '.join(columns)}) values ({marks})"
        if rows:
            flush()
    connection.close()


main()
