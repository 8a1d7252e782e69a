#!/usr/bin/env python3
"""Django's command line, which starts the embedded database first when a command needs it."""

import os
import sys
from pathlib import Path

UNDEFINED_TABLE = "42P01"
WITHOUT_DATABASE = {
    "check",
    "makemigrations",
    "help",
    "version",
    "--help",
    "--version",
    "collectstatic",
    "diffsettings",
    "calculate",
}


def main() -> int:
    """Run a command; whatever keeps it from starting is told in one sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings")
    os.chdir(Path(__file__).resolve().parent)
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db.utils import OperationalError, ProgrammingError

    from deploy import postgres
    from payroll.objects.faults import ObjectsUnavailable

    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    try:
        if command not in WITHOUT_DATABASE and not os.environ.get("DATABASE_URL"):
            state_dir = os.environ.get("PAYROLL_STATE_DIR") or Path(__file__).resolve().parent / ".state"
            postgres.ensure_running(Path(state_dir).absolute())
        execute_from_command_line(sys.argv)
    except (postgres.DatabaseUnavailable, ImproperlyConfigured, ObjectsUnavailable) as refused:
        return refuse(str(refused))
    except OperationalError as down:
        return refuse(
            f"the database does not answer: {str(down).strip().splitlines()[0]}. Check DATABASE_URL, or unset it"
        )
    except ProgrammingError as missing:
        if getattr(missing.__cause__, "sqlstate", "") != UNDEFINED_TABLE:
            raise
        return refuse("the database has no tables yet: run `manage.py setup` first, it is safe to repeat")
    except OSError as disk:
        return refuse(
            f"{disk.filename or 'the state folder'}: {disk.strerror}. Free some space or choose PAYROLL_STATE_DIR"
        )
    return 0


def refuse(sentence: str) -> int:
    """Tell why nothing was done."""
    print(f"payroll: {sentence}", file=sys.stderr)  # noqa: T201
    return 2


if __name__ == "__main__":
    sys.exit(main())
