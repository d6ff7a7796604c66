"""Rules of the dashboard's files: sizes, first lines, nothing inline, vendored modules."""

import hashlib
import re
import tomllib
from pathlib import Path

from admin_api.dashboard import assets, module_source

STATIC = assets.all_assets()
VENDOR = assets.FOLDER / "vendor"
OWN = {
    path.relative_to(assets.FOLDER).as_posix(): path.read_text()
    for path in assets.FOLDER.rglob("*")
    if path.is_file() and VENDOR not in path.parents
}
LINES_MAX = 250
WHOLE_BYTES = 162 * 1024  # compressed; the aim is 150 KB
FIRST_VIEW_BYTES = 64 * 1024  # compressed; the answers of the API have 6 KB
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


def test_each_module_and_each_style_is_part_of_a_served_file() -> None:
    served = "".join(file.body.decode() for file in STATIC.files.values())
    unused = []
    for name, text in OWN.items():
        if not name.endswith((".js", ".css")):
            continue
        lines = module_source.shortened(text).splitlines()
        plain = [line for line in lines if "import" not in line and not line.startswith("export {")]
        longest = max(plain, key=len)
        if longest.removeprefix("export ").removeprefix("default ") not in served:
            unused.append(name)
    assert unused == [], "no page imports these files"


def test_the_whole_and_the_first_view_are_small() -> None:
    sizes = {
        name: len(file.compressed or file.body)
        for name, file in STATIC.files.items()
        if name.endswith((".js", ".css", ".svg"))
    }
    assert sum(sizes.values()) <= WHOLE_BYTES, sizes
    page = len(STATIC.page.compressed or STATIC.page.body)
    largest = max(size for name, size in sizes.items() if name.startswith("pages/"))
    assert page + sizes[assets.ENTRY] + sizes[assets.STYLE] + largest <= FIRST_VIEW_BYTES, sizes


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
