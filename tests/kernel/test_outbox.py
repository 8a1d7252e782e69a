"""The outbox: whatever the log says is told, at least once, under one id, whoever dies on the way."""

import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import transaction
from django.utils import timezone

from deploy.postgres import Cluster
from events import outbox, store
from events.models import Checkpoint, Delivery, Publication
from events.outbox import Notice, Outlet, Undelivered
from events.store import NewEvent
from tests.kernel.outbox_main import TYPES, tell
from tests.kernel.scene import PATIENCE_S, race, sql

ROOT = Path(__file__).parent.parent.parent


class Ear:
    """A subscriber that remembers what it was told, or fails as it is told to."""

    def __init__(self, name: str, *wants: str, fault: Exception | None = None) -> None:
        self.name, self.wants, self.fault = name, wants, fault
        self.heard: list[tuple[UUID, int]] = []
        self.tries = 0

    def takes(self, topic: str) -> bool:
        return not self.wants or topic in self.wants

    def send(self, publication: Publication) -> None:
        self.tries += 1
        if self.fault:
            raise self.fault
        self.heard.append((publication.id, publication.body["n"]))

    @property
    def numbers(self) -> list[int]:
        return sorted(number for _, number in self.heard)


@pytest.fixture(autouse=True)
def alone(db: object) -> Iterator[None]:
    """Nothing is published but what a test says."""
    before = list(outbox.OUTLETS)
    outbox.OUTLETS.clear()
    yield
    outbox.OUTLETS[:] = before


def listen(*ears: Ear) -> tuple[Ear, ...]:
    outbox.OUTLETS[:] = [Outlet(TYPES, tell, lambda: ears)]
    return ears


def say(stream: str, *numbers: int, type: str = "Said") -> None:
    version = store.version(stream)
    store.append(
        [NewEvent(stream, version + place, type, {"n": n}) for place, n in enumerate(numbers, start=1)]
    )


def all_due() -> None:
    """Let the time pass that deliveries wait for."""
    sql("update events_delivery set due_at = clock_timestamp() where sent_at is null")


def only() -> Delivery:
    return Delivery.objects.get()


# What is told


def test_what_the_log_says_is_told_once_to_everybody_who_wants_it() -> None:
    everything, nothing = listen(Ear("everything"), Ear("nothing", "else"))
    say("a", 1, 2)
    say("a", 3, type="Thought")
    outbox.publish()
    say("b", 4)
    outbox.publish()
    outbox.publish()
    assert everything.numbers == [1, 2, 4]
    assert not nothing.tries
    assert Delivery.objects.filter(sent_at=None).count() == 0
    last = store.read("b")[-1]
    at = Checkpoint.objects.get(name=outbox.NAME)
    assert (int(at.xid), at.position) == (last.xid, last.position)


def test_an_id_is_made_of_the_event_and_the_topic_alone() -> None:
    (ear,) = listen(Ear("ear"))
    say("a", 1)
    outbox.publish()
    (event,) = store.read("a")
    assert ear.heard == [(outbox.publication_id(event, "said"), 1)]
    assert outbox.publication_id(event, "said") != outbox.publication_id(event, "other")
    sql("update events_checkpoint set xid = '0', position = 0 where name = 'publications'")
    outbox.publish()  # as after a restored backup: the same publication, which is there already
    assert ear.numbers == [1]
    Publication.objects.all().delete()
    sql("update events_checkpoint set xid = '0', position = 0 where name = 'publications'")
    outbox.publish()
    assert len(ear.heard) == 2 and len(set(ear.heard)) == 1


def test_nothing_is_told_of_a_transaction_that_is_open_and_nothing_of_it_is_lost(db: Cluster) -> None:
    """It took the lower position and commits later: a follower that went on would never come back for it."""
    (ear,) = listen(Ear("ear"))
    with psycopg.connect(db.app_url) as slow:
        slow.execute(
            "insert into events_event (stream, version, type, data) values ('slow', 1, 'Said', '{\"n\": 7}')"
        )
        say("fast", 1)
        outbox.publish()
        assert ear.numbers == []
        slow.commit()
    outbox.publish()
    assert ear.numbers == [1, 7]


def test_what_cannot_be_worded_stays_in_the_log_until_it_can() -> None:
    def stumble(events: Any) -> Iterator[Notice]:
        yield from tell(events)
        raise KeyError("a fact is missing")

    (ear,) = listen(Ear("ear"))
    outbox.OUTLETS[:] = [Outlet(TYPES, stumble, lambda: [ear])]
    say("a", 1)
    with pytest.raises(KeyError):
        outbox.publish()
    assert Publication.objects.count() == 0
    listen(ear)
    outbox.publish()
    assert ear.numbers == [1]


def test_a_long_log_is_followed_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "CHUNK", 3)
    monkeypatch.setattr(outbox, "BATCH", 2)
    (ear,) = listen(Ear("ear"))
    say("a", *range(10))
    for _ in range(5):
        outbox.publish()
    assert ear.numbers == list(range(10))


def test_history_from_before_the_outbox_is_not_told() -> None:
    (ear,) = listen(Ear("ear"))
    say("a", 1, 2)
    Checkpoint.objects.filter(name=outbox.NAME).delete()
    sql(import_module("events.migrations.0005_publications").BEGIN)
    say("a", 3)
    outbox.publish()
    assert ear.numbers == [3]


def test_on_an_empty_log_the_migration_leaves_nothing_out() -> None:
    assert Checkpoint.objects.filter(name=outbox.NAME, xid="0", position=0).exists()


# Many at once


def test_relays_at_once_share_the_work() -> None:
    (ear,) = listen(Ear("ear"))
    rounds = 20

    def publish(start: threading.Barrier) -> None:
        for number in range(rounds):
            if start.wait() == 0:
                say("a", number)
            start.wait()
            outbox.publish()

    assert race(publish, publish, publish) == [None, None, None]
    outbox.publish()
    assert ear.numbers == list(range(rounds))
    assert Publication.objects.count() == rounds


def test_relays_that_meet_the_same_deliveries_claim_each_once() -> None:
    listen(Ear("ear"))
    rounds, each = 20, 7
    claimed: list[UUID] = []

    def claim(start: threading.Barrier) -> None:
        for number in range(rounds):
            if start.wait() == 0:
                say("a", *range(number * each, (number + 1) * each))
                outbox.follow()
            start.wait()
            claimed.extend(held.id for held, _ in outbox._claim("ear"))

    assert race(claim, claim, claim) == [None, None, None]
    claimed += [held.id for held, _ in outbox._claim("ear")]
    assert len(claimed) == len(set(claimed)) == rounds * each


def test_who_claims_waits_for_nobody_else_who_does(db: Cluster) -> None:
    listen(Ear("ear"))
    say("a", 1, 2)
    outbox.follow()
    with psycopg.connect(db.app_url) as other:
        other.execute("select 1 from events_delivery order by id limit 1 for update")
        with transaction.atomic():
            sql("set local lock_timeout = '2s'")
            assert len(outbox._claim("ear")) == 1


def test_one_that_is_down_holds_up_nobody_else() -> None:
    down, well = listen(Ear("down", fault=Undelivered("it does not answer")), Ear("well"))
    say("a", *range(5))
    outbox.publish()
    assert well.numbers == list(range(5))
    assert down.tries == 1  # the others are not tried against a closed door
    attempts = Delivery.objects.filter(subscriber="down").values_list("attempts", flat=True)
    assert sorted(attempts) == [0, 0, 0, 0, 1]
    outbox.publish()
    assert down.tries == 1  # it has a rest, from all of them
    down.fault = None
    all_due()
    outbox.publish()
    assert down.numbers == list(range(5)) and well.tries == 5


# Slow ones


class Slow(Ear):
    """Takes what it is told, when `go` is set and not before."""

    def __init__(self, name: str, fault: Exception | None = None) -> None:
        super().__init__(name, fault=fault)
        self.go, self.begun = threading.Event(), threading.Event()

    def send(self, publication: Publication) -> None:
        self.begun.set()
        assert self.go.wait(PATIENCE_S)
        super().send(publication)

    def end(self) -> None:
        """Let it take everything, and wait until its thread has said so."""
        self.go.set()
        for thread in threading.enumerate():
            if thread.name == self.name:
                thread.join(PATIENCE_S)
                assert not thread.is_alive()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "BUDGET_S", 0.3)


@pytest.mark.usefixtures("hurried")
def test_one_that_is_slow_is_told_once_and_holds_up_nobody() -> None:
    slow, well = listen(Slow("slow"), Ear("well"))
    assert isinstance(slow, Slow)
    say("a", 1, 2, 3)
    began = time.monotonic()
    outbox.publish()
    assert time.monotonic() - began < 2
    assert slow.begun.is_set() and not slow.go.is_set()
    assert well.numbers == [1, 2, 3]
    waiting = Delivery.objects.filter(subscriber="slow")
    assert sorted(waiting.values_list("attempts", flat=True)) == [0, 0, 1]  # two were never tried
    for _ in range(outbox.ATTEMPTS_MAX):
        all_due()  # its lease ends, and it is still at it
        began = time.monotonic()
        outbox.publish()
        assert time.monotonic() - began < 0.3  # nobody waits for it again
    assert sorted(waiting.values_list("attempts", flat=True)) == [0, 0, 1]
    slow.end()
    outbox.publish()  # the late success is on record, and the others are told
    assert slow.numbers == [1, 2, 3] and slow.tries == 3
    assert waiting.filter(sent_at=None).count() == 0


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("taken", [True, False])
def test_how_the_last_attempt_went_counts_however_late(taken: bool) -> None:
    slow = Slow("slow", fault=None if taken else Undelivered("the door is closed"))
    listen(slow)
    say("a", 1)
    outbox.follow()
    Delivery.objects.update(attempts=outbox.ATTEMPTS_MAX - 1)
    outbox.publish()
    all_due()
    outbox.publish()
    assert only().given_up_at and "did not report back" in only().error
    slow.end()
    outbox.publish()
    assert slow.tries == 1
    assert bool(only().sent_at) == taken
    assert bool(only().given_up_at) != taken
    assert only().error == ("" if taken else "the door is closed")


@pytest.mark.usefixtures("hurried")
def test_a_failure_that_is_known_late_is_tried_again() -> None:
    slow = Slow("slow", fault=Undelivered("the door is closed"))
    listen(slow)
    say("a", 1)
    outbox.publish()
    assert (only().attempts, only().error) == (1, "")
    slow.end()
    outbox.publish()
    assert (only().attempts, only().error) == (1, "the door is closed")
    slow.fault = None
    all_due()
    outbox.publish()
    assert slow.numbers == [1]


# Failures


def test_a_failure_is_tried_again_later_and_given_up_in_the_end(caplog: pytest.LogCaptureFixture) -> None:
    (ear,) = listen(Ear("ear", fault=Undelivered("the door is closed")))
    say("a", 1)
    waits_s = []
    for _ in range(outbox.ATTEMPTS_MAX):
        assert only().given_up_at is None if waits_s else True
        before = timezone.now()
        outbox.publish()
        waits_s.append((only().due_at - before).total_seconds())
        outbox.publish()  # it is not due yet
        all_due()
    assert ear.tries == outbox.ATTEMPTS_MAX
    for attempt, waited_s in enumerate(waits_s, start=1):
        most_s = min(5 * 2 ** (attempt - 1), 3600)
        assert most_s / 2 - 1 < waited_s < most_s + 1
    assert only().given_up_at and only().error == "the door is closed"
    outbox.publish()
    assert ear.tries == outbox.ATTEMPTS_MAX
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 1
    assert "given up: the door is closed" in caplog.text
    ear.fault = None
    assert outbox.send_again([only().id]) == 1
    assert outbox.send_again([only().id]) == 0
    outbox.publish()
    assert ear.numbers == [1]
    assert only().sent_at and only().given_up_at is None and only().error == ""


def test_what_an_error_quotes_is_neither_stored_nor_logged(caplog: pytest.LogCaptureFixture) -> None:
    listen(Ear("ear", fault=RuntimeError("https://hooks.example/secret-path")))
    say("a", 1)
    outbox.publish()
    assert only().error == "it could not be sent: RuntimeError"
    assert "secret-path" not in caplog.text


def test_who_lost_its_lease_changes_nothing() -> None:
    listen(Ear("ear"))
    say("a", 1)
    outbox.follow()
    ((held, publication),) = outbox._claim("ear")
    all_due()
    ((again, _),) = outbox._claim("ear")
    assert (held.id, held.attempts, again.attempts) == (again.id, 1, 2)
    due_at = only().due_at
    outbox._record(outbox.Report(held, "ear", "too late"))
    outbox._hand_back(outbox.Sender(Ear("ear"), [(held, publication)]))
    assert (only().due_at, only().attempts, only().error) == (due_at, 2, "")
    outbox._record(outbox.Report(again, "ear", None))
    sent_at = only().sent_at
    outbox._record(outbox.Report(held, "ear", None))
    assert only().sent_at == sent_at


def test_a_last_attempt_that_never_reports_back_is_given_up() -> None:
    (ear,) = listen(Ear("ear"))
    say("a", 1)
    outbox.follow()
    Delivery.objects.update(attempts=outbox.ATTEMPTS_MAX)
    outbox.publish()
    assert not ear.tries
    assert only().given_up_at and "did not report back" in only().error


def test_who_is_configured_no_longer_is_given_up_after_a_while(caplog: pytest.LogCaptureFixture) -> None:
    (stays, _) = listen(Ear("stays", fault=Undelivered("the door is closed")), Ear("goes"))
    say("a", 1, 2)
    outbox.follow()
    listen(stays)

    def waited(minutes: int) -> int:
        Delivery.objects.update(due_at=timezone.now() - timedelta(minutes=minutes))
        outbox.publish()
        return Delivery.objects.filter(given_up_at__isnull=False).count()

    assert waited(55) == 0  # there may be processes that still know it
    assert waited(65) == 2
    given_up = Delivery.objects.filter(given_up_at__isnull=False)
    assert set(given_up.values_list("subscriber", "error")) == {("goes", "no such subscriber is configured")}
    assert "goes: 2 deliveries are given up: no such subscriber is configured" in caplog.text
    _, again = listen(stays, Ear("goes"))
    assert outbox.send_again(given_up.values_list("id", flat=True)) == 2
    outbox.publish()
    assert again.numbers == [1, 2]


def test_what_is_claimed_is_nobody_elses_until_its_lease_ends() -> None:
    (ear,) = listen(Ear("ear"))
    say("a", 1)
    outbox.follow()
    assert outbox._claim("ear")
    outbox.publish()
    assert not ear.tries
    assert only().due_at > timezone.now() + timedelta(seconds=outbox.LEASE_S / 2)


# Processes that are killed


def process(path: Path, place: str) -> int:
    """A process that publishes, and how it ended."""
    command = [sys.executable, "-m", "tests.kernel.outbox_main", str(path), place]
    return subprocess.run(command, cwd=ROOT, timeout=PATIENCE_S, check=False).returncode


@pytest.fixture
def settings_in_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "deploy.settings")


@pytest.mark.parametrize("place", ["follow", "send"])
def test_a_killed_process_loses_nothing_and_ids_stay(
    place: str, tmp_path: Path, settings_in_children: None
) -> None:
    path = tmp_path / "heard"
    say("a", 1, 2, 3)  # committed, and nobody has published it
    assert process(path, place) == -signal.SIGKILL
    assert (len(path.read_text().splitlines()) if path.exists() else 0) == (2 if place == "send" else 0)
    all_due()  # the lease of what was being sent
    assert process(path, "nowhere") == 0
    heard = [tuple(line.split()) for line in path.read_text().splitlines()]
    ids = {str(outbox.publication_id(event, "said")): str(event.data["n"]) for event in store.read("a")}
    assert dict(heard) == ids
    if place == "follow":
        assert len(heard) == 3
    else:  # the second was sent and not marked; whether the first was is a race
        assert 4 <= len(heard) <= 5
    assert Delivery.objects.filter(sent_at=None).count() == 0
