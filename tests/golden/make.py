"""Make the golden run anew, on purpose: `python -m tests.golden.make`. It needs no database of yours; see README.md."""

import os
import shutil
import tempfile
from pathlib import Path

import tests.environment  # noqa: F401 - before Django: an embedded database and a state folder of its own

FOLDER = Path(__file__).parent / "2026-11"


def main() -> None:
    import django
    from django.core.management import call_command

    os.environ["DJANGO_SETTINGS_MODULE"] = "deploy.settings"
    django.setup()
    from django.conf import settings

    settings.PAYROLL_GATEWAY, settings.EVENTS_DOORBELL = "ach", "polling"
    call_command("setup", verbosity=0)

    from tests.golden import roster
    from tests.saga import pay_inputs, paydays

    with tempfile.TemporaryDirectory() as folder:
        pay_inputs.load(Path(folder), roster.EMPLOYERS, roster.PEOPLE, roster.TIME, more=roster.MORE)
    paydays.pay()
    run = paydays.pay(period=paydays.NEXT)
    assert not paydays.letters(), [(letter.subject, letter.reason) for letter in paydays.letters()]
    if FOLDER.exists():
        shutil.rmtree(FOLDER)
    call_command("replay", str(run), export=FOLDER)


if __name__ == "__main__":
    main()
