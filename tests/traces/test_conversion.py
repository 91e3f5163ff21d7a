"""`traces/conversion`: what each dialect and each foreign format becomes, whole.

`case.yaml` says in short and by hand what happened. `expected.json` is the full answer; `make golden` writes it anew
after a change that was meant, and only the eye can say whether the difference is right. What can be counted in the
input is counted here from the input alone.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from agenteval import assemble
from agenteval._util.plain import plain
from agenteval.core.codec import from_json, to_json
from agenteval.core.message import Message, Part, ReasoningPart, RefusalPart, TextPart, ToolRequest
from agenteval.core.span import LogRecord, Span
from agenteval.core.trajectory import Handoff, ModelCall, Step, ToolCall
from agenteval.intake.files import FORMATS, FileHeader, Imported, Record, Telemetry, read, restore
from agenteval.telemetry.assemble import trajectory_of
from agenteval.telemetry.dialects import DIALECTS, genai

ROOT = Path(__file__).resolve().parents[2] / "traces" / "conversion"
CASES = sorted(str(path.parent.relative_to(ROOT)) for path in ROOT.glob("*/*/case.yaml"))
OURS = {"case.yaml", "expected.json"}
ReadSpans = Callable[[Mapping[str, Any]], list[Span]]
ReadLogs = Callable[[Mapping[str, Any]], list[LogRecord]]
SPANS = "spans.json"
AS_IT_IS = {"otlp", "agenteval"}  # formats whose spans are the original


def input_of(case: str) -> Path:
    (path,) = [path for path in (ROOT / case).iterdir() if path.name not in OURS]
    return path


def loaded(path: Path) -> Any:
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else json.loads(text)


@pytest.fixture(scope="module")
def convert(read_spans: ReadSpans, read_logs: ReadLogs) -> Callable[[str], dict[str, Any]]:
    """What a case becomes, as its `expected.json` has it."""

    def convert(case: str) -> dict[str, Any]:
        path = input_of(case)
        if path.name == SPANS:
            data = loaded(path)
            return {"trajectories": [to_json(made) for made in assemble(read_spans(data), read_logs(data))]}
        records = list(read(path))
        if any(isinstance(record, Telemetry) for record in records):
            spans, logs = telemetry_of(records)
            return {"trajectories": [to_json(trajectory) for trajectory in assemble(spans, logs)]}
        return {"records": [record_of(record) for record in records]}

    return convert


def telemetry_of(records: list[Record]) -> tuple[list[Span], list[LogRecord]]:
    parts = [record for record in records if isinstance(record, Telemetry)]
    assert len(parts) == len(records), records
    return [span for part in parts for span in part.spans], [log for part in parts for log in part.logs]


def record_of(record: object) -> dict[str, Any]:
    if isinstance(record, FileHeader):
        return {"head": record.content, "format": record.format}
    assert isinstance(record, Imported), record
    return {
        "position": record.position,
        "trial": without_none(record.trial),
        "labels": [{"value": None} | without_none(label) for label in record.labels],
        "trajectory": to_json(trajectory_of(record.spans, record.logs)),
    }


def without_none(value: object) -> dict[str, Any]:
    return {name: item for name, item in plain(value).items() if item is not None}


def trajectories(expected: Mapping[str, Any]) -> list[dict[str, Any]]:
    if "trajectories" in expected:
        return expected["trajectories"]
    return [record["trajectory"] for record in expected["records"] if "trajectory" in record]


@pytest.fixture(scope="module")
def expected() -> Callable[[str], dict[str, Any]]:
    """The golden answer of a case."""
    return lambda case: json.loads((ROOT / case / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES)
def test_a_case_becomes_what_its_golden_file_says(
    case: str, convert: Callable[[str], dict[str, Any]], rewrite: bool, as_json: Callable[[Any], str]
):
    made = convert(case)
    golden = ROOT / case / "expected.json"
    if rewrite:
        golden.write_text(as_json(made), encoding="utf-8")
    assert as_json(made) == golden.read_text(encoding="utf-8"), "look at what changed; if it was meant: make golden"


@pytest.mark.parametrize("case", CASES)
def test_a_golden_file_follows_the_published_schema_and_reads_back(
    case: str, expected: Callable[[str], dict[str, Any]], follows_schema: Callable[[Any], None]
):
    for document in trajectories(expected(case)):
        follows_schema(document)
        assert to_json(from_json(document)) == document


def test_every_dialect_and_format_has_its_cases():
    assert {case.partition("/")[0] for case in CASES} == {genai.NAME, *FORMATS, *(dialect.NAME for dialect in DIALECTS)}
    assert {case.partition("/")[0] for case in CASES if input_of(case).name != SPANS} == {*FORMATS}
    assert {path.parent for path in ROOT.glob("*/*/*")} == {ROOT / case for case in CASES}


# --- what happened, in short


def words(part: Part) -> str:
    if isinstance(part, TextPart):
        return part.text
    if isinstance(part, ReasoningPart):
        return f"(thinks {part.text})"
    if isinstance(part, RefusalPart):
        return f"(refuses {part.text})"
    return f"(asks {part.name})" if isinstance(part, ToolRequest) else f"({part.type} {getattr(part, 'uri', '')})"


def short(step: Step) -> str:
    content = step.content
    if isinstance(content, Message):
        return f"{content.role}: {' '.join(map(words, content.parts))}"
    if isinstance(content, ModelCall):
        return f"model {content.model or '?'} {tokens(content)}{doing(content)}"
    if isinstance(content, ToolCall):
        arguments = "?" if "arguments" in step.missing else json.dumps(content.arguments)
        return f"{'user calls' if content.by == 'user' else 'calls'} {content.name} {arguments} {ending(step, content)}"
    if isinstance(content, Handoff):
        return f"hands over to {content.target}"
    changes = [f"{operation['op']} {operation['path']}" for operation in getattr(content, "patch", ())]
    return f"changes {', '.join(changes)}"


def tokens(call: ModelCall) -> str:
    if call.usage is None or call.usage.tokens is None:
        return "[?]"
    counts = (call.usage.input_tokens, call.usage.output_tokens)
    return f"[{'+'.join('?' if count is None else str(count) for count in counts)}]"


def doing(call: ModelCall) -> str:
    if call.error is not None:
        return f" fails: {call.error}"
    spoke = any(genai.spoken(message) for message in call.output)
    asked = "; ".join(f"{request.name} {json.dumps(request.arguments)}" for request in call.requests)
    return ("" if not spoke else " says") + ("," if spoke and asked else "") + (f" asks {asked}" if asked else "")


def ending(step: Step, call: ToolCall) -> str:
    if call.error is not None:
        return f"fails: {call.error}"
    if call.status == "unknown":
        return "ends: ?"
    return "-> ?" if "result" in step.missing else f"-> {json.dumps(call.result)}"


@pytest.mark.parametrize("case", CASES)
def test_what_happened_is_what_was_written_down_by_hand(case: str, expected: Callable[[str], dict[str, Any]]):
    described = YAML(typ="safe").load(ROOT / case / "case.yaml")
    assert set(described) == {"about", "happened"}
    found = [[short(step) for step in from_json(document).steps] for document in trajectories(expected(case))]
    assert found == described["happened"]


# --- what can be counted in the input, without any code of ours

Counts = dict[str, int]


def counts(*, models: int, calls: list[bool], users: int) -> Counts:
    return {"models": models, "calls": len(calls), "failed": sum(calls), "user messages": users}


def of_spans(data: Any) -> list[Counts]:
    ours = [span for span in data["spans"] if span.get("scope", data["defaults"]["scope"])["name"] == "agenteval"]
    kinds = {
        kind: [span for span in ours if span["attributes"].get("gen_ai.operation.name") == kind]
        for kind in ("chat", "execute_tool", "invoke_agent")
    }
    heard = [span["attributes"].get("gen_ai.input.messages", []) for span in kinds["invoke_agent"]]
    lists = [json.loads(messages) if isinstance(messages, str) else messages for messages in heard]
    failed = [
        span.get("status", {}).get("code") == 2 or "error.type" in span["attributes"] for span in kinds["execute_tool"]
    ]
    return [counts(models=len(kinds["chat"]), calls=failed, users=sum(map(len, lists)))]


def of_conversation(messages: list[Any], failed: Callable[[Any], bool], greeting: int = 0) -> Counts:
    flat = [inner for message in messages for inner in message.get("tool_messages", [message])]
    roles = [message["role"] for message in flat]
    answers = [message for message in flat if message["role"] in {"tool", "function"}]
    users = sum(1 for message in flat if message["role"] == "user" and message["content"])
    return counts(models=roles.count("assistant") - greeting, calls=[failed(answer) for answer in answers], users=users)


def of_tau_bench(data: Any) -> list[Counts]:
    return [of_conversation(record["traj"], lambda answer: answer["content"].startswith("Error")) for record in data]


def of_tau2(data: Any) -> list[Counts]:
    def failed(answer: Any) -> bool:
        return answer.get("error", answer["content"].startswith("Error:"))

    simulations = [simulation["messages"] for simulation in data["simulations"]]
    greetings = [int(messages[0]["role"] == "assistant" and not messages[0]["usage"]) for messages in simulations]
    return [
        of_conversation(messages, failed, greeting) for messages, greeting in zip(simulations, greetings, strict=True)
    ]


def of_messages(data: Any) -> list[Counts]:
    lists = [conversation if isinstance(conversation, list) else conversation["messages"] for conversation in data]
    return [of_conversation(messages, lambda answer: answer.get("is_error", False)) for messages in lists]


def of_inspect(data: Any) -> list[Counts]:
    found: list[Counts] = []
    for sample in data["samples"]:
        if not sample["events"]:
            found.append(of_conversation(sample["messages"], lambda answer: bool(answer.get("error"))))
            continue
        scoring = {event["id"] for event in sample["events"] if event.get("type") == "scorers"}
        events = [event for event in sample["events"] if event["span_id"] not in scoring]
        read = [message for event in events if event["event"] == "model" for message in event["input"]]
        found.append(
            counts(
                models=sum(event["event"] == "model" for event in events),
                calls=[event["error"] is not None for event in events if event["event"] == "tool"],
                users=len({message["id"] for message in read if message["role"] == "user"}),
            )
        )
    return found


def of_attributes(spans: list[dict[str, Any]]) -> list[Counts]:
    """Of spans in the GenAI conventions, one trace: the longest history holds every user's message."""
    of_kind = Counter(span["gen_ai.operation.name"] for span in spans)
    read = [json.loads(span["gen_ai.input.messages"]) for span in spans if "gen_ai.input.messages" in span]
    users = max(sum(message["role"] == "user" for message in messages) for messages in read)
    return [counts(models=of_kind["chat"], calls=[False] * of_kind["execute_tool"], users=users)]


def of_otlp(data: Any) -> list[Counts]:
    return of_attributes(
        [
            {pair["key"]: next(iter(pair["value"].values())) for pair in span["attributes"]}
            for request in data
            for of_resource in request.get("resourceSpans", [])
            for of_scope in of_resource["scopeSpans"]
            for span in of_scope["spans"]
        ]
    )


def of_agenteval(data: Any) -> list[Counts]:
    return [count for line in data for count in of_otlp([line["traces"]])]


def of_jaeger(data: Any) -> list[Counts]:
    (trace,) = data["data"]
    return of_attributes([{tag["key"]: tag["value"] for tag in span["tags"]} for span in trace["spans"]])


def of_zipkin(data: Any) -> list[Counts]:
    return of_attributes([span["tags"] for span in data])


def of_langfuse(data: Any) -> list[Counts]:
    kinds = Counter(observation["type"] for observation in data["observations"])
    asked = [one["input"] for one in data["observations"] if one["type"] == "GENERATION"]
    users = max(sum(message["role"] == "user" for message in messages) for messages in asked)
    return [counts(models=kinds["GENERATION"], calls=[False] * kinds["TOOL"], users=users)]


def of_langsmith(data: Any) -> list[Counts]:
    tools = [run["error"] is not None for run in data if run["run_type"] == "tool"]
    asked = [run["inputs"]["messages"] for run in data if run["run_type"] == "llm"]
    users = max(sum(message["role"] == "user" for message in messages) for messages in asked)
    return [counts(models=len(asked), calls=tools, users=users)]


def of_phoenix(data: Any) -> list[Counts]:
    kinds = Counter(span["span_kind"] for span in data)
    asked = json.dumps([span["attributes"] for span in data if span["span_kind"] == "LLM"][-1])
    users = asked.count('"message.role": "user"')
    return [counts(models=kinds["LLM"], calls=[False] * kinds["TOOL"], users=users)]


def of_atif(data: Any) -> list[Counts]:
    steps = data["steps"]
    results = [result for step in steps for result in step.get("observation", {"results": []})["results"]]
    models = sum(step["source"] == "agent" and step.get("llm_call_count", 1) > 0 for step in steps)
    return [counts(models=models, calls=[False] * len(results), users=sum(step["source"] == "user" for step in steps))]


def of_swe_agent(data: Any) -> list[Counts]:
    actions = [step["action"].strip() for step in data["trajectory"]]
    said = [message["role"] for message in data["history"]]
    users = said.count("user") - sum(map(bool, actions[:-1]))  # the other ones are what commands gave
    return [counts(models=said.count("assistant"), calls=[False for action in actions if action], users=users)]


COUNTED: dict[str, Callable[[Any], list[Counts]]] = {
    "genai": of_spans,
    "tau-bench": of_tau_bench,
    "tau2": of_tau2,
    "messages": of_messages,
    "inspect": of_inspect,
    "otlp": of_otlp,
    "agenteval": of_agenteval,
    "jaeger": of_jaeger,
    "zipkin": of_zipkin,
    "langfuse": of_langfuse,
    "langsmith": of_langsmith,
    "phoenix": of_phoenix,
    "atif": of_atif,
    "swe-agent": of_swe_agent,
}


COUNTABLE = [case for case in CASES if case.startswith("genai/") or input_of(case).name != SPANS]


@pytest.mark.parametrize("case", COUNTABLE)
def test_a_golden_file_holds_as_much_as_its_input(case: str, expected: Callable[[str], dict[str, Any]]):
    found = [
        counts(
            models=sum(step["kind"] == "model_call" for step in document["steps"]),
            calls=[step["status"] == "error" for step in document["steps"] if step["kind"] == "tool_call"],
            users=sum(step["kind"] == "message" and step["role"] == "user" for step in document["steps"]),
        )
        for document in trajectories(expected(case))
    ]
    assert found == COUNTED[case.partition("/")[0]](loaded(input_of(case)))


@pytest.mark.parametrize(
    "case", [case for case in CASES if input_of(case).name != SPANS and case.partition("/")[0] not in AS_IT_IS]
)
def test_the_original_records_come_back_from_the_spans(case: str):
    data = loaded(input_of(case))
    wanted = data
    if isinstance(data, dict):
        wanted = next((data[name] for name in ("simulations", "samples", "data") if name in data), [data])
    records = [record for record in read(input_of(case)) if isinstance(record, (Imported, Telemetry))]
    assert [restore(record.spans) for record in records] == wanted


@pytest.mark.parametrize("case", [case for case in CASES if input_of(case).name == SPANS])
def test_nothing_depends_on_the_order_in_which_spans_came(
    case: str, read_spans: ReadSpans, read_logs: ReadLogs, expected: Callable[[str], dict[str, Any]]
):
    spans, logs = (read(loaded(input_of(case))) for read in (read_spans, read_logs))
    again = assemble([*reversed(spans), *spans[:2]], [*reversed(logs), *logs[:1]])
    golden = [from_json(document) for document in trajectories(expected(case))]
    assert [made.steps for made in again] == [made.steps for made in golden]


@pytest.mark.parametrize("case", [case for case in CASES if case.startswith("genai/")])
def test_every_step_is_one_content_of_its_span(case: str, read_spans: ReadSpans):
    """Spans become contents one by one; what the assembler adds is their order, who asked, and what was said twice."""
    spans = {span.span_id: span for span in read_spans(loaded(input_of(case)))}
    (trajectory,) = assemble(spans.values())
    used: set[str] = set()
    for step in trajectory.steps:
        pieces = {
            span_id + piece.suffix: piece for span_id in step.span_ids for piece in genai.read(spans[span_id]) or ()
        }
        content = step.content
        if isinstance(content, ToolCall):
            content = replace(content, requested_by=None)
        assert pieces[step.id].content == content
        assert pieces[step.id].missing == step.missing
        used.update(name for name, piece in pieces.items() if name == step.id or piece.content == content)
    made = {
        span.span_id + piece.suffix
        for span in spans.values()
        if span.scope["name"] == "agenteval"
        for piece in genai.read(span) or ()
    }
    assert used == made
