"""What spans say of how they were sampled."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agenteval.core.codec import from_json, to_json
from agenteval.core.span import Attribute, Span
from agenteval.telemetry.assemble import assemble
from agenteval.telemetry.structure import kept_with

SPAN = Span(trace_id="1" * 32, span_id="2" * 16, name="chat m", start_ns=1, end_ns=2)


@pytest.mark.parametrize(
    ("state", "probability"),
    [
        # thresholds and probabilities of the specification's own examples
        ("ot=th:0", 1.0),
        ("ot=th:8", 0.5),
        ("ot=th:c", 0.25),
        ("ot=th:ff", 1 / 256),
        ("ot=th:e6666666666668", 0.1),
        ("vendor=x,ot=rv:12345678901234;th:c", 0.25),
        ("ot=p:3", 1 / 8),
        ("ot=r:3;p:63", 0.0),
        ("", None),
        ("ot=rv:12345678901234", None),
        ("not=th:8", None),
        ("ot=th:", None),
        ("ot=th:123456789012345", None),
        ("ot=th:xyz", None),
    ],
)
def test_the_trace_state_tells_the_probability(state: str, probability: float | None) -> None:
    found = kept_with(replace(SPAN, trace_state=state))
    assert found == (None if probability is None else pytest.approx(probability, abs=1e-12))


@pytest.mark.parametrize(
    ("attributes", "probability"),
    [
        ({"sampler.type": "probabilistic", "sampler.param": 0.1}, 0.1),
        ({"sampler.type": "const", "sampler.param": True}, None),
        ({"sampler.type": "probabilistic", "sampler.param": 7}, None),
        ({"sampler.type": "probabilistic", "sampler.param": "0.1"}, None),
        ({"sampler.type": "probabilistic"}, None),
    ],
)
def test_clients_of_jaeger_tell_it_in_attributes(attributes: dict[str, Attribute], probability: float | None) -> None:
    assert kept_with(replace(SPAN, attributes=attributes)) == probability


def test_a_trajectory_knows_the_least_of_its_spans() -> None:
    call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    spans = [
        replace(SPAN, span_id=f"{number}" * 16, trace_state=state, attributes=call)
        for number, state in enumerate(("ot=th:8", "", "ot=th:c"), start=2)
    ]
    (trajectory,) = assemble(spans, [])
    assert trajectory.integrity.sampled == 0.25
    assert from_json(to_json(trajectory)) == trajectory
    (whole,) = assemble(spans[1:2], [])
    assert whole.integrity.sampled is None
