"""The text of a publication, the same for whoever gets it."""

import json
from typing import Any

from events.models import Publication


def envelope(publication: Publication) -> dict[str, Any]:
    """Everything a subscriber is told. `id` is the same each time it is sent: deduplicate by it."""
    return {
        "id": str(publication.id),
        "topic": publication.topic,
        "environment": publication.attributes.get("environment", ""),
        "recorded_at": publication.recorded_at.isoformat(),
        "data": publication.body,
    }


def text(publication: Publication) -> str:
    """The envelope as JSON."""
    return json.dumps(envelope(publication), sort_keys=True, separators=(",", ":"))
