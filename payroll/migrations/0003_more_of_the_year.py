"""What later calculations need of the year to date. The read models are folded again from the log, so old years have it too."""

from django.db import migrations, models

FOLD_AGAIN = """
truncate payroll_paycheck, payroll_yeartodate;
delete from events_checkpoint where name = 'paychecks';
"""


class Migration(migrations.Migration):
    dependencies = [("payroll", "0002_pay_inputs"), ("events", "0002_event_log")]

    operations = [
        *(
            migrations.AddField("yeartodate", name, models.BigIntegerField(label, default=0))
            for name, label in (
                ("supplemental_cents", "of it, supplemental"),
                ("state_programmes_cents", "state programmes"),
                ("catch_up_cents", "of it, catch-up"),
                ("hsa_cents", "HSA"),
                ("dependent_care_cents", "dependent care"),
            )
        ),
        migrations.AddField(
            "yeartodate",
            "programme_wages_cents",
            models.JSONField("wages by state programme", default=dict),
        ),
        migrations.RunSQL(FOLD_AGAIN, migrations.RunSQL.noop),
    ]
