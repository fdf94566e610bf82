from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView

from apps.api.v1 import schema
from apps.api.v1.views import (
    access,
    activity,
    attributes,
    cards,
    deployments,
    naming,
    people,
    projects,
    registry,
    reviews,
    runs,
    stages,
)

MEMBERS = "projects/<str:project>/members"
VERSION = "models/<str:name>/versions/<int:number>"
SERVICE_ACCOUNT = "service-accounts/<str:username>"
KEYS = "endpoints/<str:project>/<str:slug>/keys"

app_name = "v1"
urlpatterns = [
    path("me", people.MeView.as_view(), name="me"),
    path("people", people.PeopleView.as_view(), name="people"),
    path("people/<str:username>", people.PersonView.as_view(), name="person"),
    path("attributes", attributes.AttributesView.as_view(), name="attributes"),
    path("attributes/<str:about>/<str:name>", attributes.AttributeView.as_view(), name="attribute"),
    path("service-accounts", people.ServiceAccountsView.as_view(), name="service_accounts"),
    path(SERVICE_ACCOUNT, people.ServiceAccountView.as_view(), name="service_account"),
    path(
        f"{SERVICE_ACCOUNT}/tokens",
        people.ServiceAccountTokensView.as_view(),
        name="service_account_tokens",
    ),
    path(
        f"{SERVICE_ACCOUNT}/tokens/<int:pk>",
        people.ServiceAccountTokenView.as_view(),
        name="service_account_token",
    ),
    path("tokens", people.TokensView.as_view(), name="tokens"),
    path("tokens/<int:pk>", people.TokenView.as_view(), name="token"),
    path("notifications", people.NotificationsView.as_view(), name="notifications"),
    path("notifications/read", people.NotificationsReadView.as_view(), name="notifications_read"),
    path(
        "notifications/<int:pk>/read",
        people.NotificationReadView.as_view(),
        name="notification_read",
    ),
    path("projects", projects.ProjectsView.as_view(), name="projects"),
    path("projects/<str:project>", projects.ProjectView.as_view(), name="project"),
    path(
        "projects/<str:project>/attributes",
        attributes.ProjectAttributesView.as_view(),
        name="project_attributes",
    ),
    path(MEMBERS, projects.MembersView.as_view(), name="members"),
    path(f"{MEMBERS}/<str:username>", projects.MemberView.as_view(), name="member"),
    path(
        "projects/<str:project>/service-accounts",
        projects.ProjectServiceAccountsView.as_view(),
        name="project_service_accounts",
    ),
    path(
        "projects/<str:project>/stages", stages.ProjectStagesView.as_view(), name="project_stages"
    ),
    path(
        "projects/<str:project>/stages/<str:stage>/override",
        stages.OverrideView.as_view(),
        name="override",
    ),
    path(
        "projects/<str:project>/name-prefixes",
        naming.NamePrefixesView.as_view(),
        name="name_prefixes",
    ),
    path(
        "projects/<str:project>/name-prefixes/<int:pk>",
        naming.NamePrefixView.as_view(),
        name="name_prefix",
    ),
    path("projects/<str:project>/label-rules", naming.LabelRulesView.as_view(), name="label_rules"),
    path(
        "projects/<str:project>/label-rules/<int:pk>",
        naming.LabelRuleView.as_view(),
        name="label_rule",
    ),
    path("reviewer-roles", projects.ReviewerRolesView.as_view(), name="reviewer_roles"),
    path("models", registry.ModelsView.as_view(), name="models"),
    path("models/<str:name>", registry.ModelView.as_view(), name="model"),
    path(
        "models/<str:name>/attributes",
        attributes.ModelAttributesView.as_view(),
        name="model_attributes",
    ),
    path("models/<str:name>/versions", registry.VersionsView.as_view(), name="versions"),
    path(VERSION, registry.VersionView.as_view(), name="version"),
    path(
        f"{VERSION}/attributes",
        attributes.VersionAttributesView.as_view(),
        name="version_attributes",
    ),
    path(f"{VERSION}/retry", registry.VersionRetryView.as_view(), name="version_retry"),
    path(f"{VERSION}/artifacts", registry.ArtifactsView.as_view(), name="artifacts"),
    path(f"{VERSION}/artifacts/<path:path>", registry.ArtifactFileView.as_view(), name="artifact"),
    path(f"{VERSION}/lineage", registry.LineageView.as_view(), name="lineage"),
    path(f"{VERSION}/card", cards.CardView.as_view(), name="card"),
    path(f"{VERSION}/card/revisions", cards.CardRevisionsView.as_view(), name="card_revisions"),
    path(f"{VERSION}/comments", cards.CommentsOnVersionView.as_view(), name="comments_on_version"),
    path(
        f"{VERSION}/comments/<int:pk>",
        cards.CommentOnVersionView.as_view(),
        name="comment_on_version",
    ),
    path(f"{VERSION}/move", stages.MoveView.as_view(), name="move"),
    path(f"{VERSION}/reviews", reviews.VersionReviewsView.as_view(), name="version_reviews"),
    path("stages", stages.StagesView.as_view(), name="stages"),
    path("environments", stages.EnvironmentsView.as_view(), name="environments"),
    path("environments/<str:slug>", stages.EnvironmentView.as_view(), name="environment"),
    path("reviews", reviews.ReviewsView.as_view(), name="reviews"),
    path("reviews/<int:pk>", reviews.ReviewView.as_view(), name="review"),
    path("reviews/<int:pk>/approve", reviews.ApproveView.as_view(), name="approve"),
    path(
        "reviews/<int:pk>/request-changes",
        reviews.RequestChangesView.as_view(),
        name="request_changes",
    ),
    path("reviews/<int:pk>/comments", reviews.CommentsView.as_view(), name="comments"),
    path("reviews/<int:pk>/reviewers", reviews.ReviewersView.as_view(), name="reviewers"),
    path("reviews/<int:pk>/withdraw", reviews.WithdrawView.as_view(), name="withdraw"),
    path("endpoints", deployments.EndpointsView.as_view(), name="endpoints"),
    path("endpoints/<str:project>/<str:slug>", deployments.EndpointView.as_view(), name="endpoint"),
    path(KEYS, deployments.ApiKeysView.as_view(), name="api_keys"),
    path(f"{KEYS}/<int:pk>", deployments.ApiKeyView.as_view(), name="api_key"),
    path("deployments", deployments.DeploymentsView.as_view(), name="deployments"),
    path("deployments/<int:pk>", deployments.DeploymentView.as_view(), name="deployment"),
    path("deployments/<int:pk>/retry", deployments.RetryView.as_view(), name="retry"),
    path("deployments/<int:pk>/cancel", deployments.CancelView.as_view(), name="cancel"),
    path("deployments/<int:pk>/roll-back", deployments.RollBackView.as_view(), name="roll_back"),
    path("deployments/<int:pk>/retire", deployments.RetireView.as_view(), name="retire"),
    path("runs", runs.RunsView.as_view(), name="runs"),
    path("runs/<int:pk>", runs.RunView.as_view(), name="run"),
    path("runs/<int:pk>/log", runs.RunLogView.as_view(), name="run_log"),
    path("rules", access.RulesView.as_view(), name="rules"),
    path("rules/dry-run", access.RuleTrialView.as_view(), name="rule_trial"),
    path("rules/<int:pk>", access.RuleView.as_view(), name="rule"),
    path("activity", activity.ActivityView.as_view(), name="activity"),
    path("schema", SpectacularAPIView.as_view(), name="schema"),
    path("docs", schema.DocsView.as_view(url_name="v1:schema"), name="docs"),
    re_path(r"^", schema.NothingHereView.as_view(schema=None), name="nothing"),
]
