"""A reference downstream system: it does a step of ours from what the request says, and has no database.

python -m tests.downstream.http --api http://127.0.0.1:8000 --port 0 --silent 2 --double 2
python -m tests.downstream.sqs --requests tax --responses payroll-task-tokens --objects /path/to/objects
"""

import os

import django
from django.conf import settings

if (
    "DJANGO_SETTINGS_MODULE" not in os.environ
):  # a program of its own: the steps are imported, and no database is known
    settings.configure(INSTALLED_APPS=["events"], DATABASES={})
    django.setup()
