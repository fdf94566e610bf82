"""Owners choose where models come from; administrators name what can be chosen."""

from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.projects.models import Project
from apps.tracking.models import ArtifactStore, StoreAccess, TrackingAccess, TrackingServer
from tests.stores import KEY_ID, SECRET, Bucket, Guarded

Signed = Callable[[User], Client]
PAGE = "/projects/credit/sources"


def text_of(response: Any) -> str:
    return unescape(response.content.decode())


def test_an_owner_chooses_a_server_tests_it_and_takes_it_back(
    signed_in: Signed, team_server: TrackingServer, project: Project, owner: User
) -> None:
    client = signed_in(owner)
    given = {"server": "team", "username": "team", "password": "wrong-one"}
    assert client.post(f"{PAGE}/tracking", given).status_code == 302
    refused = client.post(f"{PAGE}/tracking/check", follow=True)
    assert "does not accept the credentials of the project" in text_of(refused)

    client.post(f"{PAGE}/tracking", {**given, "password": "sesame"})
    assert "It answers" in text_of(client.post(f"{PAGE}/tracking/check", follow=True))
    # Saved again with nothing in the field of the password: the stored one stays.
    client.post(f"{PAGE}/tracking", {**given, "password": ""})
    page = text_of(client.get(PAGE))
    assert (TrackingAccess.objects.get().password, "sesame" in page) == ("sesame", False)
    assert team_server.url in page

    client.post(f"{PAGE}/tracking/reset")
    assert not TrackingAccess.objects.exists()
    actions = list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))
    assert actions == ["tracking.set", "tracking.set", "tracking.set", "tracking.reset"]
    assert "sesame" not in str(list(AuditEvent.objects.values()))


def test_an_owner_chooses_a_store_tests_it_and_takes_it_back(
    signed_in: Signed, bucket: Bucket, project: Project, owner: User
) -> None:
    ArtifactStore.objects.create(
        slug="team-a", name="Team A", root="s3://models/team-a", endpoint_url=bucket.endpoint
    )
    client = signed_in(owner)
    given = {"store": "team-a", "access_key_id": KEY_ID, "secret_access_key": SECRET}
    half = client.post(f"{PAGE}/stores", {**given, "secret_access_key": ""})
    assert (half.status_code, "Give the secret of this key." in text_of(half)) == (422, True)
    assert client.post(f"{PAGE}/stores", given).status_code == 302
    access = StoreAccess.objects.get()
    assert "It answers" in text_of(client.post(f"{PAGE}/stores/{access.pk}/check", follow=True))
    page = text_of(client.get(PAGE))
    assert (KEY_ID in page, SECRET in page) == (True, False)

    client.post(f"{PAGE}/stores/{access.pk}/remove")
    assert not StoreAccess.objects.exists()
    assert SECRET not in str(list(AuditEvent.objects.values()))
    assert SECRET not in str(list(StoreAccess.history.values()))


def test_the_store_of_another_project_is_not_reached_here(
    signed_in: Signed, s3_store: ArtifactStore, stranger: User
) -> None:
    access = StoreAccess.objects.get()
    client = signed_in(stranger)

    for verb in ("check", "remove"):
        for project in ("elsewhere", "credit"):
            url = f"/projects/{project}/sources/stores/{access.pk}/{verb}"
            assert client.post(url).status_code == 404
    assert StoreAccess.objects.exists()


@pytest.fixture
def admin_client(administrator: User, signed_in: Signed) -> Client:
    return signed_in(administrator)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:5000",
        "http://localhost:5000",
        "http://[::1]:5000",
        "http://[::ffff:127.0.0.1]",
        "http://169.254.169.254",
        "http://[fe80::1]",
        "http://[fd00:ec2::254]",
        "http://0.0.0.0",
        "https://user:secret@mlflow.example.com",
        "https://mlflow.example.com?x=1",
        "https://mlflow.example.com#x",
        "ftp://mlflow.example.com",
        "unix:/run/mlflow.sock",
        "file:///etc",
        "https://mlflow.example.com:port",
    ],
)
def test_administrators_cannot_name_these_servers(admin_client: Client, url: str) -> None:
    form = {"name": "Team", "slug": "team", "url": url}
    answer = admin_client.post("/admin/tracking/trackingserver/add/", form)

    assert answer.status_code == 200
    assert not TrackingServer.objects.exists()


def test_administrators_name_servers(admin_client: Client) -> None:
    for slug, url in (
        ("named", "https://mlflow.example.com/team/"),
        ("private", "http://10.1.2.3:5000"),
    ):
        form = {"name": slug, "slug": slug, "url": url}
        answer = admin_client.post("/admin/tracking/trackingserver/add/", form)
        assert answer.status_code == 302, text_of(answer)

    assert set(TrackingServer.objects.values_list("url", flat=True)) == {
        "https://mlflow.example.com/team",
        "http://10.1.2.3:5000",
    }
    assert AuditEvent.objects.filter(action="tracking_server.create").count() == 2


def store_form(**values: str) -> dict[str, str]:
    return {"name": "S", "slug": "s", "root": "", "endpoint_url": "", "region": "", **values}


def test_administrators_name_stores_below_what_the_operator_set_aside(
    admin_client: Client, folder: Path, tmp_path: Path, settings: Any
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (folder / "escape").symlink_to(tmp_path / "elsewhere")
    settings.MLGOV_FILE_ROOTS = [tmp_path / "mnt", settings.MLGOV_DATA_DIR]
    refused = [
        {"root": "/etc"},
        {"root": f"{tmp_path}/elsewhere"},
        {"root": f"{folder}/escape"},
        {"root": f"{folder}/../../elsewhere"},
        {"root": f"{folder}/nothing"},
        {"root": str(settings.MLGOV_DATA_DIR)},
        {"root": "http://example.com/models"},
        {"root": "s3://UPPER/x"},
        {"root": "s3://models/../x"},
        {"root": "s3://models", "endpoint_url": "http://127.0.0.1:9000"},
        {"root": "s3://models", "endpoint_url": "http://169.254.169.254"},
        {"root": "s3://models", "endpoint_url": "https://s3.example.com/path"},
        {"root": "s3://models", "region": "a.evil.example/"},
    ]
    for values in refused:
        answer = admin_client.post("/admin/tracking/artifactstore/add/", store_form(**values))
        assert answer.status_code == 200, values
    assert not ArtifactStore.objects.exists()

    for slug, values in {
        "nfs": {"root": f"{folder}/"},
        "s3": {"root": "s3://models/team-a/", "endpoint_url": "https://s3.example.com"},
    }.items():
        form = {**store_form(**values), "slug": slug}
        answer = admin_client.post("/admin/tracking/artifactstore/add/", form)
        assert answer.status_code == 302, text_of(answer)
    roots = set(ArtifactStore.objects.values_list("root", flat=True))
    assert roots == {f"file://{folder}", "s3://models/team-a"}


def test_an_administrator_lets_a_project_into_a_folder(
    admin_client: Client, folder: Path, project: Project
) -> None:
    store = ArtifactStore.objects.create(slug="nfs", name="NFS", root=f"file://{folder}")
    form = {"project": project.pk, "store": store.pk}

    assert admin_client.post("/admin/tracking/storeaccess/add/", form).status_code == 302
    assert StoreAccess.objects.get().project == project
    page = admin_client.get("/admin/tracking/storeaccess/")
    assert (page.status_code, "secret" in text_of(page).lower()) == (200, False)


def test_secrets_are_on_no_page_of_the_admin(
    admin_client: Client, guarded: Guarded, project: Project, s3_store: ArtifactStore
) -> None:
    server = TrackingServer.objects.create(slug="team", name="Team", url=guarded.url)
    tracking = TrackingAccess.objects.create(project=project, server=server, token="a-very-secret")
    access = StoreAccess.objects.get()
    for url in (
        "/admin/tracking/trackingaccess/",
        f"/admin/tracking/trackingaccess/{tracking.pk}/change/",
        f"/admin/tracking/storeaccess/{access.pk}/change/",
        f"/admin/tracking/storeaccess/{access.pk}/history/",
        f"/admin/tracking/storeaccess/{access.pk}/delete/",
    ):
        page = admin_client.get(url)
        assert page.status_code == 200, url
        assert "a-very-secret" not in text_of(page)
        assert SECRET not in text_of(page)
