"""Request a process's probes and metrics, as kubelet and Prometheus do."""

import http.client
from urllib.parse import urlsplit

import httpx
from prometheus_client.parser import text_string_to_metric_families

from support.plain_http import NO_CERTIFICATES
from support.service_process import ServiceProcess

DEADLINE_SECONDS = 10


def address(process: ServiceProcess) -> str:
    """Return the probe address of a process that was started with PROBE_BIND=127.0.0.1:0."""
    return f"http://127.0.0.1:{process.wait_for('probes.listening')['port']}"


def status(url: str, path: str) -> int:
    """Return the HTTP status of the reply, or 0 if there is no reply."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname or "", parts.port, timeout=DEADLINE_SECONDS
    )
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def text(url: str) -> str:
    answer = httpx.get(f"{url}/metrics", timeout=DEADLINE_SECONDS, verify=NO_CERTIFICATES)
    assert answer.status_code == 200, answer.text
    return answer.text


def samples(url: str) -> dict[str, float]:
    """Return the value of each metric. The keys have the form `name{label=value}`."""
    return {
        sample.name
        + "".join(f"{{{k}={v}}}" for k, v in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text(url))
        for sample in family.samples
    }
