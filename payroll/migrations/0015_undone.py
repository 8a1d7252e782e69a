import django.db.models.fields.json
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('payroll', '0014_late'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='payrun',
            options={'ordering': ['-first_at'], 'permissions': [('open_payrun', 'Can open a pay run'), ('pause_payrun', 'Can pause and resume a pay run'), ('cancel_payrun', 'Can cancel a pay run'), ('undo_payrun', 'Can undo what a pay run has paid, with a second person'), ('correct_payrun', 'Can open a correction of what a pay run has paid, or dismiss a proposed one')], 'verbose_name': 'pay run'},
        ),
        migrations.AlterModelOptions(
            name='payment',
            options={'ordering': ['employer', 'employee_id', 'part'], 'permissions': [('import_bankfile', 'Can import what the bank sends back'), ('change_payaccount', 'Can change an account as the bank asks, after somebody else imported it'), ('settle_by_hand', 'Can record that what is left to people is done')]},
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(django.db.models.fields.json.KT('facts__reversal_trace'), condition=models.Q(('facts__has_key', 'reversal_trace')), name='payment_of_reversal_trace'),
        ),
        migrations.AddIndex(
            model_name='paycheck',
            index=models.Index(models.F('employer_run'), condition=models.Q(('last_event', 'PaycheckVoided')), name='paycheck_voided'),
        ),
    ]
