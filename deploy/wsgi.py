import os

from django.core.wsgi import get_wsgi_application

from deploy import sessions

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "deploy.settings")
application = get_wsgi_application()
sessions.refuse_open_pool()
