"""The kernel's tables. Each is written by one module: store, work, dead_letters, projection."""

import uuid

from django.db import models


class Event(models.Model):
    """One immutable fact: the `version`-th event of its stream.

    The unique index (stream, version) is what makes a step happen once. `xid` is the transaction that
    wrote it: whoever follows the whole log reads in (xid, position) order, because a sequence is handed
    out before its transaction commits and is therefore no order (see store.read_all).
    The application's role may only insert and select here, and triggers refuse the rest.
    """

    position = models.BigIntegerField(primary_key=True)
    stream = models.TextField(
        help_text="Whose event this is, for example paycheck-<employer run>+<employee>."
    )
    version = models.IntegerField(help_text="Counts from 1 within the stream, without gaps.")
    type = models.TextField(help_text="What happened, in the past tense.")
    data = models.JSONField(help_text="The facts. Money is in integer cents.")
    cause = models.UUIDField(null=True, help_text="The work that recorded it; empty for a person's command.")
    recorded_at = models.DateTimeField()
    xid = models.TextField()

    class Meta:
        managed = False  # created by SQL in the first migration: xid8, identity, BRIN and triggers
        db_table = "events_event"
        ordering = ["position"]

    def __str__(self) -> str:
        return f"{self.stream}@{self.version} {self.type}"


class WorkState(models.TextChoices):
    """Where a piece of work is; it is always in exactly one place."""

    READY = "ready", "ready"  # claimable from available_at on
    LEASED = "leased", "leased"  # a worker holds it until lease_until
    JOINING = "joining", "joining"  # waits for `pending` children
    WAITING = "waiting", "waiting"  # waits for a signal, such as an approval
    DEAD = "dead", "dead letter"  # waits for a person
    DONE = "done", "done"
    CANCELLED = "cancelled", "cancelled"


class Work(models.Model):
    """What is to be done, who holds it, how often it was tried. This table is the queue."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    saga = models.TextField()
    step = models.TextField(help_text="The step it stands before.")
    queue = models.TextField()
    state = models.TextField(choices=WorkState.choices, default=WorkState.READY)
    subject = models.TextField(help_text="The stream this work is about.")
    run_key = models.TextField(help_text="What one concurrency limit covers, such as a pay run.")
    group_key = models.TextField(help_text="Whose share of the workers it uses, such as an employer.")
    parent = models.UUIDField(null=True)
    pending = models.IntegerField(default=0, help_text="Children that are not finished.")
    turn = models.IntegerField(default=0, help_text="Its place among its group's work: lower turns go first.")
    items = models.IntegerField(default=1)
    payload = models.JSONField(default=dict)
    attempts = models.IntegerField(default=0, help_text="Claims of this step, counted before the work.")
    snoozes = models.IntegerField(default=0, help_text="Times in a row that the world was not ready.")
    lost = models.IntegerField(default=0, help_text="Claims that ended with a lease run out.")
    epoch = models.IntegerField(default=0, help_text="Fences out whoever held it before.")
    available_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True)
    worker = models.TextField(default="", blank=True)
    error = models.TextField(default="", blank=True, help_text="What went wrong last.")
    enqueued_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "work"
        indexes = [
            models.Index(
                "turn", "enqueued_at", "id", name="work_for_claim", condition=models.Q(state="ready")
            ),
            models.Index("run_key", "group_key", name="work_for_limits", condition=models.Q(state="leased")),
            models.Index("lease_until", name="work_for_sweep", condition=models.Q(state="leased")),
            models.Index("parent", name="work_of_parent"),
            models.Index("run_key", "state", name="work_of_run"),
            models.Index("group_key", "state", name="work_of_group"),
        ]

    def __str__(self) -> str:
        return f"{self.saga}/{self.step} {self.subject}"


class Limit(models.Model):
    """How many pieces of work one run or one group may have leased at a time."""

    scope = models.TextField(primary_key=True, help_text="run:<run key> or group:<group key>")
    leased_max = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.scope}: {self.leased_max}"


class DeadLetterState(models.TextChoices):
    OPEN = "open", "open"
    REDRIVEN = "redriven", "redriven"
    DISMISSED = "dismissed", "dismissed"


class DeadLetter(models.Model):
    """A piece of work that a person has to look at, and everything needed to decide."""

    id = models.UUIDField(primary_key=True, editable=False)
    work = models.UUIDField()
    saga = models.TextField()
    step = models.TextField(help_text="The step it stands at; a redrive goes on from here.")
    subject = models.TextField(help_text="The stream it is about.")
    run_key = models.TextField()
    group_key = models.TextField("employer", help_text="Whose work it is.")
    kind = models.TextField(help_text="needs review, bug, lost worker, or alarm")
    reason = models.TextField()
    attempts = models.IntegerField()
    traceback = models.TextField(blank=True)
    fingerprint = models.TextField(help_text="The same for the same fault: redrive all of one kind at once.")
    state = models.TextField(choices=DeadLetterState.choices, default=DeadLetterState.OPEN)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.TextField(blank=True)
    closed_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(
                "work", name="one_open_letter_per_work", condition=models.Q(state="open")
            ),
        ]
        indexes = [
            models.Index("run_key", "state", name="letters_of_run"),
            models.Index("work", name="letters_of_work"),
        ]
        permissions = [
            ("redrive_deadletter", "Can redrive a dead letter"),
            ("dismiss_deadletter", "Can dismiss a dead letter"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.step}"


class Checkpoint(models.Model):
    """How far the read models have followed the log: the last (xid, position) they folded."""

    name = models.TextField(primary_key=True)
    xid = models.TextField(default="0")
    position = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name}: {self.xid}/{self.position}"
