from django.urls import path

from portal import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
]
