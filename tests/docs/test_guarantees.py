"""Documents state when an acknowledged request is durable, and the manifests agree with this."""

from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "name", ["README.md", "docs/concepts/guarantees.md", "docs/operations/recovery.md"]
)
def test_durability_is_promised_for_one_server_or_a_synchronous_standby(name: str) -> None:
    text = " ".join((ROOT / name).read_text().replace("*", "").split())
    for words in ("synchronous standby", "asynchronous standby", "restore"):
        assert words in text, words


def test_our_own_standbys_are_synchronous() -> None:
    path = ROOT / "deploy/kubernetes/components/cloudnative-pg/cluster.yaml"
    spec = yaml.safe_load(path.read_text())["spec"]
    assert spec["instances"] > spec["minSyncReplicas"] >= 1


def test_no_manifest_turns_durability_off() -> None:
    texts = [
        path.read_text()
        for path in (ROOT / "docker-compose.yml", *(ROOT / "deploy").rglob("*.yaml"))
    ]
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert not any(setting in text for text in texts), setting
