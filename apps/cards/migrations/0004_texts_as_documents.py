from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

ONE_TEXT = 0


def put_texts_into_documents(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    """Every text becomes the description of a document; the digests stay as they were given."""
    revisions = apps.get_model("cards", "CardRevision").objects.using(editor.connection.alias)
    for revision in revisions.select_related("version__model").iterator(chunk_size=200):
        version = revision.version
        overview = {"name": version.model.name[:200], "version": str(version.number)}
        if revision.description:
            overview["description"] = revision.description
        revision.content = {"schema_version": "1", "overview": overview}
        revision.format = ONE_TEXT
        revision.save(update_fields=["content", "format"])


def put_documents_into_texts(apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    revisions = apps.get_model("cards", "CardRevision").objects.using(editor.connection.alias)
    for revision in revisions.iterator(chunk_size=200):
        revision.description = (revision.content.get("overview") or {}).get("description", "")
        revision.save(update_fields=["description"])


class Migration(migrations.Migration):
    dependencies = [("cards", "0003_card_documents")]

    operations = [migrations.RunPython(put_texts_into_documents, put_documents_into_texts)]
