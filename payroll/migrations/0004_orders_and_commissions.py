"""What orders say besides: the exempt amount of a levy, a minimum wage. A commission has days over which it was earned."""

from django.db import migrations, models
from django.db.models import F, Q


class Migration(migrations.Migration):
    dependencies = [("payroll", "0003_more_of_the_year")]

    operations = [
        migrations.AddField(
            "garnishment",
            "exempt",
            models.DecimalField(
                "exempt",
                max_digits=12,
                decimal_places=2,
                null=True,
                blank=True,
                help_text="Dollars a pay period that a federal levy leaves; empty goes by the statement.",
            ),
        ),
        migrations.AddField(
            "garnishment",
            "minimum_wage",
            models.DecimalField(
                "minimum wage",
                max_digits=6,
                decimal_places=2,
                null=True,
                blank=True,
                help_text="Dollars an hour at the place of work, for creditors in a state that limits by it.",
            ),
        ),
        migrations.AlterField(
            "payitem",
            "earned_from",
            models.DateField(
                "earned from",
                null=True,
                blank=True,
                help_text="First day over which a bonus or commission was earned.",
            ),
        ),
        migrations.AlterField(
            "payitem",
            "earned_to",
            models.DateField(
                "earned to",
                null=True,
                blank=True,
                help_text="Last day over which a bonus or commission was earned.",
            ),
        ),
        migrations.RemoveConstraint("payitem", "pay_item_earned_over_days"),
        migrations.AddConstraint(
            "payitem",
            models.CheckConstraint(
                condition=Q(earned_from=None, earned_to=None)
                | Q(kind__in=("bonus", "commission"), earned_from__lte=F("earned_to")),
                name="pay_item_earned_over_days",
            ),
        ),
    ]
