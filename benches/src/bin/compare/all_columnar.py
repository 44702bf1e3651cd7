"""Loads rows of logs or spans into DuckDB or chdb, asks them in SQL, and prints what it measured as one JSON object.

usage: duckdb|chdb logs|traces ROWS.jsonl DIRECTORY; status 3 where the package is not installed
"""
import json
import os
import sys
import time

package, signal, rows_file, directory = sys.argv[1:5]
try:
    database = __import__(package)
except ImportError:
    sys.exit(3)

RUNS = 5
os.makedirs(directory, exist_ok=True)
with open(rows_file, "rb") as rows:
    sample = [json.loads(row) for row, _ in zip(rows, range(4000))]
items = sum(1 for _ in open(rows_file, "rb"))
label_columns = sorted({key for row in sample for key in row} - {"ts", "line"}) if signal == "logs" else []


class DuckDB:
    def __init__(self):
        self.file = os.path.join(directory, "data.duckdb")
        self.connection = database.connect(self.file)
        self.connection.execute("PRAGMA threads=2")

    def load(self):
        if signal == "logs":
            types = {**{label: "VARCHAR" for label in label_columns}, "ts": "BIGINT", "line": "VARCHAR"}
            order = "ORDER BY app, ts"
        else:
            texts = ["trace_id", "span_id", "parent_id", "service", "name", "kind", "events"]
            types = {**{text: "VARCHAR" for text in texts}, "start_ns": "BIGINT", "duration_ns": "BIGINT",
                     "error": "BOOLEAN", "resource": "MAP(VARCHAR, VARCHAR)", "attributes": "MAP(VARCHAR, VARCHAR)"}
            order = "ORDER BY start_ns"
        self.connection.execute(
            f"CREATE TABLE t AS SELECT * FROM read_json('{rows_file}', format='newline_delimited', columns={types}) {order}")
        self.connection.execute("CHECKPOINT")

    def disk_bytes(self):
        return os.path.getsize(self.file)

    def ask(self, sql):
        return self.connection.execute(sql).fetchall()

    contains = "contains({0}, '{1}')".format
    matches = "regexp_matches({0}, '{1}')".format
    minute = "ts // 60000000000"
    number = staticmethod(lambda *path: f"TRY_CAST(json_extract_string(line, '$.{'.'.join(path)}') AS DOUBLE)")
    level = "json_extract_string(line, '$.level')"
    is_json = "format = 'json'"
    of_key = staticmethod(lambda key: f"attributes['{key}']")


class ClickHouse:
    def __init__(self):
        from chdb import session
        self.session = session.Session(directory)
        self.session.query("CREATE DATABASE IF NOT EXISTS d ENGINE = Atomic")
        self.session.query("USE d")

    def load(self):
        if signal == "logs":
            labels = ", ".join(f"{label} LowCardinality(String)" for label in label_columns)
            shape = f"{labels}, ts Int64 CODEC(DoubleDelta, ZSTD), line String CODEC(ZSTD(3))"
            order = "(app, ts)"
        else:
            shape = ("trace_id String CODEC(ZSTD), span_id String CODEC(ZSTD), parent_id String CODEC(ZSTD), "
                     "service LowCardinality(String), name LowCardinality(String), kind LowCardinality(String), "
                     "events String CODEC(ZSTD), start_ns Int64 CODEC(DoubleDelta, ZSTD), "
                     "duration_ns Int64 CODEC(ZSTD), error Bool, resource Map(LowCardinality(String), String) CODEC(ZSTD), "
                     "attributes Map(LowCardinality(String), String) CODEC(ZSTD), "
                     "INDEX by_trace trace_id TYPE bloom_filter GRANULARITY 1")
            order = "(service, start_ns)"
        self.session.query(f"CREATE TABLE d.t ({shape}) ENGINE = MergeTree ORDER BY {order}")
        self.session.query(f"INSERT INTO d.t SELECT * FROM file('{rows_file}', JSONEachRow, '{self.plain(shape)}')")
        self.session.query("OPTIMIZE TABLE d.t FINAL")

    @staticmethod
    def plain(shape):
        """The columns without codecs and indexes, in the order of the table."""
        import re
        parts = re.split(r", (?![^(]*\))", shape)
        return ", ".join(re.sub(r" CODEC\(.*\)$", "", part) for part in parts if not part.startswith("INDEX"))

    def disk_bytes(self):
        told = self.session.query("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'd'", "CSV")
        return int(str(told).strip())

    def ask(self, sql):
        return str(self.session.query(sql.replace(" FROM t", " FROM d.t"), "TSV")).splitlines()

    contains = "position({0}, '{1}') > 0".format
    matches = "match({0}, '{1}')".format
    minute = "intDiv(ts, 60000000000)"
    number = staticmethod(lambda *path: f"JSONExtractFloat(line, {', '.join(map(repr, path))})")
    level = "JSONExtractString(line, 'level')"
    is_json = "format = 'json'"
    of_key = staticmethod(lambda key: f"attributes['{key}']")


db = {"duckdb": DuckDB, "chdb": ClickHouse}[package]()
if signal == "logs":
    newest = "ORDER BY ts DESC LIMIT 100"
    queries = {
        '{app=~".+"} |= "needle-"': f"SELECT ts, line FROM t WHERE {db.contains('line', 'needle-')} {newest}",
        '{app="checkout"}': f"SELECT ts, line FROM t WHERE app = 'checkout' {newest}",
        '{env="prod"} |~ "slow query.*u1[0-9]{3}"':
            f"SELECT ts, line FROM t WHERE env = 'prod' AND {db.matches('line', 'slow query.*u1[0-9]{3}')} {newest}",
        '{app="checkout"} | json | http_status >= 500 | duration_ms > 100':
            f"SELECT ts, line FROM t WHERE app = 'checkout' AND {db.is_json} AND {db.number('http', 'status')} >= 500 "
            f"AND {db.number('duration_ms')} > 100 {newest}",
        'sum by (level) (count_over_time({format="json"} | json level [1m]))':
            f"SELECT {db.minute} AS m, {db.level} AS l, count(*) FROM t WHERE {db.is_json} GROUP BY m, l",
        'sum by (app) (rate({env="prod"}[1m]))':
            f"SELECT {db.minute} AS m, app, count(*) / 60 FROM t WHERE env = 'prod' GROUP BY m, app",
    }
    kind = "lines"
else:
    one = sample[len(sample) // 2]["trace_id"]
    queries = {
        "a trace by its id": f"SELECT * FROM t WHERE trace_id = '{one}'",
        "{ status = error }": "SELECT DISTINCT trace_id FROM t WHERE error LIMIT 20",
        '{ .user.id = "u777" }': f"SELECT DISTINCT trace_id FROM t WHERE {db.of_key('user.id')} = 'u777' LIMIT 20",
        '{ span.db.statement =~ ".*orders WHERE id = 77.*" }':
            f"SELECT DISTINCT trace_id FROM t WHERE {db.matches(db.of_key('db.statement'), 'orders WHERE id = 77')} LIMIT 20",
        "{ status = error } | by(resource.service.name) | count() > 1":
            "SELECT trace_id, service, count(*) AS n FROM t WHERE error GROUP BY trace_id, service HAVING n > 1 LIMIT 20",
        "tag values of resource.service.name": "SELECT DISTINCT service FROM t",
        "tag values of span.user.id":
            f"SELECT DISTINCT {db.of_key('user.id')} FROM t WHERE {db.of_key('user.id')} <> ''",
    }
    kind = "spans"

began = time.perf_counter()
db.load()
measured = {f"load, thousand {kind} a second": items / 1e3 / (time.perf_counter() - began)}
measured[f"bytes a {kind[:-1]} on disk"] = db.disk_bytes() / items
for name, sql in queries.items():
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        rows = db.ask(sql)
        times.append((time.perf_counter() - began) * 1e3)
    measured["ms: " + name] = min(times)
    measured["rows: " + name] = len(rows)
version = str(getattr(database, "__version__", ""))
if package == "chdb":
    version = f"{db.ask('SELECT version()')[0]} (chdb {version})"
print(json.dumps({"version": version, "rows": measured}))
