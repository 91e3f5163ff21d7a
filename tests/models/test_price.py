"""Prices and costs, against sums done by hand; what is unknown stays unknown."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenteval.core.trajectory import Usage
from agenteval.errors import RequestError
from agenteval.models import Prices, cost_of

PRICES = Prices(input=2.5, output=10.0, cached_input=0.25, cache_write=3.125)


@pytest.mark.parametrize(
    ("usage", "prices", "cost"),
    [
        (Usage(input_tokens=1_000_000, output_tokens=200_000), PRICES, 4.5),
        # 700 at 2.50, 200 at 0.25, 100 at 3.125, 50 at 10
        (
            Usage(input_tokens=1000, output_tokens=50, cached_tokens=200, cache_write_tokens=100, reasoning_tokens=40),
            PRICES,
            0.0026125,
        ),
        (Usage(input_tokens=0, output_tokens=0), PRICES, 0.0),
        (Usage(input_tokens=1000, output_tokens=50), None, None),
        (Usage(), PRICES, None),
        (Usage(unmeasured_calls=1), PRICES, None),
        (Usage(input_tokens=1000), PRICES, None),
        (Usage(output_tokens=1000), PRICES, None),
        (Usage(input_tokens=10, output_tokens=1, unmeasured_calls=1), PRICES, None),
        (Usage(input_tokens=10, output_tokens=0, cached_tokens=4), Prices(input=1.0, output=1.0), None),
        (Usage(input_tokens=10, output_tokens=0, cache_write_tokens=4), Prices(input=1.0, output=1.0), None),
        (Usage(input_tokens=10, output_tokens=0, cached_tokens=0), Prices(input=1.0, output=1.0), 0.00001),
        (Usage(input_tokens=10, output_tokens=1, cached_tokens=11), PRICES, None),
        (Usage(input_tokens=10, output_tokens=1, cached_tokens=6, cache_write_tokens=5), PRICES, None),
        (Usage(output_tokens=1_000_000), Prices(input=0.0, output=2.0), 2.0),
        (Usage(input_tokens=10**9, output_tokens=10**9), Prices.free(), 0.0),
        (Usage(unmeasured_calls=3), Prices.free(), 0.0),
        (Usage(cost_usd=9.0, unmeasured_calls=1), PRICES, None),
    ],
)
def test_a_cost_is_known_only_where_tokens_and_prices_are(usage, prices, cost):
    assert cost_of(usage, prices) == cost


@given(
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.integers(0, 10**9),
    st.lists(st.floats(0.001, 1000.0), min_size=4, max_size=4),
)
def test_a_cost_is_the_exact_sum_of_its_parts(plain, cached, written, output, prices):
    usage = Usage(
        input_tokens=plain + cached + written,
        output_tokens=output,
        cached_tokens=cached,
        cache_write_tokens=written,
    )
    cost = cost_of(usage, Prices(input=prices[0], output=prices[1], cached_input=prices[2], cache_write=prices[3]))
    pairs = zip((plain, output, cached, written), prices, strict=True)
    exact = sum(Fraction(tokens) * Fraction(price) for tokens, price in pairs) / 1_000_000
    assert cost == pytest.approx(float(exact), rel=1e-12)


def test_prices_are_read_from_names_and_figures():
    given = {"input": "2.50", "output": 10, "cached_input": 0.25}
    assert Prices.from_mapping(given) == Prices(input=2.5, output=10.0, cached_input=0.25)
    assert Prices.free() == Prices.from_mapping({"input": 0, "output": "0", "cached_input": 0, "cache_write": 0})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"input": 1, "ouput": 2}, 'unknown price "ouput". Did you mean "output"?'),
        ({"input": 1}, "price output missing: give input and output, in US dollars per million tokens"),
        ({}, "price input and output missing: give input and output, in US dollars per million tokens"),
        ({"input": "cheap", "output": 1}, 'price input is "cheap", which is not a number'),
        ({"input": None, "output": 1}, "price input is None, which is not a number"),
        ({"input": True, "output": 1}, "price input is True, which is not a number"),
        ({"input": -1, "output": 1}, "price input is -1.0; allowed: 0 or more US dollars per million tokens"),
        ({"input": "nan", "output": 1}, "price input is nan; allowed: 0 or more US dollars per million tokens"),
        ({"input": 1, "output": "inf"}, "price output is inf; allowed: 0 or more US dollars per million tokens"),
    ],
)
def test_a_wrong_price_is_named(given, said):
    with pytest.raises(RequestError) as caught:
        Prices.from_mapping(given)
    assert str(caught.value) == said


def test_prices_made_by_hand_are_checked_too():
    with pytest.raises(RequestError, match="price input is None; allowed: 0 or more"):
        Prices(input=None, output=1.0)
