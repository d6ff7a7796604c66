"""Create the PrometheusRule manifest for Kubernetes from Prometheus' file of alerts."""

import textwrap
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy" / "monitoring" / "alerts.yaml"
RULES = ROOT / "deploy" / "kubernetes" / "components" / "monitoring" / "rules.yaml"
COMMAND = "./run test tests/deploy/test_monitoring.py --write-rules"
_HEAD = f"""\
# Made from deploy/monitoring/alerts.yaml: change that file, then run
# {COMMAND}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: crawljobs
spec:
"""


def rules(alerts: str) -> str:
    """Return the manifest for the text of an alerts file, without the comments at its top."""
    lines = alerts.splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if not line.startswith("#"))
    return _HEAD + textwrap.indent("".join(lines[first:]), "  ")
