from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView

from ops.api import edge

urlpatterns = [
    path("", RedirectView.as_view(url="/admin/")),
    path("admin/", admin.site.urls),
    path("api/", include("ops.api.api")),
    re_path(r"^api$", edge.unknown),
]
