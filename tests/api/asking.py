"""A question to a downstream system that waits for its answer: a token, and an answer that fits."""

import hashlib
import secrets
from dataclasses import fields
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.utils import timezone

from events import store, tokens
from events.models import TaskToken, Work, WorkState
from events.store import NewEvent
from payroll.domain import TaxCalculated

# A paycheck of nothing: every amount is 0, and the sums agree.
EMPTY: dict[str, Any] = {
    each.name: {"programmes": [], "state": "TX", "working": "[]"}.get(each.name, 0)
    for each in fields(TaxCalculated)
}


def ask(*, deadline_s: float = 600.0) -> tuple[str, TaskToken]:
    """A question about one paycheck's taxes that waits for its answer: the token, and its row."""
    now, token = timezone.now(), secrets.token_urlsafe(32)
    work = Work.objects.create(
        saga="paychecks",
        step="tax-calc",
        queue="tax-calc",
        state=WorkState.WAITING,
        subject="paycheck-x+ann",
        run_key="x",
        group_key="ACME",
        pending=1,
        epoch=1,
        available_at=now,
        enqueued_at=now,
    )
    row = TaskToken.objects.create(
        id=uuid4(),
        token_sha256=hashlib.sha256(token.encode()).hexdigest(),
        work=work.id,
        epoch=1,
        step="tax-calc",
        number=0,
        subject=work.subject,
        run_key="x",
        group_key="ACME",
        issued_at=now - timedelta(seconds=600),
        deadline_at=now + timedelta(seconds=deadline_s),
        heartbeat_s=60.0,
        heartbeat_at=now + timedelta(seconds=60),
    )
    store.append([NewEvent(tokens.request_stream(work.id, "tax-calc", 1), 1, "TasksRequested", {})])
    return token, row
