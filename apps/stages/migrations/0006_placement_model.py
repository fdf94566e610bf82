import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("registry", "0007_index_beginnings_of_names"),
        ("stages", "0005_point_stage_aliases"),
    ]

    operations = [
        migrations.AddField(
            model_name="placement",
            name="model",
            field=models.ForeignKey(
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="registry.registeredmodel",
            ),
        ),
    ]
