"""Prove a run: every invariant, one line each."""

import json as _json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from events import database
from ops import proof, signed
from ops.status import find_run
from payroll.runs import Refused

FINDINGS_SHOWN = 5


class Command(BaseCommand):
    help = "Check every invariant of a run, one line each; exit 1 if one fails."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", nargs="?", help="the run's id, or the beginning of it")
        parser.add_argument("--json", action="store_true", help="one signed JSON object")
        parser.add_argument("--public-key", action="store_true", help="the key that checks our signatures")
        parser.add_argument("--verify", metavar="FILE", help="check the signature of a proof that was saved")
        parser.add_argument("--trust", metavar="KEY", help="with --verify: the public key (default: our own)")

    def handle(self, *args: Any, run: str | None, json: bool, **options: Any) -> None:
        if options["public_key"]:
            self.stdout.write(signed.public_key())
            return
        if options["verify"]:
            self._verify(Path(options["verify"]), options["trust"] or signed.public_key())
            return
        if run is None:
            raise CommandError("which run? payrun list shows them")
        try:
            found = find_run(run)
            lines = proof.prove(found.run)
        except Refused as refused:
            raise CommandError(str(refused)) from None
        if json:
            checks = [{"name": line.name, "claim": line.claim, "findings": line.findings} for line in lines]
            document = {"run": str(found.run), "holds": all(line.holds for line in lines), "checks": checks}
            document |= {"figures": proof.figures(found.run), "made_at": database.now().isoformat()}
            self.stdout.write(_json.dumps(signed.sign(document)))
        else:
            for line in lines:
                self.stdout.write(f"{'ok  ' if line.holds else 'FAIL'} {line.name:<12} {line.claim}")
                for finding in line.findings[:FINDINGS_SHOWN]:
                    self.stdout.write(f"       {finding}")
                if len(line.findings) > FINDINGS_SHOWN:
                    self.stdout.write(f"       and {len(line.findings) - FINDINGS_SHOWN} more")
        if not all(line.holds for line in lines):
            raise CommandError("the proof fails")

    def _verify(self, path: Path, trusted: str) -> None:
        try:
            found = _json.loads(path.read_bytes())
        except (OSError, ValueError) as unreadable:
            raise CommandError(f"{path} holds no proof: {type(unreadable).__name__}") from None
        if not isinstance(found, dict) or not signed.verifies(found, trusted):
            raise CommandError(f"{path} is not as it was signed, or not signed with this key")
        self.stdout.write(
            f"signed by this key: run {found['run']}, which {'holds' if found['holds'] else 'FAILS'}"
        )
