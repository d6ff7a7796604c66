from pathlib import Path

from crawljobs.domain import job

README = Path(__file__).parents[3] / "shared" / "README.md"


def test_the_documented_transitions_are_those_of_the_code() -> None:
    rows = [
        f"| {verb} | {', '.join(sorted(sources))} | {', '.join(sorted(targets))} |"
        for verb, (sources, targets) in job.TRANSITIONS.items()
    ]
    assert "| verb | from | to |\n|---|---|---|\n" + "\n".join(rows) + "\n" in README.read_text()


def test_background_work_has_a_lower_ceiling() -> None:
    assert job.priority_ceiling(job.JobSource.STALE) == 40
    assert job.priority_ceiling(job.JobSource.DISCOVERY) == 40
    assert job.priority_ceiling(job.JobSource.USER) == 100


def test_every_status_is_live_or_final() -> None:
    assert set(job.JobStatus) == job.LIVE | job.FINAL
    assert not job.LIVE & job.FINAL
