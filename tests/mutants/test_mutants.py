"""Tests of the mutation tests. With --deep, they also try the fixed list and a random draw."""

from pathlib import Path

import pytest

from mutants import drawing, equivalents, named, record, report
from mutants.__main__ import main
from mutants.checkout import ROOT, Ran
from mutants.choosing import choose
from mutants.mutant import DoesNotApply, Mutant
from mutants.relations import Relations
from mutants.session import Session, Task, as_task
from mutants.trial import Status, Trial, judge

SEED, DRAWN, MINUTES = 20, 20, 20.0
LEAST = 0.85  # the noticed share of a small draw; README.md has the goal of a large draw
PYTHON = """
LIMIT = 3

def allowed(count: int, *, is_free: bool) -> bool:
    if not is_free and count > LIMIT:
        raise ValueError(count, LIMIT)
    return min(count, LIMIT) < 2 and is_free
"""
SQL = '''
TAKE = f"""
    SELECT id FROM jobs
    WHERE status = 'queued' AND priority < {LIMIT} -- AND nothing = 1
    ORDER BY priority DESC, id
    LIMIT 1 FOR UPDATE SKIP LOCKED
    """
'''


def changed(source: str) -> dict[str, list[str]]:
    """Return, for each rule, the new lines in its mutants."""
    found: dict[str, list[str]] = {}
    lines = source.splitlines()
    for mutant in drawing.mutants_of("module.py", source):
        new = [line.strip() for line in mutant.apply(source).splitlines() if line not in lines]
        found.setdefault(mutant.rule, []).append(" ".join(new))
    return found


def test_each_rule_changes_one_place_of_python() -> None:
    found = changed(PYTHON)
    assert found["comparison"] == [
        "if not is_free and count >= LIMIT:",
        "return min(count, LIMIT) <= 2 and is_free",
    ]
    assert found["and/or"] == [
        "if not is_free or count > LIMIT:",
        "return min(count, LIMIT) < 2 or is_free",
    ]
    assert found["removed not"] == ["if (is_free) and count > LIMIT:"]
    assert found["removed raise"] == ["pass"]
    assert "LIMIT = (3 + 1)" in found["constant"]
    assert found["opposite function"] == ["return max(count, LIMIT) < 2 and is_free"]
    assert found["swapped arguments"] == ["raise ValueError(LIMIT, count)"]


def test_sql_in_strings_is_changed_and_its_comments_and_expressions_are_not() -> None:
    found = changed(SQL)
    assert "LIMIT 1 FOR UPDATE" in found["SQL removed SKIP LOCKED"]
    assert "ORDER BY priority, id" in found["SQL order"]
    assert any("priority <= {LIMIT}" in line for line in found["SQL comparison"])
    assert any(line.startswith("WHERE priority <") for line in found["SQL removed term"])
    assert all("AND nothing = 1" in line for line in found.get("SQL equality", []))
    assert "constant" not in found


def test_a_seed_draws_the_same_mutants_of_our_code_and_another_seed_others() -> None:
    first, again, other = (
        drawing.draw(ROOT, names=["scheduler"], count=10, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert len(set(first)) == 10
    assert first != other


def test_a_mutant_is_not_applied_to_code_that_has_changed() -> None:
    mutant = Mutant("module.py", 0, "a", "b", "constant", 1)
    assert mutant.apply("abc") == "bbc"
    with pytest.raises(DoesNotApply):
        mutant.apply("xbc")


@pytest.mark.deep
@pytest.mark.parametrize("change", named.CHANGES, ids=lambda change: change.name)
def test_each_named_change_still_finds_its_place(change: named.NamedChange) -> None:
    mutant = change.found_in(ROOT)
    assert mutant.after != mutant.before


@pytest.mark.deep
def test_each_reason_why_nothing_can_notice_a_mutant_still_finds_it() -> None:
    """An entry that matches no mutant has no effect: its mutant would count as a survivor."""
    listed = {*equivalents.EQUIVALENT, *equivalents.TUNED}
    assert len(listed) > 100
    paths = sorted({key.partition("::")[0] for key in listed})
    found = [
        mutant
        for path in paths
        if (ROOT / path).exists()
        for mutant in drawing.mutants_of(path, (ROOT / path).read_text())
    ]
    fingerprints = {mutant.fingerprint() for mutant in found}
    current = fingerprints | {
        f"{mutant.path}::{mutant.definition}" for mutant in found if mutant.rule == "constant"
    }
    current |= {
        f"{beginning}{equivalents.AND_MORE}"
        for beginning in equivalents.ALIKE
        if any(fingerprint.startswith(beginning) for fingerprint in fingerprints)
    }
    assert sorted(listed - current) == []


@pytest.fixture(scope="module")
def relations() -> Relations:
    """Return the relations of the project, which take 2 s to read."""
    return Relations(ROOT)


def test_a_constant_is_tried_on_the_tests_that_call_a_function_that_uses_it(
    relations: Relations,
) -> None:
    using = relations.functions_using("services/crawler_worker/reddit/reply_cells.py", "_CLASSES")
    assert using == {"services/crawler_worker/reddit/reply_cells.py::_status"}
    known = record.Record({using.pop(): {"tests/a.py::slow": 2.0, "tests/b.py::quick": 1.0}})
    mutant = Mutant(
        "services/crawler_worker/reddit/reply_cells.py", 0, "a", "b", "c", 1, definition="_CLASSES"
    )
    chosen = choose(mutant, known, relations).tests
    assert chosen[:2] == ("tests/b.py::quick", "tests/a.py::slow")
    assert all((ROOT / test).exists() for test in chosen[2:])  # near files, because two are few
    near = choose(mutant, record.Record(), relations).tests
    assert near
    assert all((ROOT / test).exists() for test in near)


def test_a_function_that_an_import_runs_is_tried_on_the_tests_of_its_constant(
    relations: Relations,
) -> None:
    using = relations.functions_using("shared/crawljobs/domain/reply_meaning.py", "_cells")
    assert "services/crawler_worker/reddit/reply_cells.py::meaning_of" in using


def test_a_field_of_a_schema_is_tried_on_the_contract(relations: Relations) -> None:
    mutant = Mutant(
        "services/admin_api/schemas/worker.py", 0, "a", "b", "c", 1, definition="WorkerSchema.role"
    )
    chosen = choose(mutant, record.Record(), relations).tests
    assert chosen[0] == "tests/services/admin_api/openapi/test_contract.py"
    assert len(chosen) > 1


def test_no_mutant_changes_a_comment_between_the_parts_of_a_statement() -> None:
    path = "shared/crawljobs/repository/queue/job_completion_sql.py"
    mutants = list(drawing.mutants_of(path, (ROOT / path).read_text()))
    assert any(mutant.rule.startswith("SQL") for mutant in mutants)
    assert [mutant for mutant in mutants if mutant.text.startswith("#")] == []


def test_the_end_of_a_run_of_tests_is_judged() -> None:
    failed = "1 failed\nFAILED tests/test_a.py::test_b[with blanks] - assert 1 == 2\n"
    assert judge(Ran(1, failed)) == (Status.KILLED, "tests/test_a.py::test_b[with blanks]")
    assert judge(Ran(0, "1 passed")) == (Status.SURVIVED, "")
    assert judge(Ran(None, "")) == (Status.TIMEOUT, "")
    assert judge(Ran(5, "no tests ran")) == (Status.SURVIVED, "")


def test_equivalent_and_invalid_mutants_do_not_count() -> None:
    mutant = Mutant("module.py", 0, "a", "b", "constant", 1)
    trials = [Trial(mutant, status, 2.0) for status in Status]
    assert report.share_noticed(trials) == pytest.approx(2 / 3)
    assert report.mean_seconds(trials) == 2.0
    assert "66.7%" in report.as_table(trials)


def test_a_broken_line_is_noticed_and_a_blank_one_is_not() -> None:
    """Both mutants are tried in a real copy, so that this test covers all parts of a trial."""
    path = "shared/crawljobs/domain/retry.py"
    source = (ROOT / path).read_text()
    at = source.index("\n\n\n")
    harmless = Mutant(path, at, "\n", "\n\n", "blank line", 1)
    broken = Mutant(path, at, "\n", "\nraise ImportError\n", "broken", 1)
    gone = "tests/shared/domain/test_retry.py::test_that_is_gone[since it was recorded]"
    tests = (gone, "tests/shared/domain/test_retry.py")
    with Session().opened() as session:
        late = Task(broken, (gone,), 10, rest=tests, rest_seconds=10)
        trials = session.try_all([Task(harmless, tests, 10), Task(broken, tests, 10), late])
    assert [one.status for one in trials] == [Status.SURVIVED, Status.KILLED, Status.KILLED]


def test_the_survivors_of_a_result_are_found_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    killed, survived = drawing.draw(ROOT, names=["scheduler"], count=2, seed=1)
    result = tmp_path / "result.json"
    report.write(result, [Trial(killed, Status.KILLED, 1.0), Trial(survived, Status.SURVIVED, 1.0)])
    assert main(["--again", str(result), "--list"]) == 0
    assert survived.describe() in capsys.readouterr().out


@pytest.mark.deep
def test_the_tests_notice_every_named_change() -> None:
    tasks = [named.task(ROOT, change) for change in named.CHANGES]
    with Session().opened() as session:
        trials = session.try_all(tasks)
    missed = [report.as_line(one) for one in trials if one.status not in report.NOTICED]
    assert missed == []


@pytest.mark.deep
def test_the_tests_notice_most_of_a_draw() -> None:
    names = ("domain", "repository", "db", "worker", "api", "scheduler")
    known, relations = record.load(), Relations(ROOT)
    chosen = [
        (mutant, choose(mutant, known, relations))
        for mutant in drawing.draw(ROOT, names=names, count=DRAWN, seed=SEED)
    ]
    tasks = [as_task(mutant, choice) for mutant, choice in chosen]
    with Session().opened() as session:
        trials = session.try_all(tasks, minutes=MINUTES)
    assert report.share_noticed(trials) >= LEAST, "\n".join(map(report.as_line, trials))
