"""The sandbox's world depends on its seed, and changes only if an option demands it."""

from pathlib import Path

import pytest

from reddit_sandbox import names_file, naming, words
from reddit_sandbox.community import Community
from reddit_sandbox.item import Item
from reddit_sandbox.options import Options
from reddit_sandbox.world import World
from support import reddit_sandbox

PATHS = ("/r/pottery/about", "/r/my_place/new?limit=100", "/r/kilntalk/comments?limit=100")


def test_two_processes_of_a_seed_tell_the_same_story() -> None:
    stories = []
    for seed in (7, 7, 8):
        with reddit_sandbox.serve("--seed", seed) as running:
            texts = [running.http.get(path).text for path in PATHS]
            author = running.children("/r/pottery/new", limit=100)[3]["author"]
            texts.append(running.http.get(f"/user/{author}/overview").text)
            stories.append(texts)
    assert stories[0] == stories[1]
    assert all(one != other for one, other in zip(stories[1], stories[2], strict=True))


def test_nothing_changes_between_two_looks() -> None:
    with reddit_sandbox.serve() as running:
        looks = [[running.http.get(path).text for path in PATHS] for _ in range(2)]
    assert looks[0] == looks[1]


def test_the_present_can_be_chosen() -> None:
    with reddit_sandbox.serve("--now", "2026-02-03T04:05:06") as running:
        newest = running.children("/r/big_one/new", limit=1)[0]
    assert 1_770_091_506 - 86_400 < newest["created_utc"] <= 1_770_091_506


def test_no_item_is_from_the_future_or_older_than_its_community() -> None:
    world = World(Options())
    for name in ("pottery", "big_one", "tiny_one", "somewhere"):
        home = world.community(name)
        times = [each.at for each in home.posts] + [each.at for each in home.comments]
        assert home.created < min(times)
        assert max(times) <= world.options.now


def test_items_of_a_kind_never_share_a_second() -> None:
    home = World(Options()).community("big_one")
    for items in (home.posts, home.comments):
        times = [each.at for each in items]
        assert times == sorted(set(times))


def test_every_answer_is_later_than_what_it_answers() -> None:
    home = World(Options()).community("big_one")
    for each in home.comments:
        assert home.posts[each.post].at < each.at
        if each.parent >= 0:
            parent = home.comments[each.parent]
            assert (parent.post, parent.at < each.at) == (each.post, True)


def test_an_id_leads_back_to_its_item() -> None:
    world = World(Options())
    home = world.community("somewhere")
    items = [Item(home, post) for post in home.posts[:50]]
    items += [Item(home, comment) for comment in home.comments[:50]]
    for item in items:
        assert world.resolve(item.fullname) == item


@pytest.mark.parametrize(
    "name", ["", "t3_", "t1_!", "t3_" + "z" * 13, "t3_Z\x00", "t5_x", "_", "t3"]
)
def test_what_is_no_id_leads_nowhere(name: str) -> None:
    assert World(Options()).resolve(name) is None


def test_most_communities_are_small_and_few_are_large() -> None:
    sizes = [naming.size(1, f"somewhere{n}") for n in range(500)]
    assert min(sizes) >= 40
    assert max(sizes) <= 1_500
    assert sum(size <= 300 for size in sizes) > 425
    assert sum(size > 300 for size in sizes) > 10


def test_communities_made_again_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reddit_sandbox.world.READY_ITEMS", 1)
    world = World(Options())
    first = world.community("pottery")
    world.community("kilntalk")
    again = world.community("pottery")
    assert again is not first
    assert (again.posts, again.comments) == (first.posts, first.comments)


def test_remembered_names_are_bounded_and_forgotten_ones_leave_the_histories(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("reddit_sandbox.world.REMEMBERED", 1)
    world = World(Options())
    home = world.community("pottery_one")
    item = Item(home, home.posts[0])
    assert world.resolve(item.fullname) == item
    world.community("pottery_two")
    assert world.resolve(item.fullname) is None
    assert homes(world, home.members[0]).isdisjoint({"pottery_one"})
    assert world.community("pottery_one").posts == home.posts
    assert "pottery_one" in homes(world, home.members[0])


def homes(world: World, author: int) -> set[str]:
    items = world.history(author, posts=True, comments=True, limit=1_000)
    return {item.community.name for item in items}


def test_ids_of_the_catalogue_are_told_apart_by_their_communities() -> None:
    world = World(Options())
    tags = {world.community(name).tag for name in naming.CATALOGUE}
    assert len(tags) == len(naming.CATALOGUE) == sum(len(t.communities) for t in words.THEMES)


def test_catalogue_names_are_names_and_none_is_a_script() -> None:
    for name in naming.CATALOGUE.values():
        assert naming.VALID.fullmatch(name)
        assert naming.script(name) is None


class Live:
    """A world in which new posts appear by a clock that the test moves."""

    def __init__(self, per_minute: float) -> None:
        self.clock = 5_000.0
        self.world = World(Options(new_items_per_minute=per_minute), lambda: self.clock)

    def home(self) -> Community:
        return self.world.community("pottery")


def test_new_posts_appear_as_often_as_asked_and_stay() -> None:
    live = Live(per_minute=6)
    before = list(live.home().posts)
    live.clock += 9
    assert live.home().posts == before
    live.clock += 1
    assert len(live.home().posts) == len(before) + 1
    live.clock += 590
    grown = list(live.home().posts)
    assert len(grown) == len(before) + 60
    assert grown[: len(before)] == before
    assert live.world.now() - 10 <= grown[-1].at <= live.world.now()


def test_new_comments_come_with_new_posts_and_ids_keep_growing() -> None:
    live = Live(per_minute=20)
    comments = len(live.home().comments)
    live.clock += 600
    home = live.home()
    assert len(home.comments) > comments
    assert max(each.at for each in home.comments) <= live.world.now()
    for items in (home.posts, home.comments):
        times = [each.at for each in items]
        assert times == sorted(set(times))


def test_new_posts_do_not_depend_on_when_somebody_looks() -> None:
    patient, restless = Live(per_minute=20), Live(per_minute=20)
    for _ in range(60):
        restless.clock += 1
        restless.home()
    patient.clock += 60
    assert patient.home().posts == restless.home().posts
    assert patient.home().comments == restless.home().comments


def test_a_new_post_stands_in_its_authors_history() -> None:
    live = Live(per_minute=6)
    live.clock += 60
    newest = live.home().posts[-1]
    history = live.world.history(newest.author, posts=True, comments=False, limit=10)
    assert history[0] == Item(live.home(), newest)


def test_names_in_a_file_outlive_the_process(tmp_path: Path) -> None:
    names = tmp_path / "names"
    with reddit_sandbox.serve("--names-file", names) as running:
        post = running.children("/r/my_own_place/new")[0]
        running.get("/r/pottery/about")
        running.get("/r/private_one/about")
    assert names.read_text() == "my_own_place\n"
    with reddit_sandbox.serve("--names-file", names) as running:
        assert running.thread(post["id"])[0]["title"] == post["title"]


def test_a_file_of_names_is_bounded_and_its_nonsense_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reddit_sandbox.world.REMEMBERED", 2)
    path = tmp_path / "names"
    assert names_file.load(path) == []
    path.write_bytes(b"one\ntwo\n\xff\x00\n../../etc\ntwo\nthree\n\n")
    loaded = names_file.load(path)
    assert loaded == ["two", "three"]
    names_file.keep(path, loaded)("four")
    assert path.read_text() == "two\nthree\nfour\n"
