"""The scripted model: its answers in order, and a clear end."""

from __future__ import annotations

from itertools import cycle

import pytest

from agenteval.core.message import Message, ToolRequest, text_message
from agenteval.core.model import Completion, ModelRequest
from agenteval.core.trajectory import Usage
from agenteval.errors import ModelError
from agenteval.models import ScriptedModel

REQUEST = ModelRequest(messages=(text_message("user", "Hi"),))
CALL = Message(role="assistant", parts=(ToolRequest(name="ping", arguments={}, id="1"),))
WHOLE = Completion(message=text_message("assistant", "whole"), model="other", usage=Usage(input_tokens=1))


async def test_answers_come_in_order_and_in_every_form():
    model = ScriptedModel(["text", CALL, WHOLE, lambda request: f"echo {request.messages[0].text}", lambda _: WHOLE])
    said = [await model.complete(REQUEST) for _ in range(5)]
    unmeasured = Usage(unmeasured_calls=1)
    assert said == [
        Completion(message=text_message("assistant", "text"), model="scripted", usage=unmeasured, finish="stop"),
        Completion(message=CALL, model="scripted", usage=unmeasured, finish="tool_calls"),
        WHOLE,
        Completion(message=text_message("assistant", "echo Hi"), model="scripted", usage=unmeasured, finish="stop"),
        WHOLE,
    ]
    assert model.asked == (REQUEST,) * 5


async def test_a_script_that_runs_out_says_so_each_time():
    model = ScriptedModel(["one"], name="short")
    await model.complete(REQUEST)
    for _ in range(2):
        with pytest.raises(ModelError) as caught:
            await model.complete(REQUEST)
        assert str(caught.value) == (
            'the script of model "short" has 1 answer and was asked for one more; '
            "the request ends in a user message: 'Hi'. Add an answer, or check why it was asked again"
        )


async def test_an_empty_script_says_so():
    with pytest.raises(ModelError, match="has 0 answers and was asked for one more; the request ends in no message"):
        await ScriptedModel([]).complete(ModelRequest(messages=()))


async def test_one_function_answers_every_request():
    model = ScriptedModel(lambda request: request.messages[0].text.upper())
    assert [(await model.complete(REQUEST)).message.text for _ in range(3)] == ["HI", "HI", "HI"]


async def test_a_script_may_be_endless():
    model = ScriptedModel(cycle(["a", "b"]))
    assert [(await model.complete(REQUEST)).message.text for _ in range(3)] == ["a", "b", "a"]


@pytest.mark.parametrize("one", ["one answer", CALL, WHOLE])
async def test_a_single_answer_is_a_script_of_one(one):
    model = ScriptedModel(one)
    first = await model.complete(REQUEST)
    assert first.message == (text_message("assistant", one) if isinstance(one, str) else getattr(one, "message", one))
    with pytest.raises(ModelError):
        await model.complete(REQUEST)


@pytest.mark.parametrize("wrong", [{"text": "x"}, lambda _: 7, None])
async def test_what_is_no_answer_is_named(wrong):
    model = ScriptedModel(["fine", wrong])
    await model.complete(REQUEST)
    shown = "7 (int)" if callable(wrong) else f"{wrong!r} ({type(wrong).__name__})"
    with pytest.raises(ModelError) as caught:
        await model.complete(REQUEST)
    assert str(caught.value) == (
        f'answer 2 of scripted model "scripted" is {shown}; allowed: a Completion, a Message, text'
    )


async def test_a_function_may_fail_as_a_model_does():
    def fail(_):
        raise ModelError("the endpoint is gone")

    with pytest.raises(ModelError, match="the endpoint is gone"):
        await ScriptedModel([fail]).complete(REQUEST)
