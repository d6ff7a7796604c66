"""Settings select the real Reddit or the sandbox. The data of the two is never mixed."""

from pathlib import Path

import pytest

from onebox import reddit_source
from onebox.demo_errors import OneboxError
from onebox.postgres import data_folder


@pytest.mark.parametrize(
    ("variables", "real"),
    [
        ({}, False),
        ({"REDDIT_CLIENT_ID": "", "REDDIT_CLIENT_SECRET": " "}, False),
        ({"REDDIT_CLIENT_ID": "me", "REDDIT_CLIENT_SECRET": "s"}, True),
    ],
)
def test_the_real_reddit_is_meant_when_both_are_set(variables: dict[str, str], real: bool) -> None:
    assert (reddit_source.wanted(variables) != reddit_source.SANDBOX) is real


def test_the_secret_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    client = {"REDDIT_CLIENT_ID": "me", "REDDIT_CLIENT_SECRET_FILE": str(tmp_path / "secret")}
    assert reddit_source.wanted(client) == reddit_source.REAL


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({"REDDIT_CLIENT_ID": "me"}, "REDDIT_CLIENT_SECRET (or _FILE) is missing"),
        ({"REDDIT_CLIENT_SECRET": "s"}, "REDDIT_CLIENT_ID is missing"),
        ({"REDDIT_CLIENT_SECRET_FILE": "/s"}, "REDDIT_CLIENT_ID is missing"),
    ],
)
def test_half_of_a_client_is_a_mistake(variables: dict[str, str], missing: str) -> None:
    with pytest.raises(OneboxError) as refused:
        reddit_source.wanted(variables)
    assert str(refused.value).startswith(missing)


def test_a_nameless_client_of_the_real_reddit_is_warned_of() -> None:
    warning = reddit_source.warning
    assert "REDDIT_USER_AGENT is not set" in (warning(reddit_source.REAL, {}) or "")
    assert warning(reddit_source.REAL, {"REDDIT_USER_AGENT": "linux:me:1 (by /u/me)"}) is None
    assert warning("http://127.0.0.1:9", {}) is warning(reddit_source.SANDBOX, {}) is None


def test_another_address_is_not_called_the_real_reddit() -> None:
    client = {"REDDIT_CLIENT_ID": "me", "REDDIT_CLIENT_SECRET": "s"}
    assert reddit_source.shown(reddit_source.wanted(client)) == "the real Reddit"
    elsewhere = reddit_source.wanted({**client, "REDDIT_API_URL": "http://127.0.0.1:9/"})
    assert reddit_source.shown(elsewhere) == "http://127.0.0.1:9"


def test_a_folder_keeps_to_one_reddit(tmp_path: Path) -> None:
    with data_folder.opened(tmp_path / "data") as folder:
        reddit_source.refuse_mixing(folder, "sandbox")
        reddit_source.remember(folder, "sandbox")
        reddit_source.refuse_mixing(folder, "sandbox")
        with pytest.raises(OneboxError) as refused:
            reddit_source.refuse_mixing(folder, reddit_source.REAL)
    assert str(refused.value) == (
        f"{folder.path} contains data of the sandbox, so the real Reddit cannot be crawled "
        f"into it: use another folder, such as --data {folder.path}-2."
    )


@pytest.mark.parametrize(
    ("source", "clients", "other"),
    [
        ("sandbox", ["me"], "Reddit itself"),
        ("sandbox", ["sandbox", "me"], "Reddit itself"),
        (reddit_source.REAL, ["sandbox"], "a sandbox"),
    ],
)
def test_a_database_keeps_to_one_reddit(source: str, clients: list[str], other: str) -> None:
    with pytest.raises(OneboxError, match=f"contains data of {other}, so "):
        reddit_source.refuse_mixing_clients("It", source, clients)
    for right in ([], ["sandbox"] if source == "sandbox" else ["me", "you"]):
        reddit_source.refuse_mixing_clients("It", source, right)
