"""Find communities: groups of subreddits whose links lead mostly to one another.

The method is label propagation. Each subreddit starts with a label of its own. In each round, each
subreddit takes the label that has the largest sum of weights among its VOTES_MAX strongest
neighbours. The order and the choice between equal sums are fixed. So equal links always give equal
communities.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping

VOTES_MAX = 5  # at most this number of neighbours decide on the label of a subreddit
ROUNDS_MAX = 20  # limit of the rounds, even if labels still change after the last round


class LinkGraph:
    """Subreddits and their links, in arrays: 1,000,000 links take 32 MB."""

    def __init__(self, links: Iterable[tuple[int, int, float]]) -> None:
        """Read links. A link is two ids and a weight. Each pair of ids comes only once."""
        starts, ends, weights = array("q"), array("q"), array("d")
        for a_id, b_id, weight in links:
            starts.append(a_id)
            ends.append(b_id)
            weights.append(weight)
        self.ids = sorted({*starts, *ends})
        places = {subreddit_id: place for place, subreddit_id in enumerate(self.ids)}
        degrees = array("q", bytes(8 * (len(self.ids) + 1)))
        for ids in (starts, ends):
            for subreddit_id in ids:
                degrees[places[subreddit_id] + 1] += 1
        for place in range(len(self.ids)):
            degrees[place + 1] += degrees[place]
        self._first = degrees  # maps a place to the position of its first neighbour
        self._neighbours = array("q", bytes(8 * 2 * len(starts)))
        self._weights = array("d", bytes(8 * 2 * len(starts)))
        filled = array("q", degrees)
        for a_id, b_id, weight in zip(starts, ends, weights, strict=True):
            for one, other in ((places[a_id], places[b_id]), (places[b_id], places[a_id])):
                self._neighbours[filled[one]] = other
                self._weights[filled[one]] = weight
                filled[one] += 1
        self._keep_strongest()

    def labels(self) -> dict[int, int]:
        """Return a label for each subreddit. Subreddits with the same label are a community."""
        labels = list(range(len(self.ids)))
        changing = set(labels)
        for _ in range(ROUNDS_MAX):
            if not changing:
                break
            changed = set()
            # The label of a subreddit can change only if the label of a neighbour has changed.
            for place in sorted(changing):
                label = self._strongest_label(place, labels)
                if label != labels[place]:
                    labels[place] = label
                    changed.add(place)
            changing = {
                neighbour for place in changed for neighbour in self._neighbours_of(place)
            } | changed
        return {self.ids[place]: self.ids[label] for place, label in enumerate(labels)}

    def _neighbours_of(self, place: int) -> array[int]:
        return self._neighbours[self._first[place] : self._first[place + 1]]

    def _keep_strongest(self) -> None:
        """Let only the VOTES_MAX strongest links of a subreddit decide on its label.

        Set the weights of the subreddit's other links to 0. Otherwise the many weak links to large
        subreddits would join all communities into one.
        """
        for place in range(len(self.ids)):
            positions = range(self._first[place], self._first[place + 1])
            strongest = sorted(positions, key=lambda at: (-self._weights[at], self._neighbours[at]))
            for position in strongest[VOTES_MAX:]:
                self._weights[position] = 0.0

    def _strongest_label(self, place: int, labels: list[int]) -> int:
        sums: dict[int, float] = {}
        for position in range(self._first[place], self._first[place + 1]):
            if not self._weights[position]:
                continue
            label = labels[self._neighbours[position]]
            sums[label] = sums.get(label, 0.0) + self._weights[position]
        if not sums:
            return labels[place]
        largest = max(sums.values())
        if sums.get(labels[place]) == largest:
            return labels[place]  # without this rule, two labels with equal sums could alternate
        return min(label for label, total in sums.items() if total == largest)


def named_by_largest(
    labels: Mapping[int, int], subscribers: Mapping[int, int]
) -> dict[int, int | None]:
    """Return the community of each subreddit: the id of the largest member of the community.

    The largest member has the most subscribers. Of several members with the most subscribers, the
    one with the lowest id counts as the largest. A subreddit that shares its label with no other
    subreddit has no community (None).
    """
    members: dict[int, list[int]] = {}
    for subreddit_id, label in labels.items():
        members.setdefault(label, []).append(subreddit_id)
    found: dict[int, int | None] = {}
    for together in members.values():
        largest = max(together, key=lambda member: (subscribers.get(member, 0), -member))
        name = largest if len(together) > 1 else None
        found.update(dict.fromkeys(together, name))
    return found
