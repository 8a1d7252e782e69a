from django.apps import AppConfig


class EventsConfig(AppConfig):
    name = "events"
    verbose_name = "Event log and work"
    default_auto_field = "django.db.models.BigAutoField"
