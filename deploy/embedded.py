"""The embedded database as the rest of the program meets it: up when it is needed, and up again when it fell."""

from django.conf import settings
from django.db import connections

from deploy import postgres


def revive() -> None:
    """Start the embedded Postgres again if it is down; with DATABASE_URL there is nothing of ours to start.

    raises   deploy.postgres.DatabaseUnavailable
    """
    if not settings.EMBEDDED:
        return
    cluster = postgres.ensure_running(settings.STATE_DIR)
    # A port taken meanwhile by somebody else makes the server move: connect where it is now.
    for alias, url in (("default", cluster.app_url), ("owner", cluster.owner_url)):
        port = url.rsplit(":", 1)[1].split("/")[0]
        if str(connections[alias].settings_dict["PORT"]) != port:
            connections[alias].close()
            connections[alias].settings_dict["PORT"] = port
