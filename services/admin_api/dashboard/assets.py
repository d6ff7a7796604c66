"""Loads the files of the dashboard into memory, with copies that gzip has compressed.

The path of a static file contains a hash of all files. A change of any file changes the hash, and
so the paths of all files. So a browser may keep a file forever.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from admin_api.dashboard import bundles, module_source

FOLDER = Path(__file__).with_name("static")
PREFIX = "/ui/static"
INDEX, ENTRY, STYLE = "index.html", "app.js", "style/all.css"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".toml": "text/plain; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
}
# The limits of the number of files and of their total size in bytes. The dashboard has about 80
# files. A folder with more than FILES_MAX files probably has files of another program.
FILES_MAX = 300
BYTES_MAX = 4 * 1024 * 1024
_HASH_CHARACTERS = 16
_STYLE_LINK = re.compile(r'^ *<link rel="stylesheet" href="{{static}}/([^"]+)">\n', re.MULTILINE)
# Limit in bytes; smaller files are not compressed, because they gain nothing.
_SMALLEST_COMPRESSED = 256


@dataclass(frozen=True)
class Asset:
    """A file: its bytes, the same bytes compressed by gzip (or None), and its content type."""

    body: bytes
    compressed: bytes | None
    content_type: str
    tag: str


@dataclass(frozen=True)
class Assets:
    """The files of the dashboard.

    - `page`: the HTML page.
    - `files`: the static files. A key is the part of the file's path that follows the hash.
    """

    page: Asset
    files: Mapping[str, Asset]
    version: str


@functools.cache
def all_assets() -> Assets:
    """Return the files of the dashboard. Reads them once in the life of a process."""
    return load(FOLDER)


def load(folder: Path) -> Assets:
    """Read all files below the folder.

    Raises ValueError if the folder has too many files, too many bytes, or a file without a known
    type. Raises OSError if a file cannot be read.
    """
    read = _read(folder)
    version = _version(read)
    page, styles = _with_paths(read.pop(INDEX).decode(), f"{PREFIX}/{version}")
    served = _joined(read, styles)
    return Assets(
        page=_asset(INDEX, page.encode()),
        files={name: _asset(name, body) for name, body in served.items()},
        version=version,
    )


def _joined(read: Mapping[str, bytes], styles: list[str]) -> dict[str, bytes]:
    """Return the files that the API serves.

    bundles.py joins the modules. The style files of the page are joined into one file. All other
    files do not change.
    """
    texts = {name: body.decode() for name, body in read.items() if name.endswith((".js", ".css"))}
    built = bundles.build(
        ENTRY, {name: text for name, text in texts.items() if name.endswith(".js")}
    )
    built[STYLE] = "".join(module_source.shortened(texts[name]) for name in styles)
    vendored = bundles.vendored_apart(ENTRY, texts)
    kept = {
        name: body
        for name, body in read.items()
        if name not in styles and (not name.endswith(".js") or name in vendored)
    }
    return {**kept, **{name: text.encode() for name, text in built.items()}}


def _read(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    if len(paths) > FILES_MAX:
        raise ValueError(f"{folder} has {len(paths)} files; at most {FILES_MAX} are allowed")
    unknown = [path.name for path in paths if path.suffix not in TYPES]
    if unknown:
        raise ValueError(f"{folder} has files without a known type: {', '.join(unknown[:5])}")
    size = sum(path.stat().st_size for path in paths)
    if size > BYTES_MAX:
        raise ValueError(f"{folder} has {size} bytes; at most {BYTES_MAX} are allowed")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def _version(files: Mapping[str, bytes]) -> str:
    """Return a hash of the names and the contents of all files."""
    found = hashlib.sha256()
    for name, body in files.items():
        found.update(f"{name}\0{len(body)}\0".encode())
        found.update(body)
    return found.hexdigest()[:_HASH_CHARACTERS]


def _with_paths(page: str, prefix: str) -> tuple[str, list[str]]:
    """Return the page for the browser, and the names of the style files in the original `page`.

    The returned page has the path prefix of the static files, and links one style file instead of
    several.
    """
    styles = _STYLE_LINK.findall(page)
    one = f'  <link rel="stylesheet" href="{{{{static}}}}/{STYLE}">\n' if styles else ""
    first, *others = _STYLE_LINK.split(page)[::2] if styles else [page]
    return (first + one + "".join(others)).replace("{{static}}", prefix), styles


def _asset(name: str, body: bytes) -> Asset:
    compressed = gzip.compress(body, 9, mtime=0) if len(body) >= _SMALLEST_COMPRESSED else None
    return Asset(
        body=body,
        compressed=compressed if compressed and len(compressed) < len(body) else None,
        content_type=TYPES[Path(name).suffix],
        tag=hashlib.sha256(body).hexdigest()[:_HASH_CHARACTERS],
    )
