from django.db import migrations, models
from django.db.models.functions import Lower


class Migration(migrations.Migration):
    dependencies = [("stages", "0003_fill_stage_alias")]

    operations = [
        migrations.AddConstraint(
            "stage",
            models.UniqueConstraint(
                Lower("alias"),
                condition=models.Q(project=None),
                name="one_global_stage_per_alias",
            ),
        ),
        migrations.AddConstraint(
            "stage",
            models.UniqueConstraint(
                models.F("project"), Lower("alias"), name="one_stage_per_project_and_alias"
            ),
        ),
    ]
