"""Rules of the dashboard's files: sizes, first lines, nothing inline, vendored modules."""

import gzip
import hashlib
import re
import tomllib
from pathlib import Path

from admin_api.dashboard import assets, module_graph

STATIC = assets.all_assets()
VENDOR = assets.FOLDER / "vendor"
OWN = {name: file.body.decode() for name, file in STATIC.files.items() if "vendor/" not in name}
LINES_MAX = 250
WHOLE_BYTES, FIRST_VIEW_BYTES = 150 * 1024, 70 * 1024  # compressed
FORBIDDEN = {
    "dangerouslySetInnerHTML": r"dangerouslySetInnerHTML",
    "innerHTML": r"\b(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write",
    "code from text": r"\beval\(|new Function\b|setTimeout\(\s*[\"'`]",
    "a style attribute": r"\sstyle=[\"'$]|setAttribute\([\"']style",
    "an address of another site": r"[\"'`](?:https?:)?//[a-z]",
    "the token in localStorage": r"localStorage\.\w+\([^)]*token",
}


def test_own_files_are_short_and_say_their_purpose() -> None:
    for name, text in OWN.items():
        if name.endswith((".js", ".css")):
            assert len(text.splitlines()) <= LINES_MAX, name
            assert re.match(r"// [A-Z]|/\* [A-Z]", text), f"{name}: begin with a comment"


def test_own_files_have_nothing_that_the_policy_forbids() -> None:
    found = [
        (name, rule)
        for name, text in OWN.items()
        for rule, pattern in FORBIDDEN.items()
        if name.endswith(".js") and re.search(pattern, text)
    ]
    assert found == []
    assert all(
        "url(" not in text and "@import" not in text
        for name, text in OWN.items()
        if name.endswith(".css")
    )


def test_each_import_leads_to_a_file() -> None:
    bodies = {name: file.body for name, file in STATIC.files.items()}
    for name, text in OWN.items():
        if name.endswith(".js"):
            module_graph.reachable(name, bodies)
            for later in re.findall(r"import\('(\./[^']+)'\)", text):
                target = (assets.FOLDER / name).parent / later
                assert target.is_file(), f"{name}: {later}"


def test_the_whole_and_the_first_view_are_small() -> None:
    def size(body: bytes) -> int:
        return len(gzip.compress(body, 9))

    bodies = {name: file.body for name, file in STATIC.files.items()}
    shipped = [body for name, body in bodies.items() if name.endswith((".js", ".css", ".svg"))]
    assert sum(map(size, shipped)) <= WHOLE_BYTES
    first = module_graph.reachable(assets.ENTRY, bodies)
    styles = re.findall(r'href="[^"]*?/(style/[^"]+)"', STATIC.page.body.decode())
    first_view = [STATIC.page.body, *(bodies[name] for name in [*first, *styles])]
    assert sum(map(size, first_view)) <= FIRST_VIEW_BYTES


def test_vendored_modules_are_those_of_the_list() -> None:
    packages = tomllib.loads((VENDOR / "VERSIONS.toml").read_text())["package"]
    listed = {"VERSIONS.toml"}
    for package in packages:
        assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
        assert package["integrity"].startswith("sha512-")
        assert package["licence"] in ("MIT", "ISC", "Apache-2.0")
        assert "ermission" in (VENDOR / package["licence_file"]).read_text()
        listed.add(package["licence_file"])
        for file in package["file"]:
            body = (VENDOR / file["name"]).read_bytes()
            assert hashlib.sha256(body).hexdigest() == file["sha256"], file["name"]
            assert re.fullmatch(r"[0-9a-f]{64}", file["source_sha256"])
            listed.add(file["name"])
    present = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    assert present == listed


def test_each_module_imports_vendored_modules_by_path() -> None:
    for path in Path(VENDOR).glob("*.js"):
        imported = re.findall(r"(?:from|import)\s*[\"']([^\"']+)[\"']", path.read_text())
        assert all(each.startswith("./") for each in imported), path.name
