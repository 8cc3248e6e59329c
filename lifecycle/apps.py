from django.apps import AppConfig
from django.db.models.signals import post_migrate


class LifecycleConfig(AppConfig):
    name = "lifecycle"
    verbose_name = "vDisk lifecycle"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from lifecycle.roles import sync_groups  # noqa: PLC0415  models are not loaded before

        post_migrate.connect(sync_groups, dispatch_uid="lifecycle.roles")
