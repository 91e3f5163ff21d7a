"""Record what real instrumented clients send: `python -m recording [NAME…] [--into FOLDER] [--at FOLDER]`.

Each producer of `producers/` runs in an environment of its own, Python's or Node's, with the packages that its first
lines name, against a scripted model and a receiver on loopback. What it sends, and what really happened (from the
script and the tools' own log, never from telemetry), goes to `traces/captures/NAME`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recording import library, script
from recording.servers import Model, Receiver

ROOT = Path(__file__).resolve().parent.parent
PRODUCERS = Path(__file__).resolve().parent / "producers"
CAPTURES = ROOT / "traces" / "captures"
_PACKAGES = re.compile(r"^(?:#|//) packages: (.+)$", re.MULTILINE)


def environment(file: Path, packages: list[str]) -> Path:
    """The folder of a producer's environment, made where it is missing or lacks a package."""
    folder = ROOT / ".venv-recording" / file.stem
    wanted = folder / "packages.txt"
    if wanted.is_file() and wanted.read_text().split() == packages:
        return folder
    if file.suffix == ".mjs":
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "package.json").write_text("{}\n")
        install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", *packages]
    else:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        python = str(folder / "bin" / "python")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
    subprocess.run(install, check=True, cwd=folder)
    wanted.write_text("\n".join(packages) + "\n")
    return folder


def versions(folder: Path, packages: list[str]) -> dict[str, str]:
    """What is installed of what tells the producer, its instrumentation and the SDK apart."""
    named = {re.split(r"(?<!^)[\[=<>@]", package)[0] for package in packages}
    if (folder / "package.json").is_file():
        held = json.loads((folder / "package-lock.json").read_text())["packages"]
        found = {name.removeprefix("node_modules/"): about["version"] for name, about in held.items() if name}
    else:
        listed = subprocess.run(
            [str(folder / "bin" / "python"), "-m", "pip", "list", "--format=json", "--disable-pip-version-check"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        found = {row["name"]: row["version"] for row in json.loads(listed.stdout)}
    return {name: found[name] for name in sorted(found) if name in named or name.startswith("opentelemetry-")}


def record(file: Path, capture: Path, at: Path | None) -> None:
    """Run one producer in a place, and keep its capture in a folder."""
    source = file.read_text()
    found = _PACKAGES.search(source)
    assert found is not None, f"{file} has no line `packages: …`"
    packages, plot = found[1].split(), script.Plot.of(source)
    made = environment(file, packages)
    shutil.rmtree(capture, ignore_errors=True)
    with _place(at) as folder:
        tools = folder / "tools.jsonl"
        tools.touch()
        model, receiver = Model(plot), Receiver(capture / "wire")
        for server in (model, receiver):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        command, variables = _in_python(file, made, folder) if file.suffix == ".py" else _in_node(file, made, folder)
        served = f"http://127.0.0.1:{model.server_port}"
        variables |= {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "RECORDING_MODEL": f"{served}/v1",
            "RECORDING_OTLP": f"http://127.0.0.1:{receiver.server_port}",
            "RECORDING_TOOLS": str(tools),
            "OPENAI_BASE_URL": f"{served}/v1",
            "OPENAI_API_KEY": "no-key",
            "ANTHROPIC_BASE_URL": served,
            "ANTHROPIC_API_KEY": "no-key",
            "GOOGLE_GEMINI_BASE_URL": served,
            "GEMINI_API_KEY": "no-key",
        }
        try:
            subprocess.run(command, check=True, cwd=folder, env=variables, timeout=300)
        finally:
            model.shutdown()
            model.server_close()
            receiver.close()
        assert model.asked == len(model.answers), f"{model.asked} model calls, {len(model.answers)} were expected"
        log = [json.loads(line) for line in tools.read_text().splitlines()]
    truth = {
        "producer": file.stem,
        "settings": _about(source),
        "packages": versions(made, packages),
        "truth_note": "From the script of the model and the tools' own log. usage.in includes usage.cached, usage.out reasoning.",
        "conversations": script.truth(library.SESSION, library.USER, library.TURNS, log, plot),
    }
    (capture / "truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=1) + "\n")


@contextmanager
def _place(at: Path | None) -> Iterator[Path]:
    """An empty folder that a client runs in, for as long as it does: tracebacks that clients send name it."""
    if at is None:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
        return
    at.mkdir(parents=True)
    try:
        yield at
    finally:
        shutil.rmtree(at)


def _in_python(file: Path, made: Path, folder: Path) -> tuple[list[str], dict[str, str]]:
    """The command that runs a producer in Python, everything that it loads reached through links in its place."""
    packages = next((made / "lib").glob("python3.*/site-packages"))
    for name, real in (("app", ROOT), ("packages", packages), ("python", sys.base_prefix), ("producers", file.parent)):
        (folder / name).symlink_to(real)
    path = os.pathsep.join(str(folder / name) for name in ("app", "packages"))
    variables = {"PYTHONPATH": path, "PYTHONHOME": str(folder / "python")}
    return [str(made / "bin" / "python"), "-P", str(folder / "producers" / file.name)], variables


def _in_node(file: Path, made: Path, folder: Path) -> tuple[list[str], dict[str, str]]:
    """The command that runs a producer in Node, with the modules of its environment beside it."""
    for real in (file, ROOT / "recording" / "library.mjs", ROOT / "recording" / "sending.mjs", made / "node_modules"):
        (folder / real.name).symlink_to(real)
    about = {"session": library.SESSION, "user": library.USER, "system": library.SYSTEM, "turns": library.TURNS}
    command = ["node", "--preserve-symlinks", "--preserve-symlinks-main", file.name]
    return command, {"RECORDING_ABOUT": json.dumps(about)}


def _about(source: str) -> str:
    """What a producer's first line says of it."""
    return source.split('"""')[1].strip() if source.startswith('"""') else source.splitlines()[0].removeprefix("// ")


def main() -> None:
    """Record the producers that are named, or all."""
    parser = argparse.ArgumentParser(prog="python -m recording", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("names", nargs="*", metavar="NAME", help="producers, or files of some; all of ours otherwise")
    parser.add_argument("--into", type=Path, default=CAPTURES, metavar="FOLDER", help="where captures are kept")
    parser.add_argument("--at", type=Path, metavar="FOLDER", help="where clients run: made, and removed afterwards")
    given = parser.parse_args()
    files = {file.stem: file for file in sorted(PRODUCERS.iterdir()) if file.suffix in {".py", ".mjs"}}
    for name in given.names or files:
        file = files[name] if name in files else Path(name).resolve()
        record(file, given.into / file.stem, given.at)
        print(f"{file.stem}: {given.into / file.stem}", flush=True)


if __name__ == "__main__":
    main()
