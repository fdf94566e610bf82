from django.urls import path

from apps.evaluations import rule_views, views

VERSION = "models/<str:name>/versions/<int:number>/evaluations"

app_name = "evaluations"
urlpatterns = [
    path(VERSION, views.of_version, name="of_version"),
    path(f"{VERSION}/new", views.new, name="new"),
    path(f"{VERSION}/logged", views.take_in, name="take_in"),
    path("evaluations/<int:pk>", views.detail, name="detail"),
    path("evaluations/<int:pk>/report", views.report, name="report"),
    path("evaluations/<int:pk>/card", views.to_card, name="to_card"),
    path("evaluations/<int:pk>/cancel", views.cancel, name="cancel"),
    path("projects/<slug:slug>/data-sets", views.data_sets, name="data_sets"),
    path(
        "projects/<slug:slug>/data-sets/<int:pk>/withdraw",
        views.withdraw,
        name="data_set_withdraw",
    ),
    path("projects/<slug:slug>/evaluation-rules", rule_views.rules, name="rules"),
    path(
        "projects/<slug:slug>/evaluation-rules/<int:pk>/remove",
        rule_views.rule_remove,
        name="rule_remove",
    ),
]
