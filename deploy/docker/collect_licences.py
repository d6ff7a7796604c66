#!/usr/bin/env python3
"""Copy the licence texts of installed packages: collect_licences.py ENVIRONMENT DESTINATION.

An image has the texts in /usr/share/licenses, with one folder for each package. The folder also has
a file with the licence that the package's metadata declares. The command fails if a package has
neither a text nor a declared licence.
"""

import sys
from collections.abc import Iterator
from email.message import Message
from email.parser import Parser
from pathlib import Path

TEXT_NAMES = ("licen", "copying", "notice", "authors", "copyright")
DECLARED = "LICENCE-AS-DECLARED"
TEXT_MAX = 2 * 2**20  # limit of one licence text in bytes


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    environment, destination = map(Path, arguments)
    packages = sorted(environment.rglob("*.dist-info/METADATA"))
    if not packages:
        sys.stderr.write(f"{environment}: no installed package was found\n")
        return 1
    unlicensed = [path.parent.name for path in packages if not collect(path.parent, destination)]
    for name in unlicensed:
        sys.stderr.write(f"{name}: neither a licence text nor a declared licence\n")
    return 1 if unlicensed else 0


def collect(package: Path, destination: Path) -> bool:
    """Copy a package's licence. Return False if the package has no licence text or declaration."""
    metadata = Parser().parsestr((package / "METADATA").read_text(errors="replace"))
    folder = destination / f"{metadata['Name']}-{metadata['Version']}"
    found = [*texts(package)]
    declared = list(declarations(metadata))
    if not found and not declared:
        return False
    folder.mkdir(parents=True, exist_ok=True)
    if declared:
        (folder / DECLARED).write_text("\n".join(declared) + "\n")
    for path in found:
        name = "-".join(path.relative_to(package).parts)
        (folder / name).write_bytes(path.read_bytes()[:TEXT_MAX])
    return True


def texts(package: Path) -> Iterator[Path]:
    """Yield the licence files in the metadata's folder and in `licenses`, the folder of PEP 639."""
    for path in sorted(package.rglob("*")):
        inside = path.relative_to(package).parts
        is_named_so = path.name.lower().startswith(TEXT_NAMES)
        if path.is_file() and (inside[0] == "licenses" or (len(inside) == 1 and is_named_so)):
            yield path


def declarations(metadata: Message) -> Iterator[str]:
    for name in ("License-Expression", "License"):
        value = str(metadata.get(name) or "").strip()
        if value and value != "UNKNOWN":
            yield f"{name}: {value}"
    for classifier in metadata.get_all("Classifier", []):
        if str(classifier).startswith("License ::"):
            yield str(classifier)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
