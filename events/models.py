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
    """What holds back the work of one run, or of one group: claims ask here, so a change counts at once."""

    scope = models.TextField(
        primary_key=True, help_text="run:<run key>, group:<group key> or part:<run key>/<group key>"
    )
    leased_max = models.PositiveIntegerField(
        null=True, help_text="Pieces of work leased at a time; empty for any number."
    )
    dead_max = models.PositiveIntegerField(
        null=True, help_text="Dead items that are tolerated; one more and nothing else is claimed."
    )
    paused = models.BooleanField(default=False, help_text="Nothing is claimed until somebody resumes it.")

    def __str__(self) -> str:
        return self.scope


class DeadLetterState(models.TextChoices):
    OPEN = "open", "open"
    REDRIVEN = "redriven", "redriven"
    DISMISSED = "dismissed", "dismissed"
    CARRIED_OVER = "carried_over", "carried over"


class DeadLetter(models.Model):
    """A piece of work that a person has to look at, and everything needed to decide."""

    id = models.UUIDField(primary_key=True, editable=False)
    work = models.UUIDField()
    saga = models.TextField()
    step = models.TextField(help_text="The step it stands at; a redrive goes on from here.")
    subject = models.TextField(help_text="The stream it is about.")
    run_key = models.TextField()
    group_key = models.TextField("employer", help_text="Whose work it is.")
    kind = models.TextField(help_text="needs review, no answer, bug, lost worker, or alarm")
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
            models.Index(
                "fingerprint",
                "closed_at",
                name="letters_redriven",
                condition=models.Q(state="redriven"),
            ),
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
    stopped_by = models.TextField(
        blank=True, db_default="", help_text="Why it cannot be folded any further; empty when it can."
    )

    def __str__(self) -> str:
        return f"{self.name}: {self.xid}/{self.position}"


class TokenState(models.TextChoices):
    """What became of one question to a downstream system."""

    OPEN = "open", "open"
    SUCCEEDED = "succeeded", "succeeded"
    FAILED = "failed", "failed"
    EXPIRED = "expired", "expired"  # no answer by its deadline, or no heartbeat in time
    VOID = "void", "void"  # asked again, cancelled or fenced: an answer comes too late


class TaskToken(models.Model):
    """One item of a step that a downstream system does: the question, its deadline, the answer.

    Bound to a piece of work and to the epoch of the claim that asked. Only the hash of the token is kept.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    token_sha256 = models.TextField()
    work = models.UUIDField()
    epoch = models.IntegerField()
    step = models.TextField()
    number = models.IntegerField(help_text="The item's number in its batch.")
    subject = models.TextField(help_text="The item's stream.")
    run_key = models.TextField()
    group_key = models.TextField()
    state = models.TextField(choices=TokenState.choices, default=TokenState.OPEN)
    issued_at = models.DateTimeField()
    deadline_at = models.DateTimeField()
    heartbeat_s = models.FloatField()
    heartbeat_at = models.DateTimeField(help_text="When it must have been heard of again.")
    answered_at = models.DateTimeField(null=True)
    answer = models.JSONField(null=True)
    answer_sha256 = models.TextField(default="", blank=True)

    class Meta:
        constraints = [models.UniqueConstraint("token_sha256", name="tokens_by_hash")]
        indexes = [
            models.Index("work", "step", name="tokens_of_work"),
            models.Index("subject", "step", name="tokens_of_item"),
            models.Index("deadline_at", name="tokens_by_deadline", condition=models.Q(state="open")),
            models.Index("heartbeat_at", name="tokens_by_heartbeat", condition=models.Q(state="open")),
            models.Index("step", name="tokens_in_flight", condition=models.Q(state="open")),
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.step}: {self.state}"


class Downstream(models.Model):
    """How one downstream system fares: its circuit breaker and its rate limit, one row a step."""

    step = models.TextField(primary_key=True)
    failures = models.IntegerField(default=0, help_text="Calls in a row that failed.")
    open_until = models.DateTimeField(null=True, help_text="Nothing is sent before this moment.")
    next_at = models.DateTimeField(null=True, help_text="When the rate limit lets the next request go.")

    def __str__(self) -> str:
        return self.step


class Publication(models.Model):
    """Something told to the world outside: made from an event of the log, kept until every subscriber has it."""

    id = models.UUIDField(primary_key=True, editable=False, help_text="Subscribers deduplicate by it.")
    topic = models.TextField()
    subject = models.TextField(help_text="The stream of the event it was made from.")
    attributes = models.JSONField(help_text="What subscribers filter on.")
    body = models.JSONField()
    recorded_at = models.DateTimeField()

    class Meta:
        ordering = ["-recorded_at"]
        indexes = [models.Index("recorded_at", name="publications_by_time")]

    def __str__(self) -> str:
        return f"{self.topic} {self.subject}"


class Delivery(models.Model):
    """One publication on its way to one subscriber."""

    id = models.UUIDField(primary_key=True, editable=False)
    publication = models.ForeignKey(Publication, on_delete=models.CASCADE)
    subscriber = models.TextField()
    attempts = models.IntegerField(default=0)
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    error = models.TextField(default="", blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        permissions = [("send_again_delivery", "Can send a delivery again that was given up")]
        constraints = [
            models.UniqueConstraint("publication", "subscriber", name="one_delivery_per_subscriber"),
        ]
        indexes = [
            models.Index(
                "due_at",
                name="deliveries_due",
                condition=models.Q(sent_at__isnull=True, given_up_at__isnull=True),
            ),
            models.Index(
                "given_up_at", name="deliveries_given_up", condition=models.Q(given_up_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.publication_id} to {self.subscriber}"
