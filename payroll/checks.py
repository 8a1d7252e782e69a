"""What `manage.py check` says of settings that are allowed, and rarely meant."""

from typing import Any

from django.conf import settings
from django.core import checks


def register() -> None:
    """Make the checks known to Django."""
    checks.register(storage)


def storage(**asked: Any) -> list[checks.CheckMessage]:
    """A folder in production must be a disk that stays, and one that every worker sees."""
    if settings.ENVIRONMENT == "production" and settings.PAYROLL_STORAGE == "folder":
        return [
            checks.Warning(
                f"manifests and payment files go to the folder {settings.PAYROLL_OBJECTS}",
                hint="Set PAYROLL_STORAGE=s3://bucket/prefix, unless that folder is a disk that stays and every "
                "worker mounts: what a container's own disk held is gone with it.",
                id="payroll.W001",
            )
        ]
    return []
