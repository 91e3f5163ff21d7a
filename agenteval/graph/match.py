"""Bipartite edges in, a maximum matching out: which left node goes with which right node, one to one.

References:
    H. W. Kuhn, The Hungarian method for the assignment problem, 1955 (augmenting paths);
    C. Berge, Two theorems in graph theory, 1957 (a matching is maximum where no augmenting path is left).
"""

from __future__ import annotations

from collections.abc import Sequence


class Matching:
    """A matching that grows by one left node at a time and is maximum after each.

    Attributes:
        left: For each left node seen, its right node; None where it has none.
        right: Right node to its left node.
    """

    __slots__ = ("_edges", "left", "right")

    def __init__(self) -> None:
        self._edges: list[Sequence[int]] = []
        self.left: list[int | None] = []
        self.right: dict[int, int] = {}

    def add(self, edges: Sequence[int]) -> bool:
        """Add a left node with its right nodes; True where the matching grew.

        Where it did not, no matching of the nodes seen so far is larger than this one.
        """
        node = len(self._edges)
        self._edges.append(edges)
        for there in edges:
            if there not in self.right:  # the shortest augmenting path, and as a rule the only one looked for
                self.left.append(there)
                self.right[there] = node
                return True
        self.left.append(None)
        came_from: dict[int, int] = {}  # right node to the left node that reached it
        waiting = [node]
        while waiting:
            here = waiting.pop()
            for there in self._edges[here]:
                if there in came_from:
                    continue
                came_from[there] = here
                if there not in self.right:
                    self._flip(there, came_from)
                    return True
                waiting.append(self.right[there])
        return False

    def _flip(self, there: int | None, came_from: dict[int, int]) -> None:
        """Walk back along the augmenting path, giving each left node the right node that it reached."""
        while there is not None:
            here = came_from[there]
            before = self.left[here]
            self.left[here], self.right[there] = there, here
            there = before


def maximum_matching(edges: Sequence[Sequence[int]]) -> list[int | None]:
    """For each left node, its right node in a maximum matching; None where it has none.

    Args:
        edges: For each left node, the right nodes that it may go with. Earlier ones are preferred where free.

    Returns:
        As many entries as left nodes. Time is O(left nodes times edges).
    """
    matching = Matching()
    for right_nodes in edges:
        matching.add(right_nodes)
    return matching.left
