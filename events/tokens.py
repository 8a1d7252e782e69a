"""Task tokens: the question to a downstream system about one item, its deadline, and its one answer.

A token is 256 random bits and stands for one item of one piece of work, asked by one claim. It is good while that
claim's epoch is the work's and the work is leased (an early answer) or waits. Only its hash is stored.

Lock order, everywhere: the work, then what is known of its downstream, then its tokens. So an answer, the claim that
asks and the clock that runs out meet at the row of the work, and one of them is first.
"""

import hashlib
import json
import logging
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from django.db import transaction

from events import answers, database, saga, store
from events.answers import Answer, AnsweredOtherwise, NotAnAnswer, TooLate, UnknownToken
from events.doorbells import ring
from events.saga import REGISTRY, Item
from events.store import NewEvent
from events.work import Claimed

log = logging.getLogger(__name__)

__all__ = ["AnsweredOtherwise", "NotAnAnswer", "TooLate", "UnknownToken", "beat", "expire", "fail", "succeed"]

TASKS = UUID("6b0a4c55-9a5e-5a2f-8c3e-0f7f1f4f6d21")
EXPIRE_WORKS = 20  # pieces of work one transaction of `expire` looks after
EXPIRE_S = 2.0
NONE_SUCH = "there is no such token"


class Issued(NamedTuple):
    """A token as the downstream gets it.

    task   the same whenever this step of this item is asked for: whoever knows its answer already gives it again
    """

    number: int
    task: str
    token: str


class Known(NamedTuple):
    """What became of the last question about an item.

    fresh   answered to the claim right before this one, so that a failure counts; an older one is asked again
    """

    state: str
    content: dict[str, Any]
    fresh: bool


ISSUE = """
insert into events_tasktoken (id, token_sha256, work, epoch, step, number, subject, run_key, group_key, state,
                              issued_at, deadline_at, heartbeat_s, heartbeat_at, answer_sha256)
select new.id, new.sha256, %(work)s, %(epoch)s, %(step)s, new.number, new.subject, %(run_key)s, %(group_key)s, 'open',
       statement_timestamp(), statement_timestamp() + %(deadline_s)s * interval '1 second',
       %(heartbeat_s)s, statement_timestamp() + %(heartbeat_s)s * interval '1 second', ''
  from jsonb_to_recordset(%(new)s::jsonb) as new (id uuid, sha256 text, number int, subject text)
"""

# Asked again: whoever still holds an older token of this step is too late.
WITHDRAW = """
with void as (
  update events_tasktoken set state = 'void', answered_at = clock_timestamp()
   where work = %(work)s and step = %(step)s and epoch < %(epoch)s and state = 'open'
  returning epoch)
select epoch, count(*) from void group by epoch
"""

# A success counts whoever asked for it; a failure only right after it came.
KNOWN = """
select subject, state, answer::text, work = %(work)s and epoch = %(epoch)s - 1 as fresh
  from events_tasktoken
 where subject = any(%(subjects)s) and step = %(step)s
   and (state = 'succeeded'
        or (state in ('failed', 'expired') and work = %(work)s and epoch = %(epoch)s - 1))
 order by issued_at
"""

UNTAKEN = """
update events_tasktoken t
   set state = untaken.state, answer = untaken.answer, answered_at = clock_timestamp()
  from jsonb_to_recordset(%(untaken)s::jsonb) as untaken (number int, state text, answer jsonb)
 where t.work = %(work)s and t.step = %(step)s and t.epoch = %(epoch)s and t.state = 'open'
   and t.number = untaken.number
"""

STILL_OPEN = """
select count(*) from events_tasktoken where work = %(work)s and step = %(step)s and epoch = %(epoch)s and state = 'open'
"""

# The works first, in the order of their ids; then the tokens, as they are by then.
LOCK = """
with asked as materialized (
  select w.id, w.saga, w.state, w.step, w.epoch
    from events_work w
   where w.id in (select t.work from events_tasktoken t where t.token_sha256 = any(%(hashes)s))
   order by w.id
   for update)
select t.id, t.token_sha256, t.work, t.step, t.subject, t.state, t.answer_sha256, asked.saga,
       asked.state in ('leased', 'waiting') and asked.epoch = t.epoch and asked.step = t.step
       and least(t.deadline_at, t.heartbeat_at) > clock_timestamp()
  from events_tasktoken t join asked on asked.id = t.work
 where t.token_sha256 = any(%(hashes)s)
   for update of t
"""

# Work that waits counts its answers off; who asks and has not let go yet counts what is open when it does. Works and
# tokens are named beside the join: the planner cannot know how many rows a recordset has.
COUNT_OFF = """
update events_work w
   set pending = pending - done.answers,
       state = case when pending <= done.answers then 'ready' else state end,
       available_at = case when pending <= done.answers then clock_timestamp() else available_at end
  from (select work, count(*)::int as answers from settled group by work) done
 where w.id = done.work and w.id = any(%(works)s) and w.state = 'waiting'
returning w.id, w.step, w.epoch, w.state
"""

ANSWER = f"""
with settled as (
  update events_tasktoken t
     set state = given.state, answer = given.answer, answer_sha256 = given.sha256, answered_at = clock_timestamp()
    from jsonb_to_recordset(%(given)s::jsonb) as given (id uuid, state text, answer jsonb, sha256 text)
   where t.id = given.id and t.id = any(%(tokens)s)
  returning t.work)
{COUNT_OFF}
"""  # noqa: S608

BEAT = """
update events_tasktoken
   set heartbeat_at = clock_timestamp() + heartbeat_s * interval '1 second'
 where id = any(%s)
"""

# Two conditions, so that each is a range of an index of its own.
LOCK_OVERDUE = """
select id from events_work
 where id in (select work from events_tasktoken
               where state = 'open' and (deadline_at < statement_timestamp() or heartbeat_at < statement_timestamp())
               limit %s)
 order by id
   for update skip locked
"""

# A token that an answer could not use any more either is void: nobody waits for it.
EXPIRE = f"""
with over as (
  update events_tasktoken t
     set state = case when w.epoch = t.epoch and w.step = t.step and w.state in ('leased', 'waiting')
                      then 'expired' else 'void' end,
         answered_at = clock_timestamp(),
         answer = case when t.deadline_at < statement_timestamp()
                       then jsonb_build_object('over', 'deadline',
                                               'after_s', extract(epoch from t.deadline_at - t.issued_at))
                       else jsonb_build_object('over', 'heartbeat', 'after_s', t.heartbeat_s) end
    from events_work w
   where w.id = t.work and t.work = any(%(works)s)
     and t.state = 'open' and least(t.deadline_at, t.heartbeat_at) < statement_timestamp()
  returning t.work, t.state),
settled as (select work from over where state = 'expired')
{COUNT_OFF}
"""  # noqa: S608

ANSWERS = """
select number, state, answer_sha256 from events_tasktoken
 where work = %(work)s and step = %(step)s and epoch = %(epoch)s
 order by number
"""


def request_stream(work_id: UUID, step: str, epoch: int) -> str:
    """The stream that records one request: what was asked, and that the answers are in."""
    return f"request-{work_id}-{step}-{epoch}"


def issue(held: Claimed, items: Mapping[int, Item], *, deadline_s: float, heartbeat_s: float) -> list[Issued]:
    """Tokens for these items of held work; older ones of the same step are void. The caller owns the transaction.

    items   by their number in the batch
    """
    for epoch, withdrawn in database.rows(WITHDRAW, _asked(held)):
        stream = request_stream(held.id, held.step, epoch)
        store.append([NewEvent(stream, 2, "TasksWithdrawn", {"withdrawn": withdrawn})], cause=held.id)
    issued, new = [], []
    for number, item in items.items():
        token = secrets.token_urlsafe(32)
        issued.append(Issued(number, str(uuid5(TASKS, f"{item.stream}|{held.step}")), token))
        key = uuid5(held.id, f"{held.step}|{number}|{held.epoch}")
        new.append({"id": str(key), "sha256": _hash(token), "number": number, "subject": item.stream})
    terms = {"deadline_s": deadline_s, "heartbeat_s": heartbeat_s, "new": json.dumps(new)}
    terms |= {"run_key": held.run_key, "group_key": held.group_key}
    database.execute(ISSUE, _asked(held) | terms)
    return issued


def known(held: Claimed, subjects: Sequence[str]) -> dict[str, Known]:
    """What downstream systems have said of the step that held work stands before, by the item's stream."""
    rows = database.rows(KNOWN, _asked(held) | {"subjects": list(subjects)})
    return {subject: Known(state, json.loads(content), fresh) for subject, state, content, fresh in rows}


def settle(held: Claimed, refused: Mapping[int, str], unsent: Iterable[int]) -> None:
    """Settle tokens that the downstream never took, by number; the caller owns the transaction.

    refused   and why: as if the downstream had said that it cannot
    unsent    void, to be asked again
    """
    said = {
        n: {"error": f"it does not take this request ({why})", "retryable": False}
        for n, why in refused.items()
    }
    rows = [{"number": number, "state": "failed", "answer": answer} for number, answer in said.items()]
    rows += [{"number": number, "state": "void", "answer": None} for number in unsent]
    if rows:
        database.execute(UNTAKEN, _asked(held) | {"untaken": json.dumps(rows)})


def still_open(held: Claimed) -> int:
    """How many answers the claim that asked has to wait for. With none, its request is closed."""
    count = int(database.rows(STILL_OPEN, _asked(held))[0][0])
    if not count:
        _close(held.id, held.step, held.epoch)
    return count


def succeed(token: str, output: Any) -> None:
    """Take what the downstream computed; the same again changes nothing.

    raises   UnknownToken, TooLate, AnsweredOtherwise; NotAnAnswer when it is not what the step emits
    """
    _take_one(answers.success(token, output))


def fail(token: str, error: str, *, retryable: bool = False) -> None:
    """Take it that the downstream could not do it; the same again changes nothing.

    error       in words that name nobody; it becomes the reason of the dead letter
    retryable   True: the item is asked again later, as if the world had not been ready
    raises      UnknownToken, TooLate, AnsweredOtherwise, NotAnAnswer
    """
    _take_one(answers.failure(token, error, retryable))


def beat(token: str) -> None:
    """The downstream is still at it: the heartbeat starts again, the deadline stays.

    raises   UnknownToken; TooLate, also when the answer is already there
    """
    _take_one(answers.heartbeat(token))


def take(given: Sequence[Answer]) -> list[Exception | None]:
    """Take some answers in one transaction; for each, what is wrong with it, or None."""
    with transaction.atomic(durable=True):
        columns = ("id", "sha256", "work", "step", "subject", "state", "answer", "saga", "good")
        rows = database.rows(LOCK, {"hashes": list({_hash(answer.token) for answer in given})})
        tokens = {row[1]: dict(zip(columns, row, strict=True)) for row in rows}
        verdicts = [_verdict(tokens.get(_hash(answer.token)), answer) for answer in given]
        settled = [token for token in tokens.values() if "content" in token]
        ready = _record(settled)
        if beating := [token["id"] for token in tokens.values() if token.get("beats")]:
            database.execute(BEAT, [beating])
    ring(ready)
    return verdicts


def expire() -> int:
    """Settle the tokens whose deadline or heartbeat is over; how many pieces of work they belonged to.

    A tick: any number of processes may run it at once, and none takes longer than a few seconds.
    """
    until, seen = time.monotonic() + EXPIRE_S, 0
    while time.monotonic() < until:
        with transaction.atomic(durable=True):
            works = [row[0] for row in database.rows(LOCK_OVERDUE, [EXPIRE_WORKS])]
            ready = _closed(database.rows(EXPIRE, {"works": works})) if works else []
        ring(ready)
        seen += len(works)
        if not works:
            break
    return seen


def _take_one(answer: Answer) -> None:
    (wrong,) = take([answer])
    if wrong:
        raise wrong


def _verdict(token: dict[str, Any] | None, answer: Answer) -> Exception | None:
    """What is wrong with an answer; what is not goes into `token`, where a second answer to it finds it."""
    if token is None:
        return UnknownToken(NONE_SUCH)
    where = f"{token['subject']} at {token['step']}"
    if token["state"] in ("succeeded", "failed") and answer.outcome != "heartbeat":
        if token["answer"] == answer.sha256:
            return None
        log.error("a second answer for %s is not the first one: it is refused", where)
        return AnsweredOtherwise("this token was answered before, and not with this")
    if token["state"] != "open" or not token["good"]:
        log.warning("an answer for %s came too late", where)
        return TooLate("this token is no longer good: its time is over, or it was asked again")
    try:
        _fill_in(token, answer)
    except NotAnAnswer as wrong:
        log.warning("what came for %s is not an answer: %s", where, wrong)
        return wrong
    return None


def _fill_in(token: dict[str, Any], answer: Answer) -> None:
    """Put a good answer into its token. Raises NotAnAnswer for an output that the step does not emit."""
    if answer.outcome == "heartbeat":
        token["beats"] = True
        return
    if answer.outcome == "success":
        saga.check(REGISTRY[token["saga"]], token["step"], answer.content["output"])
    token["state"] = "succeeded" if answer.outcome == "success" else "failed"
    token["answer"], token["content"] = answer.sha256, answer.text


def _record(settled: Sequence[Mapping[str, Any]]) -> list[UUID]:
    """Record answers and count them off; the works that are ready again."""
    if not settled:
        return []
    rows = ",".join(  # the content is JSON already
        f'{{"id":"{token["id"]}","state":"{token["state"]}","sha256":"{token["answer"]}","answer":{token["content"]}}}'
        for token in settled
    )
    named = {"tokens": [token["id"] for token in settled], "works": [token["work"] for token in settled]}
    return _closed(database.rows(ANSWER, {"given": f"[{rows}]", **named}))


def _closed(counted: Iterable[tuple[Any, ...]]) -> list[UUID]:
    """Close the requests whose last answer is in; their works."""
    ready = [(work, step, epoch) for work, step, epoch, state in counted if state == "ready"]
    for each in ready:
        _close(*each)
    return [work for work, _, _ in ready]


def _close(work_id: UUID, step: str, epoch: int) -> None:
    """Record that a request has all its answers: how many of each kind, and a hash over them."""
    found = database.rows(ANSWERS, {"work": work_id, "step": step, "epoch": epoch})
    facts: dict[str, Any] = {"succeeded": 0, "failed": 0, "expired": 0, "void": 0}
    digest = hashlib.sha256()
    for number, state, sha256 in found:
        facts[state] += 1
        digest.update(f"{number} {state} {sha256}\n".encode())
    facts["answers_sha256"] = digest.hexdigest()
    store.append([NewEvent(request_stream(work_id, step, epoch), 2, "TasksAnswered", facts)], cause=work_id)


def _asked(held: Claimed) -> dict[str, Any]:
    return {"work": held.id, "step": held.step, "epoch": held.epoch}


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
