"""A query as text in, as values out; wrong ones are told with the place and the nearest right name."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenteval.core.find import Facts, Find, Named, Said, Sized, meets, moment, parse, words_of
from agenteval.errors import RequestError

NOW_NS = 1_790_000_000 * 10**9
DAY_NS = 86_400 * 10**9


def asked(text: str) -> Find:
    return parse(text, now_ns=NOW_NS)


def test_a_query_is_conditions_and_words() -> None:
    assert asked('tool:refund status:error,limit cost>0.1 since:7d "Late  Parcel" -agent:canary') == Find(
        named=(
            Named(kind="tool", values=("refund",)),
            Named(kind="status", values=("error", "limit")),
            Named(kind="agent", values=("canary",), negated=True),
        ),
        sized=(Sized(figure="cost", comparison=">", value=0.1),),
        said=(Said(words=("late", "parcel")),),
        since_ns=NOW_NS - 7 * DAY_NS,
    )
    assert asked('text:"Late  Parcel" -Text=refund') == Find(
        said=(Said(words=("late", "parcel")), Said(words=("refund",), negated=True))
    )
    assert asked("  ") == Find()


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('tool:"a b,c"', Named(kind="tool", values=("a b,c",))),
        ("Tool=x", Named(kind="tool", values=("x",))),
        ("finding:refunded=fail", Named(kind="finding", values=("refunded=fail",))),
        ("session:a:b>c", Named(kind="session", values=("a:b>c",))),
        (f"session:{'x' * 300}", Named(kind="session", values=("x" * 200,))),
    ],
)
def test_names_may_be_quoted_and_hold_anything(text: str, wanted: Named) -> None:
    assert asked(text).named == (wanted,)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("cost>=$1.50", (">=", 1.5)),
        ("cost:.5", ("=", 0.5)),
        ("tokens<5k", ("<", 5_000)),
        ("tokens<=1.5m", ("<=", 1_500_000)),
        ("duration>300ms", (">", 300_000_000)),
        ("duration=2", ("=", 2 * 10**9)),
        ("duration<1.5h", ("<", 5_400 * 10**9)),
    ],
)
def test_figures_have_units(text: str, wanted: tuple[str, float]) -> None:
    found = asked(text).sized[0]
    assert (found.comparison, found.value) == wanted


@pytest.mark.parametrize(
    ("text", "at_ns"),
    [
        ("30m", NOW_NS - 30 * 60 * 10**9),
        ("2w", NOW_NS - 14 * DAY_NS),
        ("2026-11-24", 1_795_478_400 * 10**9),
        ("2026-11-24T10:00Z", (1_795_478_400 + 36_000) * 10**9),
        ("2026-11-24T10:00:00.5+02:00", (1_795_478_400 + 28_800) * 10**9 + 5 * 10**8),
    ],
)
def test_times_are_dates_or_how_long_ago(text: str, at_ns: int) -> None:
    assert moment(text, NOW_NS, what="since:") == at_ns
    assert asked(f"until:{text}").until_ns == at_ns


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tols:refund", 'nothing is found by "tols". Did you mean "tool"?'),
        ("zzz:1", 'nothing is found by "zzz". Known: agent, cost, duration, finding, label, model,'),
        ("a 'b\" c", "from character 2 on"),
        ('agent:a "open', "cannot read the query from character 8 on: '\"open'; is a quote left open?"),
        ('tool:"a"b', "cannot read the query from character 1 on"),
        ("tool:", "'tool:' says nothing after ':'; to look for words, quote them"),
        ('tool:""', "says nothing after ':'"),
        ("tool:,", "tool:, names nothing"),
        ("tool>x", "tool>x: a name is asked for with tool:x"),
        ("cost>much", "cost>much: 'much' is no number"),
        ("tokens>5g", "'5g' is no number (units: k, m)"),
        ("-cost>1", "'-cost>1': only names and words can be turned round; turn the comparison"),
        ("-since:1d", "only names and words can be turned round"),
        ("since>1d", "since>1d: a time is given with since:1d"),
        ("since:soon", "since: 'soon' is no time; give 30m, 12h, 7d, 2w, or a date"),
        ("until:2026-13-01", "until: '2026-13-01' is no time"),
        ("until:9999999d", "is no time"),
        ("!?", "'!?' holds no word: words are letters and digits"),
    ],
)
def test_a_wrong_query_is_told_with_what_is_allowed(text: str, said: str) -> None:
    with pytest.raises(RequestError) as caught:
        asked(text)
    assert said in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_a_query_or_an_error_of_the_request(text: str) -> None:
    with suppress(RequestError):
        assert meets(Facts(trajectory="t", words=words_of(text)), asked(text)) in {True, False}


@given(st.lists(st.text(alphabet="abc ÄßİŸ_1-", max_size=9), max_size=6))
def test_words_are_found_in_the_text_that_they_are_of(texts: list[str]) -> None:
    text = " ".join(texts)
    facts = Facts(trajectory="t", words=words_of(text))
    for part in filter(words_of, texts):
        assert meets(facts, Find(said=(Said(words=tuple(words_of(part.upper().casefold()))),)))


def test_what_was_not_measured_meets_no_condition() -> None:
    unknown = Facts(trajectory="t")
    for text in ("cost>0", "cost<=0", "tokens:0", "duration<1h"):
        assert not meets(unknown, asked(text))
    assert meets(Facts(trajectory="t", cost_usd=0.0), asked("cost<=0"))
