import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("stages", "0007_fill_placement_model")]

    operations = [
        migrations.AlterField(
            model_name="placement",
            name="model",
            field=models.ForeignKey(
                editable=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="registry.registeredmodel",
            ),
        ),
    ]
