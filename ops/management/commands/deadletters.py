"""Look at dead letters, redrive them, dismiss them."""

import json
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.core.management import BaseCommand, CommandError
from django.db.models import TextField
from django.db.models.functions import Cast

from events import dead_letters, redrive, store
from events.dead_letters import NothingToUndo, NotOpen
from events.models import DeadLetter, DeadLetterState
from ops import redriving
from ops.permitted import check
from ops.redriving import Preview
from ops.status import find_run
from payroll import keys
from payroll.runs import Refused

REFUSALS = (Refused, NotOpen, NothingToUndo, ValueError)
SHOWN = (
    "id",
    "state",
    "kind",
    "saga",
    "step",
    "subject",
    "run_key",
    "group_key",
    "reason",
    "attempts",
    "fingerprint",
)


class Command(BaseCommand):
    help = "Look at dead letters, redrive them from the step they stand at, or dismiss them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        for verb, does in (
            ("list", "list open dead letters"),
            ("redrive", "go on from the step it stands at"),
        ):
            chosen = verbs.add_parser(verb, help=does)
            if verb == "redrive":
                chosen.add_argument(
                    "ids", nargs="*", metavar="ID", help="dead letters, or the beginning of their ids"
                )
                chosen.add_argument("--as", dest="user", default="cli", metavar="USER")
                chosen.add_argument("--reason", default="")
                chosen.add_argument(
                    "--corrected", action="store_true", help="begin again, with the roster as it is now"
                )
                chosen.add_argument(
                    "--rate", type=float, metavar="N", help="no more than N a second (default: all at once)"
                )
                chosen.add_argument(
                    "--preview", action="store_true", help="show what it would do, and do nothing"
                )
            chosen.add_argument("--run", help="of this pay run")
            chosen.add_argument("--employer", help="of this employer")
            chosen.add_argument("--step", help="standing at this step")
            chosen.add_argument("--fingerprint", help="of this fault")
            chosen.add_argument("--kind", help="of this kind, such as 'lost worker'")
            chosen.add_argument("--json", action="store_true")
        show = verbs.add_parser("show", help="everything about one dead letter")
        show.add_argument("id")
        show.add_argument("--json", action="store_true")
        dismiss = verbs.add_parser(
            "dismiss", help="leave the person out of this run; the employer goes on without"
        )
        dismiss.add_argument("ids", nargs="+", metavar="ID")
        dismiss.add_argument("--reason", required=True, help="why, for the record")
        dismiss.add_argument("--as", dest="user", default="cli", metavar="USER")
        dismiss.add_argument("--json", action="store_true")

    def handle(self, *args: Any, verb: str, **options: Any) -> None:
        try:
            getattr(self, f"do_{verb}")(**options)
        except REFUSALS as refused:
            raise CommandError(str(refused)) from None

    def do_list(self, *, json: bool, **chosen: Any) -> None:
        criteria = filters(**chosen)
        letters = redriving.select(**criteria) if criteria else list(dead_letters.open_letters())
        outlooks = redrive.outlooks(letters)
        if json:
            rows = [facts(letter) | {"outlook": outlooks[letter.id]} for letter in letters]
            self.stdout.write(to_json({"dead_letters": rows}))
            return
        for letter in letters:
            self.stdout.write(
                f"{str(letter.id)[:8]}  {letter.fingerprint}  {letter.subject} at {letter.step}: {letter.reason} "
                f"({outlooks[letter.id]})"
            )
        self.stdout.write(f"{len(letters)} open dead letters")

    def do_show(self, *, id: str, json: bool, **_: Any) -> None:
        letter = find(id)
        shown = facts(letter)
        if letter.state == DeadLetterState.OPEN:
            shown |= {"outlook": redrive.outlooks([letter])[letter.id]}
        history = store.read(dead_letters.stream(letter.id))
        if json:
            events = [{"type": event.type, "at": event.recorded_at, **event.data} for event in history]
            self.stdout.write(to_json(shown | {"traceback": letter.traceback, "history": events}))
            return
        for name, value in shown.items():
            self.stdout.write(f"{name:<12} {value}")
        for event in history:
            self.stdout.write(
                f"{event.recorded_at:%Y-%m-%d %H:%M:%S} {event.type} {event.data.get('by', '')}"
            )
        self.stdout.write(letter.traceback)

    def do_redrive(
        self,
        *,
        ids: list[str],
        user: str,
        reason: str,
        corrected: bool,
        rate: float | None,
        preview: bool,
        json: bool,
        **chosen: Any,
    ) -> None:
        if not ids and not any(chosen.get(name) for name in redriving.BY):
            raise Refused("name dead letters, or choose them with --run, --employer, --step or --fingerprint")
        letters = [find(text) for text in ids] if ids else redriving.select(**filters(**chosen))
        if preview:
            would = redriving.preview(letters, rate=rate, corrected=corrected)
            self.stdout.write(to_json({"preview": would._asdict()}) if json else "\n".join(in_words(would)))
            return
        check(user, "events.redrive_deadletter", "redrive dead letters")
        redriven = redriving.redrive_many(letters, by=user, reason=reason, rate=rate, corrected=corrected)
        self._tell("redriven", [str(letter) for letter in redriven.done], redriven.refused, json)

    def do_dismiss(self, *, ids: list[str], user: str, reason: str, json: bool, **_: Any) -> None:
        check(user, "events.dismiss_deadletter", "dismiss dead letters")
        letters = [find(text) for text in ids]
        self._each(
            "dismissed", letters, lambda letter: dead_letters.dismiss(letter.id, by=user, reason=reason), json
        )

    def _each(
        self, what: str, letters: Sequence[DeadLetter], act: Callable[[DeadLetter], None], json: bool
    ) -> None:
        """One by one, each in a transaction of its own: what is refused keeps nothing else from being done."""
        done: list[str] = []
        refused: dict[UUID, str] = {}
        for letter in letters:
            try:
                act(letter)
                done.append(str(letter.id))
            except REFUSALS as no:
                refused[letter.id] = str(no)
        self._tell(what, done, refused, json)

    def _tell(self, what: str, done: list[str], refused: Mapping[UUID, str], json: bool) -> None:
        why = [f"{str(letter)[:8]}: {no}" for letter, no in refused.items()]
        self.stdout.write(to_json({what: done, "refused": why}) if json else f"{len(done)} {what}")
        if why:
            raise CommandError("; ".join(why))


def filters(**chosen: Any) -> dict[str, str]:
    """What the options choose by."""
    if chosen.get("run"):
        chosen["run"] = str(find_run(chosen["run"]).run)
    return {name: chosen[name] for name in redriving.BY if chosen.get(name)}


def in_words(would: Preview) -> list[str]:
    """What a redrive would do, for people to read."""
    lines = [
        f"{would.letters} dead letters of {would.people:,} people would be redriven; nothing was changed"
    ]
    for name, counts in (
        ("employer", would.by_employer),
        ("step", would.by_step),
        ("fingerprint", would.by_fingerprint),
        ("kind", would.by_kind),
    ):
        if counts:
            lines.append(
                f"  by {name:<12} " + ", ".join(f"{what}: {count:,}" for what, count in counts.items())
            )
    for example in would.examples:
        who = example["employee_id"] or "the employer's run"
        lines.append(
            f"  {example['id'][:8]}  {example['employer']} {who} at {example['step']}: {example['reason']}"
        )
    if would.seconds:
        lines.append(f"the last of them would be due after {would.seconds:,.1f} s")
    return [*lines, would.warning] if would.warning else lines


def find(text: str) -> DeadLetter:
    """The dead letter with this id, or the only one whose id begins so; open ones first. Raises Refused."""
    named = DeadLetter.objects.annotate(text=Cast("id", TextField())).filter(text__startswith=text.lower())
    found = list(named.order_by("opened_at"))
    still_open = [letter for letter in found if letter.state == DeadLetterState.OPEN]
    if len(still_open or found) != 1:
        raise Refused(f"{text!r} names {len(found)} dead letters; deadletters list shows the open ones")
    return (still_open or found)[0]


def facts(letter: DeadLetter) -> dict[str, Any]:
    """A dead letter for a program; the employee's id is the end of the subject."""
    employee = {"employee_id": keys.employee_of(letter.subject), "opened_at": letter.opened_at}
    return {name: getattr(letter, name) for name in SHOWN} | employee


def to_json(facts: dict[str, Any]) -> str:
    return json.dumps(facts, default=str)
