"""Record what real instrumented clients send: `python -m recording [NAME…]`.

Each producer of `producers/` runs in a virtual environment of its own, with the packages that its first lines name,
against a scripted model and a receiver on loopback. What it sends, and what really happened (from the script and the
tools' own log, never from telemetry), goes to `traces/captures/NAME`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from recording import library, script
from recording.servers import Model, Receiver

ROOT = Path(__file__).resolve().parent.parent
PRODUCERS = Path(__file__).resolve().parent / "producers"
_ENDING = re.compile(r"^# ends its turns by: (\w+)$", re.MULTILINE)
_DELEGATES = re.compile(r"^# delegates by: (\w+) (\{.*\})$", re.MULTILINE)
_HANDS_OVER = re.compile(r"^# hands over by: (\w+) (\{.*\})$", re.MULTILINE)
_PACKAGES = re.compile(r"^# packages: (.+)$", re.MULTILINE)


def environment(name: str, packages: list[str]) -> Path:
    """The interpreter of a producer's environment, made where it is missing or lacks a package."""
    folder = ROOT / ".venv-recording" / name
    wanted = folder / "packages.txt"
    if not wanted.is_file() or wanted.read_text().split() != packages:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        python = str(folder / "bin" / "python")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages]
        subprocess.run(install, check=True)
        wanted.write_text("\n".join(packages) + "\n")
    return folder / "bin" / "python"


def plan_of(source: str) -> script.Plan:
    """Which answers of the script a producer's first lines ask for."""
    ending, delegates, hands_over = (said.search(source) for said in (_ENDING, _DELEGATES, _HANDS_OVER))
    return script.Plan(
        ending=None if ending is None else ending[1],
        delegates=None if delegates is None else (delegates[1], json.loads(delegates[2])),
        hands_over=None if hands_over is None else (hands_over[1], json.loads(hands_over[2])),
    )


def versions(python: Path, packages: list[str]) -> dict[str, str]:
    """What is installed of what tells the producer, its instrumentation and the SDK apart."""
    listed = subprocess.run(
        [str(python), "-m", "pip", "list", "--format=json", "--disable-pip-version-check"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    named = {re.split(r"[\[=<>]", package)[0] for package in packages}
    found = {row["name"]: row["version"] for row in json.loads(listed.stdout)}
    return {name: found[name] for name in sorted(found) if name in named or name.startswith("opentelemetry-")}


def record(name: str) -> Path:
    """Run one producer; gives the folder of its capture."""
    file = PRODUCERS / f"{name}.py"
    source = file.read_text()
    found = _PACKAGES.search(source)
    assert found is not None, f"{file} has no line `# packages: …`"
    packages = found[1].split()
    plan = plan_of(source)
    python = environment(name, packages)
    capture = ROOT / "traces" / "captures" / name
    shutil.rmtree(capture, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder) / "app"  # tracebacks that clients send tell where they ran: let it be nobody's folder
        here.symlink_to(ROOT)
        tools = Path(folder) / "tools.jsonl"
        tools.touch()
        model, receiver = Model(plan), Receiver(capture / "wire")
        for server in (model, receiver):
            threading.Thread(target=server.serve_forever, daemon=True).start()
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": folder,
            "PYTHONPATH": str(here),
            "RECORDING_MODEL": f"http://127.0.0.1:{model.server_port}/v1",
            "RECORDING_OTLP": f"http://127.0.0.1:{receiver.server_port}",
            "RECORDING_TOOLS": str(tools),
            "OPENAI_BASE_URL": f"http://127.0.0.1:{model.server_port}/v1",
            "OPENAI_API_KEY": "no-key",
        }
        try:
            inner = [str(here / path.relative_to(ROOT)) for path in (python, file)]
            subprocess.run([inner[0], "-P", inner[1]], check=True, cwd=folder, env=variables, timeout=300)
        finally:
            model.shutdown()
            model.server_close()
            receiver.close()
        assert model.asked == len(model.answers), f"{model.asked} model calls, {len(model.answers)} were expected"
        log = [json.loads(line) for line in tools.read_text().splitlines()]
    conversations = script.truth(library.SESSION, library.USER, library.TURNS, log, plan)
    truth = {
        "producer": name,
        "settings": source.split('"""')[1].strip(),
        "packages": versions(python, packages),
        "truth_note": "From the script of the model and the tools' own log. usage.in includes usage.cached, usage.out reasoning.",
        "conversations": conversations,
    }
    (capture / "truth.json").write_text(json.dumps(truth, ensure_ascii=False, indent=1) + "\n")
    return capture


def main() -> None:
    """Record the producers that are named, or all."""
    names = sys.argv[1:] or sorted(file.stem for file in PRODUCERS.glob("[a-z]*.py"))
    for name in names:
        print(f"{name}: {record(name).relative_to(ROOT)}", flush=True)


if __name__ == "__main__":
    main()
