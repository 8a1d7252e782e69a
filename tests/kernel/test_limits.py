"""Whose turn it is: fairness between groups, and limits on what one run or one group may hold."""

import json
from dataclasses import replace
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from events import limits, work
from events.limits import Standing
from events.models import Limit
from tests.kernel.scene import LEASE_S, claim, new, put, race

pytestmark = pytest.mark.usefixtures("db")


def test_a_large_group_does_not_hold_up_a_small_one() -> None:
    put(*(new("large", turn=turn) for turn in range(60)))
    put(new("small", turn=0))
    assert {claim().group_key for _ in range(2)} == {"large", "small"}
    assert [claim().turn for _ in range(59)] == list(range(1, 60))


@pytest.mark.parametrize("scope", ["run:r", "group:g"])
def test_a_limit_is_never_exceeded_by_claims_that_race(scope: str) -> None:
    """Four claimers start together, fifty times; two of them get work, and never a third."""
    Limit.objects.create(scope=scope, leased_max=2)
    put(*(new() for _ in range(4)))

    def take(start: Barrier) -> list[bool]:
        took = []
        for _ in range(50):
            start.wait()
            held = work.claim("one of four", queues=None, lease_s=LEASE_S)
            took.append(held is not None)
            start.wait()
            if held:
                work.release(held, "ready")
        return took

    assert [sum(round_) for round_ in zip(*race(take, take, take, take), strict=True)] == [2] * 50


def test_a_limit_holds_up_its_own_run_and_group_only() -> None:
    for scope in ("run:r", "run:s", "group:g", "group:h"):
        Limit.objects.create(scope=scope, leased_max=1)
    put(
        *(new("g", turn=1) for _ in range(2)),
        new("h", turn=2),
        new("g", run="s", turn=3),
        new("h", run="s", turn=4),
    )
    taken = [claim() for _ in range(2)]
    assert [(held.run_key, held.group_key) for held in taken] == [("r", "g"), ("s", "h")]
    assert work.claim("x", queues=None, lease_s=LEASE_S) is None
    assert work.due() == 0


def test_a_limit_is_lifted_and_lowered_while_work_goes_on() -> None:
    limit = Limit.objects.create(scope="run:r", leased_max=0)
    put(*(new() for _ in range(4)))
    assert work.claim("x", queues=None, lease_s=LEASE_S) is None
    Limit.objects.filter(scope=limit.scope).update(leased_max=2)
    held = [claim(), claim()]
    assert work.claim("x", queues=None, lease_s=LEASE_S) is None
    Limit.objects.filter(scope=limit.scope).update(leased_max=1)
    work.release(held[0], "done")
    assert work.claim("x", queues=None, lease_s=LEASE_S) is None, "one is still held"
    Limit.objects.filter(scope=limit.scope).delete()
    assert claim()


def test_a_part_is_one_group_of_one_run() -> None:
    Limit.objects.create(scope=limits.of_part("r", "g"), leased_max=1)
    put(
        *(new("g", turn=1) for _ in range(2)),
        *(new("h", turn=2) for _ in range(2)),
        *(new("g", run="s", turn=3) for _ in range(2)),
    )
    taken = [(held.run_key, held.group_key) for held in (claim() for _ in range(5))]
    assert taken == [("r", "g"), ("r", "h"), ("r", "h"), ("s", "g"), ("s", "g")]
    assert work.claim("x", queues=None, lease_s=LEASE_S) is None


@pytest.mark.parametrize("scope", ["run:r", "group:g", "part:r/g"])
def test_what_is_paused_is_not_claimed_and_not_due(scope: str) -> None:
    put(new(), new("h", run="s"))
    limits.change(scope, paused=True)
    assert work.due() == 1
    assert claim().run_key == "s"
    assert work.claim("x", queues=None, lease_s=LEASE_S) is None
    limits.change(scope, paused=False)
    assert not Limit.objects.exists(), "a limit that holds nothing back costs every claim"
    assert claim().run_key == "r"


@pytest.mark.parametrize("scope", ["run:r", "group:g", "part:r/g"])
def test_one_dead_item_more_than_is_tolerated_holds_the_rest(scope: str) -> None:
    """Items are counted and not pieces of work, and those of others are not."""
    put(new(), replace(new(), items=3, state="dead"), replace(new("h", run="s"), items=9, state="dead"))
    limits.change(scope, dead_max=2)
    assert work.claim("x", queues=None, lease_s=LEASE_S) is None
    assert work.due() == 0
    assert limits.standing([scope]) == [Standing(scope, False, None, 2, 0, 3)]
    assert limits.stopped("r", "g") and not limits.stopped("s", "h")
    limits.change(scope, dead_max=3)
    assert not limits.stopped("r", "g")
    assert claim().run_key == "r"


def test_what_is_not_named_stays() -> None:
    limits.change("run:r", leased_max=2, dead_max=3)
    limits.change("run:r", paused=True)
    limits.change("run:r", leased_max=None)
    assert Limit.objects.values_list("scope", "leased_max", "dead_max", "paused").get() == (
        "run:r",
        None,
        3,
        True,
    )


def test_a_run_is_forgotten_with_its_parts_and_no_other() -> None:
    for scope in ("run:r", "run:r2", "part:r/g", "part:r/h", "part:r2/g", "group:g"):
        limits.change(scope, leased_max=1)
    with transaction.atomic():
        limits.forget("r", "h")
    assert not Limit.objects.filter(scope="part:r/h").exists()
    with transaction.atomic():
        limits.forget("r")
    assert sorted(Limit.objects.values_list("scope", flat=True)) == ["group:g", "part:r2/g", "run:r2"]


def test_a_claim_without_limits_asks_one_thing_more_and_with_limits_three() -> None:
    put(*(new() for _ in range(2)))
    with CaptureQueriesContext(connection) as asked:
        claim()
    assert sum("events_" in query["sql"] for query in asked) == 2
    limits.change("run:other", leased_max=1)
    with CaptureQueriesContext(connection) as asked:
        claim()
    assert sum("events_" in query["sql"] for query in asked) == 4


def test_a_paused_run_of_ten_thousand_pieces_does_not_slow_the_others_down() -> None:
    """Its rows are passed by the filter alone: no limit is looked up again for each of them."""
    put(*(new(f"g{number % 40}", run="r", turn=number // 40) for number in range(10_000)))
    put(new("h", run="s", turn=999))
    for number in range(40):
        limits.change(limits.of_part("r", f"g{number}"), dead_max=5)
    limits.change("run:r", paused=True)
    arguments = {"queues": None, "worker": "x", "lease_s": LEASE_S, "blocked": limits.blocked()}
    with connection.cursor() as cursor:
        cursor.execute("analyze events_work")
        cursor.execute(f"explain (analyze, format json) {work.CLAIM}", arguments)
        plan = json.dumps(cursor.fetchone()[0])
    assert "events_limit" not in plan and "Seq Scan" not in plan and "SubPlan" not in plan
    assert "work_for_claim" in plan
