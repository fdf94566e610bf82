"""Put together with the pages that know all kinds of objects by `apps.web.access_urls`."""

from django.urls import path

from apps.access import views

urlpatterns = [
    path("access/rules", views.rules, name="rules"),
    path("access/rules/new", views.rule_new, name="rule_new"),
    path("access/rules/<int:pk>", views.rule, name="rule"),
    path("access/rules/<int:pk>/switch", views.rule_switch, name="rule_switch"),
    path("access/rules/<int:pk>/delete", views.rule_delete, name="rule_delete"),
]
