from django.db import migrations
from django.db.models import OuterRef, Subquery


def fill_model(apps, schema_editor):
    """Give each placement the model of its version."""
    Placement = apps.get_model("stages", "Placement")
    ModelVersion = apps.get_model("registry", "ModelVersion")
    of_version = ModelVersion.objects.filter(pk=OuterRef("version")).values("model")
    Placement.objects.filter(model=None).update(model=Subquery(of_version))


class Migration(migrations.Migration):
    dependencies = [("stages", "0006_placement_model")]

    operations = [migrations.RunPython(fill_model, migrations.RunPython.noop)]
