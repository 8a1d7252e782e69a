"""`payrun postpone`: what it takes, does and says; for a same-day run that can no longer settle on its day."""

from typing import Any
from uuid import UUID

from payroll import postpone
from payroll.refusal import Refused


def add_arguments(verbs: Any) -> None:
    """The verb `postpone`."""
    verb = verbs.add_parser(
        "postpone", help="let a same-day run that missed its day settle on the next banking day instead"
    )
    verb.add_argument("run", help="the run's id, or the beginning of it")
    verb.add_argument(
        "--employer",
        nargs="+",
        action="extend",
        default=[],
        metavar="ID",
        help="default: all whose files cannot be made",
    )
    verb.add_argument(
        "--as", dest="user", required=True, metavar="USER", help="may approve the run, did not open it"
    )
    verb.add_argument("--reason", default="", help="why, for the record; required but for --preview")
    verb.add_argument("--preview", action="store_true", help="say on which day, and do nothing")
    verb.add_argument("--json", action="store_true")


def carry_out(
    run: UUID, employers: list[str], *, user: str, reason: str, preview: bool
) -> tuple[dict[str, Any], list[str]]:
    """Postpone these parts one by one, or say what that would do; the facts, and the same in words.

    employers   empty: all that wait because their files cannot be made
    returns     `refused` says why of those that cannot be, the others are postponed all the same
    raises      Refused when there is none to be postponed
    """
    chosen = employers or postpone.waits(run)
    if not chosen:
        raise Refused(
            "no employer of this run waits because its files cannot be made: there is nothing to postpone"
        )
    done, refused = [], []
    for employer in chosen:
        try:
            if preview:
                done.append(postpone.preview(run, employer, by=user))
            else:
                done.append(postpone.postpone(run, employer, by=user, reason=reason))
        except Refused as why:
            refused.append(str(why))
    facts = {
        "run": str(run),
        "preview": preview,
        "postponed": {each.employer: each.settles_on.isoformat() for each in done},
        "refused": refused,
    }
    settles = "would settle" if preview else "settles"
    return facts, [f"{each.employer} {settles} on {each.settles_on}, by ordinary files" for each in done]
