"""No request makes the sandbox itself fail, and its guide is correct."""

import random
import re
from pathlib import Path

import pytest

import reddit_sandbox as package
from reddit_sandbox import __main__ as command
from reddit_sandbox import made_up_authors, naming, words
from support.reddit_sandbox import RunningSandbox

GUIDE = Path(package.__file__).with_name("README.md").read_text()

ODD = (
    "",
    "0",
    "-1",
    "1e9",
    "9" * 5_000,
    "\x00",
    "\u0661\u0662",
    "t3_",
    "t3_zzzzzzzzzzzz",
    "t1_0",
    "t5_zz",
    "_",
    "../..",
    "%",
    "a,b,,c",
    "\U0001f9d1",
    "[deleted]",
    "pottery",
    "hostile_one",
    "suspended_one",
)
PATHS = (
    "/r/{}/about",
    "/r/{}/new",
    "/r/{}/hot",
    "/r/{}/top",
    "/r/{}/comments",
    "/r/pottery/comments/{}/{}/{}",
    "/comments/{}",
    "/comments/{}/_/{}",
    "/user/{}/about",
    "/user/{}/overview",
    "/api/info",
    "/api/morechildren",
    "/subreddits/search",
    "/{}/{}",
)
PARAMETERS = (
    "limit after before t sort depth id sr_name children link_id api_type limit_children raw_json"
)


@pytest.mark.parametrize("seed", range(4))
def test_no_request_makes_it_fail(sandbox: RunningSandbox, seed: int) -> None:
    rng = random.Random(seed)
    names = PARAMETERS.split()
    for _ in range(150):
        pattern = rng.choice(PATHS)
        path = pattern.format(*(rng.choice(ODD) for _ in range(3)))
        asked = {name: rng.choice(ODD) for name in rng.sample(names, rng.randrange(4))}
        reply = sandbox.http.get(
            "/" + path.lstrip("/").replace("%", "%25").replace("\x00", "%00"), params=asked
        )
        assert reply.status_code in (200, 302, 400, 403, 404, 414), (path, asked)


def test_other_methods_are_refused(sandbox: RunningSandbox) -> None:
    for method in ("PUT", "DELETE", "PATCH", "POST"):
        reply = sandbox.http.request(method, "/r/pottery/about")
        assert (reply.status_code, reply.json()["error"]) == (405, 405)


def test_a_body_that_is_too_large_is_refused(sandbox: RunningSandbox) -> None:
    reply = sandbox.http.post("/api/morechildren", data={"children": "x" * 1_100_000})
    assert reply.status_code == 413


def test_the_guide_has_every_scripted_name_and_no_other() -> None:
    scripted = set(re.findall(r"`([a-z0-9]+)_(?:\*|X)`", GUIDE)) - {"error"}
    assert scripted == (naming.SCRIPTS | set(made_up_authors.SCRIPTED)) - {"error"}
    assert "`error_*`" in GUIDE


def test_the_guide_has_every_option_and_no_other() -> None:
    options = {
        option
        for action in command.parser()._actions
        for option in action.option_strings
        if option.startswith("--")
    }
    documented = set(re.findall(r"`(--[a-z-]+)`", GUIDE))
    assert documented | {"--help", "--ready-file"} == options


def test_the_guide_names_the_keywords_of_the_themes() -> None:
    keywords = re.search(r"keyword the name contains\s+\((.*?)\)", GUIDE, re.DOTALL)
    assert keywords is not None
    assert re.findall(r"`(\w+)`", keywords[1]) == [theme.keyword for theme in words.THEMES]
