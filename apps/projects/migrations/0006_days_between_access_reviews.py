from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("projects", "0005_auditors_of_projects"),
    ]

    operations = [
        *(
            migrations.AddField(
                model_name=name,
                name="access_review_days",
                field=models.PositiveSmallIntegerField(
                    blank=True,
                    null=True,
                    validators=[MinValueValidator(1), MaxValueValidator(3650)],
                ),
            )
            for name in ("historicalproject", "project")
        ),
        migrations.AddConstraint(
            model_name="project",
            constraint=models.CheckConstraint(
                condition=models.Q(access_review_days=None) | models.Q(access_review_days__gte=1),
                name="access_is_reviewed_after_a_day_or_more",
            ),
        ),
    ]
