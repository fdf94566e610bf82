from django.db import migrations, models

import apps.stages.models


def alias():
    return models.CharField(
        blank=True,
        help_text="Points at the version that stands here, e.g. models:/name@production. Kept by "
        "mlgov; people cannot set it. Left empty, it is the short name.",
        max_length=255,
        validators=[apps.stages.models.an_alias],
    )


class Migration(migrations.Migration):
    dependencies = [("stages", "0001_initial")]

    operations = [
        migrations.AddField("historicalstage", "alias", alias()),
        migrations.AddField("stage", "alias", alias()),
    ]
