from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("payroll", "0010_came_back")]
    operations = [
        migrations.AlterModelOptions(
            name="employerrun",
            options={
                "verbose_name": "employer run",
                "ordering": ["-first_at", "employer"],
                "permissions": [
                    ("approve_employerrun", "Can approve an employer's run"),
                    ("release_employerrun", "Can let an employer's run go on without those who wait"),
                ],
            },
        ),
        migrations.AlterModelOptions(
            name="payorder",
            options={
                "verbose_name": "payment order",
                "ordering": ["-first_at", "stream"],
                "permissions": [
                    ("halt_payments", "Can stop all sending of payments"),
                    ("resume_payments", "Can let payments go out again"),
                    ("decide_payorder", "Can decide about an order with a second person"),
                ],
            },
        ),
    ]
