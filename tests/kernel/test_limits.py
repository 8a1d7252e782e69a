"""Whose turn it is: fairness between groups, and limits on what one run or one group may hold."""

from threading import Barrier

import pytest

from events import work
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
