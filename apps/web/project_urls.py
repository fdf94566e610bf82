"""Everything under the name `projects`: the app's own pages, and those that show other apps too."""

from django.urls import path, re_path

from apps.projects import urls
from apps.web.views import (
    access_reviews,
    attributes,
    experiments,
    naming,
    projects,
    sources,
    webhooks,
)

app_name = "projects"
urlpatterns = [
    path("projects", projects.projects, name="list"),
    *urls.urlpatterns,
    path("projects/<slug:slug>", projects.project, name="detail"),
    path("projects/<slug:slug>/experiments", experiments.experiments, name="experiments"),
    path(
        "projects/<slug:slug>/experiments/<slug:experiment_id>",
        experiments.experiment,
        name="experiment",
    ),
    path("projects/<slug:slug>/attributes", attributes.of_project, name="attributes"),
    path("projects/<slug:slug>/settings", projects.settings, name="settings"),
    path("projects/<slug:slug>/prefixes", naming.prefix_new, name="prefix_new"),
    path(
        "projects/<slug:slug>/prefixes/<int:pk>/remove", naming.prefix_remove, name="prefix_remove"
    ),
    path("projects/<slug:slug>/label-rules", naming.rule_new, name="rule_new"),
    path(
        "projects/<slug:slug>/label-rules/<int:pk>/remove", naming.rule_remove, name="rule_remove"
    ),
    path("projects/<slug:slug>/sources", sources.sources, name="sources"),
    path("projects/<slug:slug>/sources/tracking", sources.tracking, name="tracking"),
    path(
        "projects/<slug:slug>/sources/tracking/reset", sources.tracking_reset, name="tracking_reset"
    ),
    path(
        "projects/<slug:slug>/sources/tracking/check", sources.tracking_check, name="tracking_check"
    ),
    path("projects/<slug:slug>/sources/stores", sources.store_new, name="store_new"),
    path(
        "projects/<slug:slug>/sources/stores/<int:pk>/remove",
        sources.store_remove,
        name="store_remove",
    ),
    path(
        "projects/<slug:slug>/sources/stores/<int:pk>/check",
        sources.store_check,
        name="store_check",
    ),
    path("projects/<slug:slug>/access", access_reviews.access, name="access"),
    path("projects/<slug:slug>/access/<int:pk>", access_reviews.review, name="access_review"),
    re_path(
        r"^projects/(?P<slug>[-a-zA-Z0-9_]+)/access/(?P<pk>[0-9]+)\.(?P<kind>csv|json)$",
        access_reviews.export,
        name="access_export",
    ),
    path("projects/<slug:slug>/webhooks", webhooks.webhooks, name="webhooks"),
    path("projects/<slug:slug>/webhooks/new/<slug:kind>", webhooks.new, name="webhook_new"),
    path("projects/<slug:slug>/webhooks/<int:pk>", webhooks.webhook, name="webhook"),
    path("projects/<slug:slug>/webhooks/<int:pk>/test", webhooks.webhook_test, name="webhook_test"),
    path(
        "projects/<slug:slug>/webhooks/<int:pk>/switch",
        webhooks.webhook_switch,
        name="webhook_switch",
    ),
    path(
        "projects/<slug:slug>/webhooks/<int:pk>/delete",
        webhooks.webhook_delete,
        name="webhook_delete",
    ),
    path("projects/<slug:slug>/stages/<int:stage>", projects.override, name="override"),
    path(
        "projects/<slug:slug>/stages/<int:stage>/reset",
        projects.override_reset,
        name="override_reset",
    ),
]
