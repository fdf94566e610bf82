from django.urls import path

from apps.cards import (
    comparison_views,
    discussion,
    exchange_views,
    report_views,
    section_views,
    views,
)
from apps.cards.search import views as search_views

app_name = "cards"
CARD = "models/<str:name>/versions/<int:number>/card"
urlpatterns = [
    path("cards/search", search_views.search, name="search"),
    path("cards/compare", search_views.compare, name="compare_cards"),
    path("models/<str:name>/compare", comparison_views.compare, name="compare"),
    path("projects/<slug:slug>/card-sections", section_views.rules, name="section_rules"),
    path(
        "projects/<slug:slug>/card-sections/<int:pk>/remove",
        section_views.remove,
        name="section_rule_remove",
    ),
    path(CARD, views.edit, name="edit"),
    path(f"{CARD}/sections/<slug:part>", views.section, name="section"),
    path(f"{CARD}/sections/<slug:part>/draft", views.draft, name="draft"),
    path(f"{CARD}/values", views.values, name="values"),
    path(f"{CARD}/fill", views.fill, name="fill"),
    path(f"{CARD}/exports", exchange_views.exports, name="exports"),
    path(f"{CARD}/exports/<slug:format>", exchange_views.export, name="export"),
    path(f"{CARD}/import", exchange_views.import_file, name="import"),
    path(f"{CARD}/reports", report_views.reports, name="reports"),
    path(f"{CARD}/reports/<int:pk>", report_views.report, name="report"),
    path(
        f"{CARD}/reports/<int:pk>/<slug:form>", report_views.report_content, name="report_content"
    ),
    path(f"{CARD}/carry-over", views.carry_over, name="carry_over"),
    path("models/<str:name>/versions/<int:number>/comments", discussion.comments, name="comments"),
    path(
        "models/<str:name>/versions/<int:number>/comments/<int:pk>",
        discussion.comment,
        name="comment",
    ),
    path(
        "models/<str:name>/versions/<int:number>/comments/<int:pk>/delete",
        discussion.delete,
        name="comment_delete",
    ),
    path(f"{CARD}/revisions", views.revisions, name="revisions"),
    path(
        f"{CARD}/revisions/<int:revision>",
        views.revision,
        name="revision",
    ),
]
