"""The scan finds planted secrets and nothing else. It names the place but not the secret."""

import contextlib
import io
import secrets
import string
import subprocess
from pathlib import Path

import pytest

from crawljobs.domain import api_token
from support import programs

ROOT = Path(__file__).parents[2]
SCAN = ROOT / ".ci" / "secret-scan"
LETTERS = string.ascii_letters + string.digits


def drawn(length: int) -> str:
    """Return random text with both cases and digits, such as a secret that a program makes."""
    return "aB3" + "".join(secrets.choice(LETTERS) for _ in range(length - 3))


PROGRAM = programs.load(SCAN)


def scan(folder: Path) -> tuple[int, str]:
    """Return the exit code and the output of the scan."""
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        code = PROGRAM.main([str(folder)])
    return code, said.getvalue()


# The values are composed here, so that this file itself contains no secret.
PLANTED = {
    "a token of the admin-api": api_token.new_token()[0],
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "a private key of OpenSSH": "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    "a password in an address": f"DATABASE_URL=postgresql://app:{drawn(24)}@db.example/x",
    "a short password in an address": "postgres://app:" + "Tr0ub4dor&3" + "@db/x",
    "a long password of words in an address": "amqp://app:" + "correcthorsebattery" + "@mq:5672/",
    "a key of AWS": "AKIA" + "ABCDEFGHIJ234567",
    "a token of GitHub": "ghp_" + drawn(36),
    "a token of Slack": "xoxb-" + "1234567890-" + drawn(24),
    "a header with a token": f"curl -H 'Authorization: Bearer {drawn(40)}'",
    "a secret that is assigned": f'REDDIT_CLIENT_SECRET = "{drawn(30)}"',
    "a secret in YAML": f"admin_api_token: {drawn(32)}",
    "a JSON web token": f"eyJ{drawn(20)}.eyJ{drawn(40)}.{drawn(43)}",
}


@pytest.mark.parametrize("name", sorted(PLANTED))
def test_a_planted_secret_is_found_and_not_repeated(name: str, tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text(f"one\ntwo\n    {PLANTED[name]}\n")
    code, said = scan(tmp_path)
    assert code == 1
    assert said.startswith("notes.md:3: a ")
    assert PLANTED[name] not in said


@pytest.mark.parametrize("name", [".env", "server.key", "deploy/tls.pem", ".ssh/id_ed25519"])
def test_a_file_of_secrets_is_found_by_its_name(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("x\n")
    assert scan(tmp_path)[1].startswith(f"{name}: a file of secrets")


def test_what_git_would_take_is_looked_at_and_what_it_ignores_is_not(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("/secrets/\n")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token").write_text(PLANTED["a token of the admin-api"])
    assert scan(tmp_path) == (0, "")
    (tmp_path / "new.txt").write_text(PLANTED["a token of the admin-api"])
    assert scan(tmp_path)[1].startswith("new.txt:1: a token of the admin-api")


def test_without_git_what_programs_make_is_not_looked_at(tmp_path: Path) -> None:
    for folder in (".venv/lib", ".onebox", "sub/node_modules"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.pem").write_text(PLANTED["a private key"])
    assert scan(tmp_path) == (0, "")
    (tmp_path / "sub" / "x.pem").write_text("")
    assert scan(tmp_path)[1].startswith("sub/x.pem: a file of secrets")


def test_placeholders_are_no_secrets(tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text(
        "postgresql://user:password@host/d postgresql://ROLE:PASSWORD@h/d\n"
        "f'postgresql://{role}:{password}@{host}' postgresql://u:$PASSWORD@h/d\n"
        "REDDIT_CLIENT_SECRET=your-secret ADMIN_API_TOKEN=$(cat token)\n"
        "Authorization: Bearer TOKEN\n--hash=sha256:" + "0a" * 32 + "\n"
    )
    assert scan(tmp_path) == (0, "")


def test_the_project_holds_no_secret() -> None:
    assert scan(ROOT) == (0, "")
    assert subprocess.run([SCAN], check=False, timeout=60).returncode == 0  # as CI does
    assert ".ci/secret-scan" in (ROOT / ".ci" / "run").read_text()
