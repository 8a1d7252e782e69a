from django.apps import AppConfig


class PayrollConfig(AppConfig):
    name = "payroll"
    verbose_name = "Payroll"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make the sagas, the read models and what is published known to the kernel."""
        from events import downstream, outbox, projection, saga
        from payroll import cancel, checks, projections, publications
        from payroll.saga import SAGAS
        from payroll.undo import carry_out

        for declared in (*SAGAS, *cancel.SAGAS, *carry_out.SAGAS):
            saga.register(declared)
        downstream.check()
        projection.register(*projections.READ_MODELS)
        outbox.register(publications.OUTLET)
        checks.register()
