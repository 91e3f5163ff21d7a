import random

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agenteval.graph.match import Matching, maximum_matching

graphs = st.lists(st.lists(st.integers(0, 7), unique=True, max_size=6), max_size=8)


def largest(edges):
    """The size of a maximum matching, by Hopcroft and Karp's algorithm as networkx has it."""
    graph = nx.Graph()
    left = [("left", node) for node in range(len(edges))]
    graph.add_nodes_from(left)
    graph.add_edges_from((("left", a), ("right", b)) for a, ends in enumerate(edges) for b in ends)
    return len(nx.bipartite.hopcroft_karp_matching(graph, left)) // 2


@given(graphs)
def test_the_matching_is_as_large_as_any_and_one_to_one(edges):
    found = maximum_matching(edges)
    pairs = [(a, b) for a, b in enumerate(found) if b is not None]
    assert len(found) == len(edges)
    assert all(b in edges[a] for a, b in pairs)
    assert len({b for _, b in pairs}) == len(pairs) == largest(edges)


@given(graphs)
def test_it_is_a_maximum_after_every_node(edges):
    matching = Matching()
    for number, ends in enumerate(edges, start=1):
        before = len(matching.right)
        grew = matching.add(ends)
        assert len(matching.right) == largest(edges[:number]) == before + grew
        assert {a: b for b, a in matching.right.items()} == {a: b for a, b in enumerate(matching.left) if b is not None}


@pytest.mark.parametrize(
    ("edges", "found"),
    [
        ([], []),
        ([[]], [None]),
        ([[0], [0]], [0, None]),
        ([[0, 1], [0]], [1, 0]),  # taking the first free one for the first node leaves the second without
        ([[0], [0, 1], [1, 2]], [0, 1, 2]),
    ],
)
def test_small_matchings(edges, found):
    assert maximum_matching(edges) == found


def test_a_path_through_thousands_of_nodes_is_no_recursion():
    size = 5000
    edges = [[node, node + 1] for node in range(size)]
    edges.append([0])  # shifts every pair by one
    found = maximum_matching(edges)
    assert found == [*range(1, size + 1), 0]


def test_a_large_random_graph():
    source = random.Random(7)
    edges = [source.sample(range(300), 3) for _ in range(300)]
    found = maximum_matching(edges)
    assert sum(right is not None for right in found) == largest(edges)
