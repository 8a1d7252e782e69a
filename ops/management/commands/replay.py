"""`manage.py replay RUN`: compute a past run again and compare every event, bit for bit."""

import json as _json
import re
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from events.failures import NeedsReview
from ops.status import find_run
from payroll import replay, rulebook, rules, runs
from payroll.calc.money import dollars
from payroll.objects import ObjectDamaged
from payroll.rules import BadRules

SHOWN = 200
VERSION = re.compile(r"\d{4}-[0-9a-f]{12}")


class Command(BaseCommand):
    help = (
        "Compute a past run again from its frozen inputs and compare every event with the log, bit for bit. Exit 1 "
        "when something differs. With --rules or --code it says what other rules or other code would have paid."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "run", help="the run's id, or the beginning of it; or a folder that --export wrote"
        )
        parser.add_argument(
            "--rules",
            metavar="VERSION|FILE|present",
            help="other rule tables: a version that was kept, a TOML file, or those of this program",
        )
        parser.add_argument(
            "--code",
            type=Path,
            metavar="FOLDER",
            help="another version of this program, in a folder of its own",
        )
        parser.add_argument(
            "--export",
            type=Path,
            metavar="FOLDER",
            help="write the run as it was recorded, to replay it anywhere",
        )
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object, with every difference"
        )

    def handle(
        self,
        *args: Any,
        run: str,
        rules: str | None,
        code: Path | None,
        export: Path | None,
        json: bool,
        **options: Any,
    ) -> None:
        try:
            recorded = (
                replay.exported(Path(run)) if Path(run).is_dir() else replay.recorded(str(find_run(run).run))
            )
            if export:
                count = replay.export(recorded, export)
                self.stdout.write(f"{count} paychecks written to {export}: manage.py replay {export}")
                return
            found = replay.replay(
                recorded,
                rules_text=rules_text(rules, recorded) if rules else None,
                engine=replay.elsewhere(code) if code else replay.here,
                present_code=f"the code in {code}" if code else "",
            )
        except (
            runs.Refused,
            NeedsReview,
            BadRules,
            rulebook.RulesMissing,
            ObjectDamaged,
            OSError,
        ) as refused:
            raise CommandError(str(refused)) from None
        self.stdout.write(_json.dumps(as_json(found)) if json else report(found))
        if found.differences:
            raise SystemExit(1)


def rules_text(named: str, recorded: replay.Recorded) -> str:
    """The rule tables that `--rules` names. Raises runs.Refused when there are none."""
    if named == "present":
        return rules.text_of(recorded.year).decode()
    path = Path(named)
    try:
        if path.is_file():
            return path.read_bytes().decode()
        if VERSION.fullmatch(named):
            return rulebook.text(named).decode()
    except UnicodeDecodeError as fault:
        raise BadRules(f"{named} is no TOML: {fault}") from None
    except rulebook.RulesMissing:
        raise runs.Refused(f"no rule tables of the version {named} were kept, or they are damaged") from None
    raise runs.Refused(
        f"there are no rule tables {named!r}: name a version such as {recorded.year}-0123456789ab, a TOML file "
        "with all tables of the year, or present"
    )


def report(found: replay.Replayed) -> str:
    """What a replay found, for people."""
    lines = [
        f"{found.paychecks:,} paychecks, {found.events:,} events, recorded by {found.code} with the rules {found.rules}"
    ]
    if (found.code, found.rules) != (found.present_code, found.present_rules):
        lines.append(f"computed again by {found.present_code} with the rules {found.present_rules}")
    if not found.differences:
        lines.append("every event is the same, bit for bit")
        return "\n".join(lines)
    people = {difference.stream for difference in found.differences}
    lines.append(f"{len(found.differences):,} facts of {len(people):,} paychecks differ")
    for difference in found.differences[:SHOWN]:
        lines.append(describe(difference))
    if len(found.differences) > SHOWN:
        lines.append(f"and {len(found.differences) - SHOWN:,} more: --json lists all of them")
    for fact, cents in sorted(found.totals.items()):
        lines.append(f"together {fact.removesuffix('_cents').replace('_', ' ')}: {signed(cents)}")
    return "\n".join(lines)


def describe(difference: replay.Difference) -> str:
    """One difference in a line; an amount in dollars, anything else as it stands."""
    who = f"{difference.employer} {difference.employee_id} {difference.event}"
    if difference.fact == replay.COMPUTED:
        return f"{who}: recorded, and not computed: {shown(difference.computed)}"
    who = f"{who}.{difference.fact}"
    if difference.cents is None:
        return f"{who}: {shown(difference.recorded)} recorded, {shown(difference.computed)} computed"
    return (
        f"{who}: {dollars(difference.recorded)} recorded, {dollars(difference.computed)} computed, "
        f"{signed(difference.cents)}"
    )


def shown(value: Any) -> str:
    text = value if isinstance(value, str) else _json.dumps(value)
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"


def signed(cents: int) -> str:
    return f"{'+' if cents > 0 else ''}{dollars(cents)}"


def as_json(found: replay.Replayed) -> dict[str, Any]:
    """Everything, with the cents of each difference."""
    differences = [difference._asdict() | {"cents": difference.cents} for difference in found.differences]
    return found._asdict() | {
        "differences": differences,
        "totals_cents": found.totals,
        "same": not differences,
    }
