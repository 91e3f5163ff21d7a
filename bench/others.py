"""How many spans a second Phoenix and MLflow store, beside `agenteval serve`, of the same bodies; each on its SQLite.

What counts is what is in their databases, from the first request until it is all there: Phoenix answers before that.
Both are installed in environments of their own, and their programs named:

    python -m bench others --phoenix phoenix/bin/phoenix --mlflow mlflow/bin/mlflow
"""

from __future__ import annotations

import argparse
import http.client
import os
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from bench.ingest import AT_ONCE, CAPTURES, HEADERS, bodies, captured, copies, made_up, received

BODIES = 4
ASKED = 30
PATIENCE = 120.0  # seconds


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def phoenix(program: Path, folder: Path, port: int) -> tuple[list[str], Path, str]:
    """Command, database, and what counts its spans."""
    os.environ |= {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_HOST": "127.0.0.1",
        "PHOENIX_PORT": str(port),
        "PHOENIX_GRPC_PORT": str(free_port()),
        "PHOENIX_TELEMETRY_ENABLED": "false",
    }
    return [str(program), "serve"], folder / "phoenix.db", "SELECT count(*) FROM spans"


def mlflow(program: Path, folder: Path, port: int) -> tuple[list[str], Path, str]:
    """Command, database, and what counts its spans."""
    os.environ |= {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": f"{program.parent}:{os.environ['PATH']}"}
    where = ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--host", "127.0.0.1", "--port", str(port)]
    return [str(program), "server", "--workers", "1", *where], folder / "mlflow.db", "SELECT count(*) FROM spans"


def stored_rate(name: str, program: Path, batch: Sequence[bytes]) -> float:
    """Spans a second."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as written:
        folder, port = Path(written), free_port()
        command, database, counting = {"phoenix": phoenix, "mlflow": mlflow}[name](program, folder, port)
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, start_new_session=True)
        try:
            until_it_answers(port, process, folder)
            began = time.perf_counter()
            for body in batch:
                post(port, body)
            wanted, stored = len(batch) * AT_ONCE, 0
            while stored < wanted and time.perf_counter() - began < PATIENCE:
                stored = counted(database, counting)
                time.sleep(0.05)
            taken = time.perf_counter() - began
        finally:
            os.killpg(process.pid, 15)
            process.wait()
    if stored < wanted:
        print(f"  {name}: {stored} of {wanted} spans within {taken:.0f} s")
    return stored / taken


def until_it_answers(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    """Wait for a server to start."""
    while True:
        if process.poll() is not None:
            raise SystemExit((folder / "log").read_text()[-2000:])
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.2)
        else:
            return


def post(port: int, body: bytes) -> None:
    """Send a request, again where it is to be repeated."""
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("POST", "/v1/traces", body=body, headers={**HEADERS, "x-mlflow-experiment-id": "0"})
        answer = connection.getresponse()
        told = answer.read()
        connection.close()
        if answer.status == 200:
            return
        if answer.status not in (429, 503):
            raise SystemExit(f"answered {answer.status}: {told[:500]!r}")
        time.sleep(0.2)


def counted(database: Path, counting: str) -> int:
    """Spans in a database; 0 before it has a table of them."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(counting).fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def main() -> None:
    """Print the rate of each, and how many times that ours is."""
    options = argparse.ArgumentParser(prog="others", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--captures", type=Path, default=CAPTURES)
    for name in ("phoenix", "mlflow"):
        options.add_argument(f"--{name}", type=lambda written: Path(written).absolute(), metavar="PROGRAM")
    given = options.parse_args()
    source = bodies(copies(captured(given.captures) or made_up()))
    ours_batch, batch = list(islice(source, 24)), list(islice(source, BODIES))
    ours = received(ours_batch)
    print(f"agenteval {ours:8.0f} spans/s")
    for name in ("phoenix", "mlflow"):
        program = getattr(given, name)
        if program is not None:
            rate = stored_rate(name, program, batch)
            print(f"{name:9} {rate:8.0f} spans/s, ours {ours / rate:.0f} times that (asked: at least {ASKED})")


if __name__ == "__main__":
    main()
