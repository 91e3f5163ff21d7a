"""Simulated users: how they are written, what they understand, and when they are done."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenteval.core.message import Message, text_message
from agenteval.core.ports import User
from agenteval.errors import ScenarioError
from agenteval.testing.worlds import user_conformance
from agenteval.world.hearing import Ear, Heard
from agenteval.world.users import parse_user

KNOWS = {"order": "1187", "email": "ada@example.com", "new_size": "L", "why": "It is too small."}
WORDS = ["please", "confirm", "order", "?", "email", ".", "your", "what", "is", "-", "\n", "1.", "I", "need"]
ALIASES = {"why": ["reason", "what is wrong"], "new_size": ["size"]}


def user(spec: Mapping[str, Any], seed: int = 0) -> User:
    return parse_user(spec).make(seed)


async def talk(spec: Mapping[str, Any], *says: str, seed: int = 0) -> list[str | None]:
    """What the user replies to an agent that says these things."""
    made = user(spec, seed)
    messages: list[Message] = [text_message("user", spec["says"])]
    replies: list[str | None] = []
    for said in says:
        messages.append(text_message("assistant", said))
        replies.append(await made.reply(tuple(messages)))
        messages.append(text_message("user", replies[-1] or ""))
    return replies


async def test_a_scripted_user_says_its_lines_whatever_it_hears():
    spec = {"says": "Hello.", "then": ["One.", "Two."]}
    made = parse_user(spec)
    assert (made.opening, made.spec) == ("Hello.", spec)
    assert await talk(spec, "What is your name?", "", "Bye.", "Still there?") == ["One.", "Two.", None, None]
    assert await talk({"says": "Hello."}, "Hello!") == [None]
    assert await talk({"says": "Hello.", "then": "One."}, "a", "b") == ["One.", None]


async def test_one_user_does_not_use_up_the_lines_of_the_next():
    ref = parse_user({"says": "Hello.", "then": ["One."], "approves": False})
    for _ in range(2):
        made = ref.make(0)
        assert [await made.reply([text_message("assistant", "x")]) for _ in range(2)] == ["One.", None]


async def test_a_state_machine_answers_what_it_is_asked():
    spec = {"says": "I want my money back.", "knows": KNOWS, "aliases": ALIASES, "then": ["One more thing."]}
    assert await talk(
        spec,
        "Could you tell me your e-mail address and the order number?",
        "Thank you. What is the reason for the return?",
        "I will refund 42.50 to your card. Shall I go ahead?",
        "Done, 42.50 was refunded. Is there anything else I can do for you?",
        "That is noted.",
    ) == [
        "My email is ada@example.com. My order is 1187.",
        "It is too small.",
        "Yes, please go ahead.",
        "One more thing.",
        None,
    ]


async def test_it_refuses_to_confirm_where_it_says_so():
    spec = {"says": "Cancel it.", "knows": {}, "confirms": [False, True]}
    replies = await talk(
        spec, "Shall I cancel order 1?", "Shall I cancel order 1?", "Shall I keep it?", "Shall I stop?"
    )
    assert [reply and reply.partition(",")[0] for reply in replies] == ["No", "No", "Yes", "Yes"]
    assert replies[0] == replies[1]


async def test_it_does_not_have_what_it_does_not_know():
    spec = {"says": "Cancel it.", "knows": {"order": 1187}}
    assert await talk(
        spec, "What is your date of birth?", "Please provide your postcode.", "And the order number?"
    ) == [
        "I don't have that.",
        "I don't have that.",
        "My order is 1187.",
    ]


async def test_it_gives_up_when_nothing_new_comes():
    spec = {"says": "Cancel it.", "knows": {"order": "1187"}, "patience": 2}
    assert await talk(spec, *["What is your order number?"] * 4) == ["My order is 1187."] * 3 + [None]
    assert await talk(spec, *["What is your shoe size?"] * 3) == ["I don't have that."] * 2 + [None]
    assert await talk(spec, *["One moment."] * 3) == ["Okay."] * 2 + [None]
    assert await talk(spec, *["Hello! How can I help you today?"] * 3) == ["Cancel it."] * 2 + [None]
    shall = "Shall I cancel it?"
    assert len({*(await talk(spec, shall, shall, shall))}) == 1
    assert (await talk(spec, *[shall] * 4))[-1] is None


async def test_something_new_renews_its_patience():
    spec = {"says": "Cancel it.", "knows": {"order": "1187", "email": "a@b.c"}, "patience": 1}
    assert await talk(spec, "Shoe size?", "Order number?", "Shoe size?", "E-mail?", "Shoe size?", "Shoe size?") == [
        "I don't have that.",
        "My order is 1187.",
        "I don't have that.",
        "My email is a@b.c.",
        "I don't have that.",
        None,
    ]


async def test_the_seed_chooses_between_phrases_and_nothing_else():
    spec = {"says": "Cancel it.", "knows": {}}
    said = {(await talk(spec, "Shall I cancel it?", seed=seed))[0] for seed in range(20)}
    assert said == {"Yes, please go ahead.", "Yes, please do.", "Yes, that is fine, go ahead."}


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        # asks
        ("What is your order number?", Heard(asks=("order",))),
        ("I need your e-mail address and your order number.", Heard(asks=("email", "order"))),
        (
            "To verify you, please provide:\n- your **email**\n- the order number\n\nThank you!",
            Heard(asks=("email", "order")),
        ),
        ("Please share the following details:\n1. Email address\n2. Reason", Heard(asks=("email", "why"))),
        ("Please confirm your email address.", Heard(asks=("email",))),
        ("Could you confirm the order number?", Heard(asks=("order",))),
        ("May I have your registered email, please?", Heard(asks=("email",))),
        ("Your order number, please.", Heard(asks=("order",))),
        ("Which size would you like?", Heard(asks=("new_size",))),
        ("What\u2019s wrong with it? What is wrong, and which order is it?", Heard(asks=("why", "order"), other=True)),
        ("Which of your orders is it?", Heard(asks=("order",))),
        ("Which size should I send?", Heard(asks=("new_size",))),
        ("And so, what size shall I send?", Heard(asks=("new_size",))),
        ("Shall I send the same size or another?", Heard(asks=("new_size",))),
        # confirms
        ("Shall I cancel order 1187 or not?", Heard(confirms=True)),
        ("I will refund 42.50 for your order. Shall I proceed?", Heard(confirms=True)),
        ("Would you like me to cancel your order?", Heard(confirms=True)),
        ("Is that correct?", Heard(confirms=True)),
        ("Please confirm that you want order 1187 cancelled.", Heard(confirms=True)),
        ("Please confirm the refund of 42.50.", Heard(confirms=True)),
        ("Can I go ahead? (yes/no)", Heard(confirms=True)),
        ("Reply with 'yes' to continue.", Heard(confirms=True)),
        ("Do you confirm the cancellation of order 1187?", Heard(confirms=True)),
        ("Before I go on: what is your email? And shall I cancel it?", Heard(asks=("email",), confirms=True)),
        # checks
        ("Is it order 1187?", Heard(checks=True)),
        ("Is your email address ada@example.com?", Heard(checks=True)),
        ("Is it order 11870?", Heard(asks=("order",))),
        # other
        ("What is your postcode?", Heard(other=True)),
        ("Please provide your postcode.", Heard(other=True)),
        ("What is your address?", Heard(other=True)),
        # waits, helps
        ("One moment please.", Heard(waits=True)),
        ("Let me check that for you.", Heard(waits=True)),
        ("Hello! How can I help you today?", Heard(helps=True)),
        # nothing
        ("", Heard()),
        ("I am sorry, I cannot help with that.", Heard()),
        ("Your order 1187 was cancelled. The refund goes to your card.", Heard()),
        ("Done. Anything else I can do for you?", Heard()),
        ("Please let me know if you need help with your order.", Heard()),
        ("Please allow five days for the refund of your order.", Heard()),
        ("Please keep the email with the label.", Heard()),
    ],
)
def test_what_a_message_asks(text: str, heard: Heard):
    assert Ear(KNOWS, ALIASES).hear(text) == heard


def test_a_phrase_for_something_unknown_is_nothing_known():
    ear = Ear({"address": "Mill Lane 2"}, {})
    assert ear.hear("What is your email address?") == Heard(other=True)
    assert ear.hear("What is your new address?") == Heard(asks=("address",))


def test_a_long_message_is_read_from_its_end():
    assert Ear(KNOWS, {}).hear("x " * 2_000_000 + "What is your order number?") == Heard(asks=("order",))


@given(
    st.text(max_size=200),
    st.lists(st.sampled_from(WORDS)),
)
def test_any_text_is_understood_somehow(text: str, words: list[str]):
    ear = Ear(KNOWS, ALIASES)
    for each in (text, " ".join(words)):
        assert set(ear.hear(each).asks) <= set(KNOWS)


async def test_the_kit_passes_both_kinds():
    secrets = list(KNOWS.values())[:2]
    await user_conformance(parse_user({"says": "Hello.", "then": ["One."]}).make, secrets=secrets)
    await user_conformance(
        parse_user({"says": "Hello.", "knows": KNOWS, "then": ["One.", "Two."]}).make,
        secrets=secrets,
        says=["Done.", "Let me check.", "How can I help?", "What is your shoe size?", "Shall I?"],
    )


class Chatty:
    def __init__(self, seed: int) -> None:
        self.turn = seed

    async def reply(self, messages: object) -> str | None:
        return "My order is 1187."


class Moody(Chatty):
    made = 0

    def __init__(self, seed: int) -> None:
        Moody.made += 1
        self.turn = Moody.made

    async def reply(self, messages: object) -> str | None:
        return "Yes." if self.turn % 2 else None


class Numb(Chatty):
    async def reply(self, messages: object) -> Any:
        return 7


class Telling(Chatty):
    async def reply(self, messages: Any) -> str | None:
        return "My order is 1187." if len(messages) < 3 else None


@pytest.mark.parametrize(
    ("kind", "said"),
    [(Chatty, "not done"), (Moody, "same seed"), (Numb, "text or None"), (Telling, "without being asked")],
)
async def test_the_kit_catches_what_is_wrong(kind: type[Chatty], said: str):
    with pytest.raises(AssertionError, match=said):
        await user_conformance(kind, secrets=["1187"])


@pytest.mark.parametrize(
    ("spec", "said", "path"),
    [
        ("hello", "user: must be an object with keys of: says, then, approves, knows", ("user",)),
        ({}, 'user: "says" is missing', ("user", "says")),
        ({"says": " "}, "user.says: is empty", ("user", "says")),
        ({"says": 7}, "user.says: must be text, not 7", ("user", "says")),
        ({"says": "x", "then": ["y", 7]}, "user.then[1]: must be text, not 7", ("user", "then", 1)),
        ({"says": "x", "thn": []}, 'user: unknown key "thn". Did you mean "then"?', ("user", "thn")),
        (
            {"says": "x", "confirms": True},
            'user.confirms: is for a user that knows things; add "knows: {}"',
            ("user", "confirms"),
        ),
        ({"says": "x", "knows": {"a": True}}, "user.knows.a: must be text, not true", ("user", "knows", "a")),
        ({"says": "x", "knows": {"a": ["b"]}}, 'user.knows.a: must be text, not ["b"]', ("user", "knows", "a")),
        ({"says": "x", "knows": None}, "user.knows: must be an object, not null", ("user", "knows")),
        ({"says": "x", "knows": {}, "patience": 0}, "user.patience: is 0; it must be 1 or more", ("user", "patience")),
        (
            {"says": "x", "knows": {}, "confirms": ["yes"]},
            'user.confirms[0]: must be true or false, not "yes"',
            ("user", "confirms", 0),
        ),
        ({"says": "x", "knows": {}, "confirms": []}, "user.confirms: ", ("user", "confirms")),
        (
            {"says": "x", "knows": {"order": "1"}, "aliases": {"oder": ["y"]}},
            'user.aliases.oder: the user knows no "oder". Did you mean "order"?',
            ("user", "aliases", "oder"),
        ),
    ],
)
def test_a_user_that_is_written_wrongly_is_refused(spec: Any, said: str, path: tuple[str | int, ...]):
    with pytest.raises(ScenarioError) as found:
        parse_user(spec, path=("user",))
    assert found.value.message.startswith(said)
    assert found.value.path == path


def test_all_that_is_wrong_is_told():
    with pytest.raises(ScenarioError) as found:
        parse_user({"says": 1, "then": [2], "no": 3})
    assert len(found.value.message.splitlines()) == 3


# --- what an agent stops at


async def answers(spec: Any, *questions: str) -> list[Any]:
    """What a user answers to each question."""
    made: Any = user(spec, 0)
    return [await made.answer([text_message("user", spec["says"]), text_message("assistant", q)]) for q in questions]


async def test_a_scripted_user_answers_as_it_approves_else_with_its_next_line():
    asked = ("May I?", "What is your name?", "May I?")
    assert await answers({"says": "Go.", "approves": False}, *asked) == [False, False, False]
    assert await answers({"says": "Go.", "approves": [True, False]}, *asked) == [True, False, False]
    assert await answers({"says": "Go.", "then": ["One.", "Two."]}, *asked) == ["One.", "Two.", None]
    assert await answers({"says": "Go.", "then": ["One."], "approves": True}, "May I?") == [True]


async def test_a_state_machine_answers_from_what_it_knows_and_else_yes_or_no():
    spec = {"says": "Refund me.", "knows": KNOWS, "aliases": ALIASES, "confirms": [True, False]}
    assert await answers(
        spec,
        "What is your e-mail address?",
        "Please tell me your phone number.",
        "How often do you want it?",
        "Shall I refund 42.50?",
        "Approve this refund",
        '{"action": "refund", "amount": 42.5}',
        "Go on?",
    ) == ["My email is ada@example.com.", "I don't have that.", "I don't have that.", True, False, False, False]
    assert await answers({**spec, "approves": [False, True]}, "Order number?", "May I?", "Why?") == [False, True, True]


async def test_answers_do_not_use_up_the_users_patience():
    made: Any = user({"says": "Go.", "knows": {}, "patience": 1}, 0)
    said = [text_message("assistant", "What colour is it?")]
    assert [await made.answer(said) for _ in range(5)] == ["I don't have that."] * 5
    assert await made.reply(said) == "I don't have that."


@pytest.mark.parametrize(
    ("approves", "error"),
    [
        ("yes", 'user.approves[0]: must be true or false, not "yes"'),
        ([True, 1], "user.approves[1]: must be true or false, not 1"),
        ([], "user.approves: is empty; write at least one, or leave it out"),
    ],
)
def test_what_a_user_approves_is_true_or_false(approves: Any, error: str):
    with pytest.raises(ScenarioError, match=re.escape(error)):
        parse_user({"says": "Go.", "approves": approves})
