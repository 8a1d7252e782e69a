from django.apps import AppConfig


class PayrollConfig(AppConfig):
    name = "payroll"
    verbose_name = "Payroll"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make the sagas and the read models known to the kernel."""
        from events import projection, saga
        from payroll import projections
        from payroll.saga import SAGAS

        for declared in SAGAS:
            saga.register(declared)
        projection.register(*projections.READ_MODELS)
