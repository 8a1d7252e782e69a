"""A line of the log, for people who watch."""

import logging

from events.models import Publication

log = logging.getLogger(__name__)

KNOWN = frozenset({"run", "run_kind", "employer", "employer_run", "period_start", "period_end", "event"})


def send(target: str, publication: Publication) -> None:
    """Write one line: topic, employer, what is new, id."""
    said = ", ".join(f"{name} {value}" for name, value in publication.body.items() if name not in KNOWN)
    about = publication.attributes.get("employer") or publication.body.get("run", "")
    log.info("%s %s: %s (%s)", publication.topic, about, said, publication.id)
