"""No two transactions of the services deadlock with each other.

shared/README.md describes the order in which the transactions take their locks.
"""

import itertools
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import psycopg
import pytest

from crawler_worker.crawl import crawl_finish, name_checks
from crawler_worker.crawl.checkpoints import saved_checkpoint
from crawler_worker.crawl.crawl_context import CrawlContext
from crawljobs.db.database import Connection, Database
from crawljobs.domain import completion
from crawljobs.domain.actor import Actor
from crawljobs.domain.aging import AgingPolicy
from crawljobs.domain.claim import Claim
from crawljobs.domain.enqueue_request import EnqueueRequest
from crawljobs.domain.group_plan import Upstream
from crawljobs.domain.job import JobSource
from crawljobs.domain.operation import OperationKind
from crawljobs.domain.operator_verbs import Verb
from crawljobs.domain.reddit_items import Items
from crawljobs.domain.retry import RetryPolicy
from crawljobs.domain.schedule import ScheduleSpec
from crawljobs.domain.subreddit import AccessState
from crawljobs.repository.content import (
    authors,
    crawled_trees,
    politeness_gaps,
    refreshes,
    revisits,
    stored_subreddits,
    subreddit_admin,
)
from crawljobs.repository.content.page_storage import crawled_items
from crawljobs.repository.groups import group_creation, group_pruning, settle, start
from crawljobs.repository.groups.batches import group_batches
from crawljobs.repository.groups.batches.step_batches import BatchRequest
from crawljobs.repository.queue import (
    job_claim,
    job_completion,
    job_enqueue,
    leases,
    operator_changes,
    parked_jobs,
    queue_pauses,
)
from crawljobs.repository.queue.maintenance import (
    count_merging,
    job_aging,
    job_maintenance,
    job_pruning,
    pause_parking,
)
from crawljobs.repository.schedules import (
    ledger_pruning,
    manual_run,
    schedule_changes,
    schedule_deletion,
    schedule_reads,
)
from scheduler import group_firing, schedule_firing
from support import crawled, crawls, enqueueing, groups, interleaved, lock_content
from support.groups import step as group_step
from support.interleaved import Work
from support.lock_world import (
    ALPHA,
    BETA,
    DELTA,
    LAST,
    LEASE,
    LINKED,
    NEW,
    PART,
    ROOT,
    WRITERS,
    World,
)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    opened = Database(database_url, pool_size=4)
    yield opened
    opened.close()


class _Open:
    """Replaces a session's database, and runs all work in the open transaction."""

    def __init__(self, conn: Connection) -> None:
        self.run = self.run_statement = lambda work: work(conn)


def session(conn: Connection, claim: Claim) -> CrawlContext:
    opened = CrawlContext(
        claim,
        saved_checkpoint.read({"v": 1, "phase": "discovery"}),
        database=cast(Any, _Open(conn)),
        client=cast(Any, SimpleNamespace(forget_reply=lambda: None)),  # the test sends no request
        settings=crawls.DEFAULTS,
        stop=threading.Event(),
    )
    opened.move_to(replace(opened.checkpoint, requests=3, authors=1))
    return opened


def page(claim: Claim, *, reverse: bool = False) -> Work:
    """Return a transaction that stores a page of new and changed items of many subreddits.

    It also stores the facts about the subreddit of the other job.
    """
    order = -1 if reverse else 1
    mark = "b" if reverse else "a"
    names = [*NEW, ALPHA, BETA][::order]
    posts = tuple(
        crawled.post(f"{mark}{n}", subreddit=name, author=WRITERS[::order][n % 3])
        for n, name in enumerate(names)
    )
    changed = tuple(crawled.post(f"p{n}", subreddit=ALPHA, score=99) for n in range(4))[::order]
    comments = tuple(
        crawled.comment(f"{mark}{n}", subreddit=name, author=WRITERS[::-order][n % 3])
        for n, name in enumerate(names)
    )
    edited = tuple(crawled.comment(f"c{n}", subreddit=BETA, score=99) for n in range(4))[::-order]
    other = BETA if claim.subreddit == ALPHA else ALPHA
    items = Items(
        posts=posts + changed, comments=comments + edited, subreddits=(crawled.about(other),)
    )

    def work(conn: Connection) -> None:
        mine = session(conn, claim)

        def also(conn: Connection) -> None:
            authors.mark_history_fetched(conn, name="zoe")
            crawled_trees.record(conn, post_id="p2", reported=3, missing=1, brought=2)

        mine.store(replace(mine.checkpoint, page=1), items, extra_writes=also, kept=PART)

    return work


def tree(claim: Claim, *, reverse: bool = False) -> Work:
    """Return a transaction that stores posts by one author and comments by another author.

    `reverse` exchanges the two authors.
    """
    (post_by, names), (comment_by, other_names) = [(WRITERS[0], ("zz",)), (WRITERS[2], ("aa",))][
        :: -1 if reverse else 1
    ]
    mark = "y" if reverse else "x"
    posts = tuple(
        crawled.post(f"{mark}{name}", subreddit=name, author=post_by, mentions=names)
        for name in (ALPHA, BETA)
    )
    comments = tuple(
        crawled.comment(f"{mark}{name}", subreddit=name, author=comment_by, mentions=other_names)
        for name in (ALPHA, BETA)
    )

    def work(conn: Connection) -> None:
        mine = session(conn, claim)
        mine.store(replace(mine.checkpoint, page=1), Items(posts=posts, comments=comments))

    return work


def looked_up(claim: Claim, shown: list[str], asked: list[str]) -> Work:
    """Return a transaction that stores which of the names in `asked` are subreddits."""

    def work(conn: Connection) -> None:
        mine = session(conn, claim)
        mine.request = lambda _call: Items(subreddits=tuple(map(crawled.about, shown)))  # type: ignore[method-assign, assignment, return-value]
        name_checks._check(mine, asked)

    return work


def transactions(world: World) -> dict[str, Work]:
    """Return each kind of transaction that the three services send. They use the same rows."""
    alpha, beta = world.claims[ALPHA], world.claims[BETA]
    one, two, *_ = world.schedules

    def operators(verb: Verb, ids: list[int], **options: Any) -> Work:
        return lambda conn: operator_changes.change_many(conn, verb=verb, job_ids=ids, **options)

    def enqueue(names: list[str]) -> Work:
        request = EnqueueRequest(names, 60, JobSource.USER)
        return lambda conn: job_enqueue.enqueue_with_jobs(conn, [request])

    def edit(schedule_id: int, name: str) -> Work:
        def work(conn: Connection) -> None:
            before = schedule_reads.lock_schedule(conn, schedule_id=schedule_id)
            assert before is not None
            subreddit_id = schedule_changes.subreddit_id_of(conn, subreddit=name)
            order = replace(before.spec(), subreddit_id=subreddit_id)
            schedule_changes.change_schedule(conn, before=before, order=order)

        return work

    def run_by_hand(conn: Connection) -> None:
        schedule = schedule_reads.lock_schedule(conn, schedule_id=one)
        assert schedule is not None
        manual_run.run_now(conn, schedule=schedule)

    def run_steps_by_hand(conn: Connection) -> None:
        schedule = schedule_reads.lock_schedule(conn, schedule_id=world.with_steps)
        assert schedule is not None
        manual_run.create_group_now(conn, schedule=schedule, created_by="ada")

    def delete(schedule_id: int) -> Work:
        def work(conn: Connection) -> None:
            schedule_reads.lock_schedule(conn, schedule_id=schedule_id)
            schedule_deletion.delete_schedule(conn, schedule_id=schedule_id)

        return work

    def create(conn: Connection) -> None:
        subreddit_id = schedule_changes.subreddit_id_of(conn, subreddit=NEW[0])
        schedule_changes.create_schedule(conn, order=ScheduleSpec("five", subreddit_id, "@daily"))

    def pause(name: str) -> Work:
        def work(conn: Connection) -> None:
            (scope,) = stored_subreddits.ensure(
                conn, names=[name], discovered_from=None, depth=0
            ).values()
            queue_pauses.get_pause(conn, scope=scope)
            queue_pauses.pause(conn, scope=scope, reason="x", paused_by="y")
            queue_pauses.resume(conn, scope=scope)

        return work

    def refresh(conn: Connection) -> None:
        items = Items(
            posts=tuple(crawled.post(f"p{n}", subreddit=ALPHA, score=7) for n in (3, 1)),
            comments=tuple(crawled.comment(f"c{n}", subreddit=BETA, score=7) for n in (3, 1)),
        )
        crawled_items.store(conn, items=items, known_subreddits={})
        refreshes.settle(conn, names=[f"{kind}{n}" for n in range(4) for kind in ("t3_p", "t1_c")])

    def polite(conn: Connection) -> None:
        subreddit_admin.get_subreddit(conn, subreddit_id=world.ids[LAST], lock=True)
        politeness_gaps.set_politeness(
            conn, subreddit_id=world.ids[LAST], request_gap=1.0, crawl_gap=None
        )

    def revisit(conn: Connection) -> None:
        names = revisits.take_due(conn)
        enqueueing.enqueue_many(
            conn,
            subreddits_named=names,
            priority=5,
            source=JobSource.STALE,
            depth=None,
        )

    def sweep(conn: Connection) -> None:
        pause_parking.park_paused_jobs(conn)
        job_maintenance.requeue_due_jobs(conn)
        job_aging.age_starved_jobs(
            conn, policy=AgingPolicy(after=timedelta(0), every=timedelta(microseconds=1))
        )
        job_maintenance.rescue_stuck_jobs(
            conn,
            lease_seconds=-1e9,
            reset_after=timedelta(seconds=-1),
            retry=RetryPolicy(),
        )
        parked_jobs.settle_parked_jobs(conn)
        parked_jobs.free_from_reddit(conn)
        count_merging.merge_counts(conn)

    def prune(conn: Connection) -> None:
        job_pruning.prune_finished_jobs(conn, retention=timedelta(seconds=-1))
        group_pruning.prune_groups(conn, retention=timedelta(seconds=-1))
        ledger_pruning.prune_runs_of_deleted(conn)

    def end_both(conn: Connection) -> None:
        job_completion.complete_claims(
            conn, completions=[completion.completed(alpha, "crawled"), completion.released(beta)]
        )

    def extend(conn: Connection) -> None:
        leases.extend_claims(conn, claims=[beta, alpha], lease_seconds=LEASE)
        job_claim.find_claims(conn, claim_token=alpha.claim_token)
        job_claim.claim_jobs(
            conn, worker="v", claim_token=uuid.uuid4(), at_most=9, lease_seconds=LEASE
        )

    def add_steps(names: list[str], jobs: list[int]) -> Work:
        steps = [
            group_step(name, Upstream(group_id=world.running), *jobs, subreddit=name)
            for name in names
        ]
        return lambda conn: group_creation.add_steps(conn, group_id=world.open, steps=steps)

    def create_group(conn: Connection) -> None:
        group_id = group_creation.create(conn, name=None, created_by="ada")
        steps = [group_step(name, *world.live, subreddit=name) for name in (*NEW, LAST, ALPHA)]
        group_creation.add_steps(conn, group_id=group_id, steps=steps)
        group_creation.seal(conn, group_id=group_id)

    def resolve(conn: Connection) -> None:
        groups.record_lost_ends(conn)
        settle.settle(conn)
        start.start(conn)

    def of_group(kind: OperationKind) -> Work:
        request = BatchRequest(world.running, "ada", Actor("ada"), points=1)
        return lambda conn: group_batches.start(conn, kind, request)

    return {
        "add steps": add_steps([NEW[0], LAST], world.live),
        "add other steps": add_steps([*reversed(NEW), ALPHA], [*reversed(world.live)]),
        "create a group": create_group,
        "resolve": resolve,
        "cancel a group": of_group(OperationKind.CANCEL_GROUP),
        "boost a group": of_group(OperationKind.BOOST_GROUP),
        "retry a group": of_group(OperationKind.RETRY_FAILED),
        "page of alpha": page(alpha),
        "page of beta": page(beta, reverse=True),
        "tree of alpha": tree(alpha),
        "tree of beta": tree(beta, reverse=True),
        "end of alpha": lambda conn: crawl_finish.finish(session(conn, alpha)),
        "end of beta": lambda conn: crawl_finish.finish(session(conn, beta)),
        "barred alpha": lambda conn: crawl_finish.record_barred(
            session(conn, alpha), AccessState.BANNED
        ),
        "names of alpha": looked_up(alpha, [NEW[0], DELTA], [*NEW, DELTA, "a_a"]),
        "names of beta": looked_up(beta, ["a_a", NEW[1], ALPHA], ["a_a", *NEW, ALPHA, "zz"]),
        "enqueue": enqueue([*NEW, BETA, ALPHA, ROOT, DELTA, LAST]),
        "enqueue in another order": enqueue([LAST, ROOT, ALPHA, DELTA, BETA, *reversed(NEW)]),
        "boost": operators(Verb.BOOST, [*world.live, *world.finished], points=1),
        "cancel": operators(Verb.CANCEL, list(reversed(world.live))),
        "retry": operators(Verb.RETRY, world.finished),
        "edit a schedule": edit(one, NEW[0]),
        "edit another schedule": edit(two, BETA),
        "create a schedule": create,
        "delete a schedule": delete(two),
        "run a schedule": run_by_hand,
        "fire groups": lambda conn: group_firing.fire_due_groups(conn, at_most=50),
        "run a schedule with steps": run_steps_by_hand,
        "fire": lambda conn: schedule_firing.fire_due_schedules(conn, at_most=50),
        "pause alpha": pause(ALPHA),
        "pause a new one": pause(NEW[1]),
        "resume": lambda conn: queue_pauses.resume(conn, scope=world.ids[LAST]),
        "refresh": refresh,
        "politeness": polite,
        "revisit": revisit,
        "sweep": sweep,
        "prune": prune,
        "end both": end_both,
        "extend": extend,
        **of_content(world),
    }


def of_content(world: World) -> dict[str, Work]:
    return lock_content.transactions(world.ids, alpha=ALPHA, beta=BETA, linked=LINKED)


Pair = tuple[str, str]
# Pairs that once deadlocked, or that would if one of them took its locks in another order.
PAIRS = [
    ("tree of alpha", "tree of beta"),
    ("page of alpha", "end of beta"),
    ("end of alpha", "end of beta"),
    ("names of alpha", "names of beta"),
    ("enqueue", "page of alpha"),
    ("enqueue", "enqueue in another order"),
    ("enqueue", "end of alpha"),
    ("enqueue", "boost"),
    ("page of beta", "refresh"),
    ("barred alpha", "fire"),
    ("extend", "cancel"),
    ("add steps", "enqueue"),
    ("create a group", "add other steps"),
    ("resolve", "end both"),
    ("fire groups", "enqueue"),
    ("resolve", "cancel a group"),
    ("page of beta", "author erasure, NAME"),
    ("page of beta", "content erasure, COMMENTS"),
    ("links of alpha", "links of beta"),
    ("end of alpha", "links of alpha"),
    ("old posts", "author erasure, ITEMS"),
]


def deadlocking(database: Database, choose: Callable[[list[str]], Iterable[Pair]]) -> set[str]:
    """Return the deadlocks among the pairs that `choose` takes from the names of all kinds."""
    kinds = transactions(World(database))
    sent = {name: interleaved.statements(database, work) for name, work in kinds.items()}
    return {
        f"{first}, after {after} statements of it {second}"
        for first, second in choose([*kinds])
        for after in range(1, sent[first] + 1)
        if interleaved.deadlocks(database, kinds[first], kinds[second], after=after)
    }


def counted_deadlocks(database_url: str) -> int:
    with psycopg.connect(database_url) as conn:
        row = conn.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    assert row is not None
    return int(row[0])


def test_those_that_meet_most_do_not_deadlock(database: Database, database_url: str) -> None:
    both_ways = [pair for one, other in PAIRS for pair in ((one, other), (other, one))]
    found = deadlocking(database, lambda _: both_ways)
    assert not found, "\n".join(sorted(found))
    database.close()
    assert counted_deadlocks(database_url) == 0


def without_content(names: list[str]) -> Iterable[Pair]:
    pairs = itertools.product(names, repeat=2)
    return (pair for pair in pairs if not lock_content.NAMES_OF_KINDS.intersection(pair))


def with_content(names: list[str]) -> Iterable[Pair]:
    pairs = itertools.product(names, repeat=2)
    return (pair for pair in pairs if lock_content.NAMES_OF_KINDS.intersection(pair))


@pytest.mark.deep
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("choose", [without_content, with_content])
def test_no_two_transactions_deadlock(
    database: Database, database_url: str, choose: Callable[[list[str]], Iterable[Pair]]
) -> None:
    found = deadlocking(database, choose)
    assert not found, "\n".join(sorted(found))
    database.close()
    assert counted_deadlocks(database_url) == 0
