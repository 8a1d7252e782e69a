"""Redrive all dead letters of one fault: shown first with what it would do, then done at a pace."""

from django.contrib import messages
from django.http import HttpRequest
from django.template.response import TemplateResponse

from events.models import DeadLetter, DeadLetterState
from ops import redriving
from ops.admin import words
from ops.admin.base import ReadOnly, Table
from ops.admin.confirm import Question, ask, chosen, confirmed
from ops.admin.filters import as_uuid
from payroll.runs import Refused

SAYS = (
    "Redriving lets everybody below go on from the step that failed. Nothing is paid twice by it. "
    "Where the cause is not mended, they come back here.",
)
RATE = "How many a second at most? Leave it empty to let all go at once."


def ask_redrive(admin: ReadOnly, request: HttpRequest) -> TemplateResponse | None:
    """Ask about every open letter that has the fault of one that was ticked; do it when it is confirmed."""
    ids = [key for key in map(as_uuid, chosen(request)) if key]
    faults = DeadLetter.objects.filter(id__in=ids).values("fingerprint")
    letters = list(
        DeadLetter.objects.filter(fingerprint__in=faults, state=DeadLetterState.OPEN).order_by(
            "opened_at", "id"
        )
    )
    if not letters:
        messages.warning(request, "None of these dead letters is open any more: reload and look again.")
        return None
    if not confirmed(request):
        return ask(admin, request, question(letters))
    try:
        rate = _rate(request.POST.get("rate", ""))
        redriven = redriving.redrive_many(letters, by=request.user.get_username(), rate=rate)
    except Refused as refused:
        return ask(admin, request, question(letters, wrong=f"{str(refused).capitalize()}."))
    for why in redriven.refused.values():
        messages.warning(request, f"{why}.")
    if redriven.done:
        count = len(redriven.done)
        messages.success(request, f"Redriven: {count} dead letter{'' if count == 1 else 's'}.")
    return None


def question(letters: list[DeadLetter], wrong: str = "") -> Question:
    """How many people, of which employers and at which steps, and a few of them."""
    would = redriving.preview(letters)
    rows: list[tuple[object, ...]] = [
        (what, name, f"{count:,}")
        for what, counts in (
            ("employer", would.by_employer),
            ("step", would.by_step),
            ("kind", would.by_kind),
            ("fault", would.by_fingerprint),
        )
        for name, count in counts.items()
    ]
    rows += [
        ("for example", f"{each['employer']} {each['employee_id']}: {words.short(each['reason'])}", "1")
        for each in would.examples
    ]
    return Question(
        action="redrive_alike",
        title="Redrive all of the same fault?",
        says=[*SAYS, would.warning] if would.warning else SAYS,
        section=Table(
            "To be redriven", ("", "which", ">people"), rows, total=("all", "", f"{would.people:,}")
        ),
        keys=_one_of_each(letters),
        confirm=f"Redrive {would.letters} dead letter{'' if would.letters == 1 else 's'}",
        rate=RATE,
        wrong=wrong,
    )


def _one_of_each(letters: list[DeadLetter]) -> list[object]:
    """One letter of each fault stands for all of its kind."""
    return list({letter.fingerprint: letter.pk for letter in letters}.values())


def _rate(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        raise Refused("a rate is a number of dead letters a second") from None
