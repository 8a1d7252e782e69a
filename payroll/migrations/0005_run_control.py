from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("payroll", "0004_orders_and_commissions")]
    operations = [
        migrations.AlterModelOptions(
            name="payrun",
            options={
                "ordering": ["-first_at"],
                "permissions": [
                    ("pause_payrun", "Can pause and resume a pay run"),
                    ("cancel_payrun", "Can cancel a pay run"),
                ],
                "verbose_name": "pay run",
            },
        ),
    ]
