import pytest
from django.db import connection

from apps.core.crypto import decrypt, encrypt
from apps.core.errors import Unavailable
from apps.stages.models import Environment
from tests import factories


def test_what_was_encrypted_is_read_with_the_same_key_only(settings):
    secret = encrypt("hush")
    assert decrypt(secret) == "hush"
    assert "hush" not in secret

    settings.SECRET_KEY = "another key"
    with pytest.raises(Unavailable, match="secret key has changed"):
        decrypt(secret)


def test_an_encrypted_field_is_plain_in_python_and_not_in_the_database(db):
    environment = factories.make_environment("staging", registry_password="hush")
    factories.make_environment("production")

    with connection.cursor() as cursor:
        cursor.execute("SELECT slug, registry_password FROM stages_environment ORDER BY slug")
        stored = dict(cursor.fetchall())
    assert Environment.objects.get(pk=environment.pk).registry_password == "hush"
    assert "hush" not in stored["staging"]
    assert stored["production"] == ""
