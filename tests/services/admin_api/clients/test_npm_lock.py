"""The lock of the TypeScript generator has a hash of each package, and no address."""

import json
from pathlib import Path

LOCK = Path(__file__).with_name("npm") / "package-lock.json"


def test_each_package_has_a_hash_and_no_address() -> None:
    text = LOCK.read_text()
    assert "://" not in text  # npm also writes funding addresses: delete those lines
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert {"node_modules/openapi-typescript", "node_modules/typescript"} <= packages.keys()
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []
