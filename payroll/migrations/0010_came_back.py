from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payroll", "0009_approval")]
    operations = [
        migrations.AlterModelOptions(
            name="payment",
            options={
                "ordering": ["employer", "employee_id", "part"],
                "permissions": [
                    ("import_bankfile", "Can import what the bank sends back"),
                    ("change_payaccount", "Can change an account as the bank asks, after somebody else imported it"),
                ],
            },
        ),
        migrations.AddIndex(model_name="payment", index=models.Index("trace", name="payment_of_trace")),
    ]
