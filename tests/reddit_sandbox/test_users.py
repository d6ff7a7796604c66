"""Authors and their histories agree with the content of the communities."""

import collections

from support.reddit_sandbox import RunningSandbox


def authors_of(sandbox: RunningSandbox, community: str) -> set[str]:
    items = sandbox.children(f"/r/{community}/new", limit=100)
    items += sandbox.children(f"/r/{community}/comments", limit=100)
    return {item["author"] for item in items if item["author"] != "[deleted]"}


def test_what_a_community_shows_stands_in_its_authors_histories(sandbox: RunningSandbox) -> None:
    hidden = 0
    for path, history in (("new", "submitted"), ("comments", "comments")):
        for item in sandbox.children(f"/r/my_own_place/{path}", limit=30):
            if item["author"] == "[deleted]":
                continue
            reply = sandbox.get(f"/user/{item['author']}/{history}", limit=100)
            if reply.status_code == 403:
                hidden += 1
                continue
            found = {child["data"]["name"] for child in reply.json()["data"]["children"]}
            if not found:
                hidden += 1
                continue
            assert item["name"] in found
    assert hidden < 20


def test_what_a_history_shows_stands_in_the_communities(sandbox: RunningSandbox) -> None:
    busiest = collections.Counter(
        post["author"] for post in sandbox.children("/r/kilntalk/new", limit=100)
    )
    checked = 0
    for author, _ in busiest.most_common(5):
        reply = sandbox.get(f"/user/{author}/submitted")
        if reply.status_code != 200:  # the account is suspended or does not exist
            continue
        for child in reply.json()["data"]["children"][:3]:
            post = child["data"]
            assert post["author"] == author
            assert any(post in page for page in sandbox.pages(f"/r/{post['subreddit']}/new"))
            checked += 1
    assert checked > 5


def test_an_overview_mixes_both_kinds_newest_first(sandbox: RunningSandbox) -> None:
    for author in sorted(authors_of(sandbox, "pottery"))[:10]:
        page = sandbox.get(f"/user/{author}/overview", limit=100).json()["data"]
        if page["children"]:
            break
    created = [child["data"]["created_utc"] for child in page["children"]]
    assert created == sorted(created, reverse=True)
    both = sandbox.children(f"/user/{author}/submitted", limit=100)
    both += sandbox.children(f"/user/{author}/comments", limit=100)
    assert page["dist"] == len(both) == len({item["name"] for item in both})


def test_communities_of_a_theme_share_authors_and_strangers_do_not(
    sandbox: RunningSandbox,
) -> None:
    pottery = authors_of(sandbox, "pottery")
    same_theme = [authors_of(sandbox, name) for name in ("KilnTalk", "CeramicMugs", "ClayBodies")]
    far_away = [authors_of(sandbox, name) for name in ("SynthPatches", "OwlPellets", "BikeFit")]
    related = authors_of(sandbox, "pottery_beginners")
    nearest = min(len(pottery & others) for others in same_theme)
    farthest = max(len(pottery & others) for others in far_away)
    assert nearest >= 5
    assert farthest <= 2
    assert len(pottery & related) >= 5


def test_histories_show_several_communities(sandbox: RunningSandbox) -> None:
    counts = [
        len({item["subreddit"] for item in sandbox.children(f"/user/{author}/overview", limit=100)})
        for author in sorted(authors_of(sandbox, "pottery"))
        if sandbox.get(f"/user/{author}/overview").status_code == 200
    ]
    assert sum(count >= 2 for count in counts) > len(counts) / 2


def test_a_user_is_described_whatever_the_case_of_the_name(sandbox: RunningSandbox) -> None:
    author = min(authors_of(sandbox, "pottery"))
    about = sandbox.get(f"/user/{author}/about").json()
    assert about["data"]["name"] == author
    assert sandbox.get(f"/user/{author.upper()}/about.json").json() == about


def test_the_standing_of_an_account_decides_what_is_shown(sandbox: RunningSandbox) -> None:
    suspended = sandbox.get("/user/suspended_one/about").json()
    assert suspended == {"kind": "t2", "data": {"name": "suspended_one", "is_suspended": True}}
    assert sandbox.get("/user/suspended_one/submitted").status_code == 403
    for name in ("hidden_one", "lurker_one"):
        assert sandbox.get(f"/user/{name}/about").json()["data"]["name"] == name
        for what in ("overview", "submitted", "comments"):
            data = sandbox.get(f"/user/{name}/{what}").json()["data"]
            assert (data["children"], data["after"], data["dist"]) == ([], None, 0)
    for name in ("nobody-at-all", "deleted_one", "[deleted]", "x" * 300):
        for what in ("about", "overview"):
            reply = sandbox.get(f"/user/{name}/{what}")
            assert reply.status_code == 404
            assert reply.json() == {"message": "Not Found", "error": 404}


def test_some_authors_who_are_seen_are_suspended_or_hidden(sandbox: RunningSandbox) -> None:
    seen = {"active": 0, "hidden": 0, "suspended": 0}
    names = set().union(*(authors_of(sandbox, f"big_{letter}") for letter in "abc"))
    for author in names:
        about = sandbox.get(f"/user/{author}/about").json()["data"]
        if about.get("is_suspended"):
            seen["suspended"] += 1
        elif about["hide_from_robots"]:
            assert sandbox.children(f"/user/{author}/overview") == []
            seen["hidden"] += 1
        else:
            seen["active"] += 1
    assert seen["active"] > seen["hidden"] > seen["suspended"] > 0
