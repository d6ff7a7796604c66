"""The order of a comment tree: replies follow their comment, for any parents and any depth."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from crawljobs.domain import tree_order
from crawljobs.domain.tree_order import TreeNode

T0 = datetime(2031, 1, 1, tzinfo=UTC)


def node(comment_id: str, parent: str, minute: int = 0) -> TreeNode:
    return TreeNode(comment_id, parent, T0 + timedelta(minutes=minute))


def shown(*nodes: TreeNode) -> list[tuple[str, int]]:
    return [(one.id, one.depth) for one in tree_order.in_tree_order(nodes)]


def test_a_comment_is_followed_by_its_replies_the_oldest_first() -> None:
    assert shown(
        node("d", "t1_a", 4), node("b", "t3_p", 2), node("c", "t1_a", 3),
        node("a", "t3_p", 1), node("e", "t1_c", 9), node("f", "t1_gone", 5),
    ) == [("a", 0), ("c", 1), ("e", 2), ("d", 1), ("b", 0), ("f", 0)]  # fmt: skip


def test_a_comment_and_a_post_with_the_same_id_are_different_items() -> None:
    assert shown(node("p", "t3_p"), node("q", "t1_p", 1), node("r", "t3_q", 2)) == [
        ("p", 0), ("q", 1), ("r", 0),
    ]  # fmt: skip


def test_a_circle_and_a_chain_of_any_depth_end() -> None:
    assert shown(node("a", "t1_b"), node("b", "t1_a", 1), node("c", "t1_b", 2)) == [
        ("a", 0), ("b", 1), ("c", 2),
    ]  # fmt: skip
    chain = [node(f"c{n}", f"t1_c{n - 1}", n) for n in range(20_000)]
    assert shown(*chain)[-1] == ("c19999", 19_999)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 3)), max_size=10))
def test_each_comment_is_placed_once_below_its_parent(drawn: list[tuple[int, int, int]]) -> None:
    nodes = {f"c{n}": node(f"c{n}", f"t1_c{parent}", age) for n, parent, age in drawn}
    placed = shown(*nodes.values())
    assert sorted(one for one, _ in placed) == sorted(nodes)
    for place, (comment_id, depth) in enumerate(placed):
        if depth:
            above = next(one for one, level in reversed(placed[:place]) if level == depth - 1)
            assert nodes[comment_id].parent_id == f"t1_{above}"
