"""The deployment files make checkpoints as rare as the benchmark of page storage does."""

import yaml

from benchmarks.content_growth import RARE_CHECKPOINTS
from support.images import ROOT

SETTINGS = {f"{name}={value}" for name, value in RARE_CHECKPOINTS.items()}


def test_compose_makes_checkpoints_rare() -> None:
    postgres = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["postgres"]
    program, *options = postgres["command"]
    assert program == "postgres"
    assert set(options[::2]) == {"-c"}
    assert set(options[1::2]) == SETTINGS


def test_the_cluster_of_kubernetes_makes_checkpoints_rare() -> None:
    path = ROOT / "deploy/kubernetes/components/cloudnative-pg/cluster.yaml"
    parameters = yaml.safe_load(path.read_text())["spec"]["postgresql"]["parameters"]
    assert parameters.items() >= RARE_CHECKPOINTS.items()


def test_the_guide_names_the_settings_for_other_servers() -> None:
    text = (ROOT / "docs/operations/scaling.md").read_text()
    assert {line.partition("#")[0].replace(" ", "") for line in text.splitlines()} >= SETTINGS
