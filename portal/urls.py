"""The map of the house. Addresses read as the domain; who may open each one stands at its view."""

from django.urls import path

from portal import health
from portal.http import public
from portal.views import (
    accounts,
    actions,
    audit,
    board,
    changes,
    joblogs,
    jobs,
    live,
    operations,
    reruns,
    schedules,
    targets,
    vdisks,
    windows,
)

urlpatterns = [
    path("", board.board, name="board"),
    path("vdisks/<int:pk>/", vdisks.vdisk, name="vdisk"),
    path("vdisks/<int:pk>/actions/<slug:name>/", actions.action, name="vdisk-action"),
    path("changes/", changes.changes, name="changes"),
    path("changes/new/", changes.new_change, name="change-new"),
    path("changes/<int:pk>/", changes.change, name="change"),
    path("changes/<int:pk>/decide/", changes.decide, name="change-decide"),
    path("changes/<int:pk>/withdraw/", changes.withdraw, name="change-withdraw"),
    path("jobs/", jobs.jobs, name="jobs"),
    path("jobs/<int:pk>/", jobs.job, name="job"),
    path("jobs/<int:pk>/log/", joblogs.log, name="job-log"),
    path("jobs/<int:pk>/log.txt", joblogs.log_download, name="job-log-download"),
    path("jobs/<int:pk>/cancel/", jobs.cancel, name="job-cancel"),
    path("jobs/<int:pk>/resume/", reruns.resume, name="job-resume"),
    path("jobs/<int:pk>/restart/", reruns.restart, name="job-restart"),
    path("jobs/<int:pk>/keep/", reruns.keep, name="job-keep"),
    path("jobs/<int:pk>/clean-up/", reruns.clean_up, name="job-clean-up"),
    path("schedules/", schedules.schedule_list, name="schedules"),
    path("schedules/stopped/", schedules.stopped, name="schedules-stopped"),
    path("schedules/preview/", schedules.preview, name="schedule-preview"),
    path("schedules/new/", schedules.new, name="schedule-new"),
    path("schedules/<int:pk>/", schedules.schedule, name="schedule"),
    path("schedules/<int:pk>/edit/", schedules.edit, name="schedule-edit"),
    path("schedules/<int:pk>/pause/", schedules.pause, name="schedule-pause"),
    path("schedules/<int:pk>/resume/", schedules.resume, name="schedule-resume"),
    path("schedules/<int:pk>/run/", schedules.run, name="schedule-run"),
    path("schedules/<int:pk>/remove/", schedules.remove, name="schedule-remove"),
    path("schedules/windows/new/", windows.new, name="window-new"),
    path("schedules/windows/<int:pk>/", windows.edit, name="window"),
    path("schedules/windows/<int:pk>/remove/", windows.remove, name="window-remove"),
    path("targets/", targets.targets, name="targets"),
    path("targets/<int:pk>/", targets.target, name="target"),
    path("audit/", audit.audit, name="audit"),
    path("audit/verify/", audit.verify, name="audit-verify"),
    path("operations/", operations.operations, name="operations"),
    path("operations/workers/<int:pk>/drain/", operations.drain, name="worker-drain"),
    path("operations/workers/<int:pk>/undrain/", operations.undrain, name="worker-undrain"),
    path("metrics", operations.metrics_text, name="metrics"),
    path("farm/status/", board.farm_status, name="farm-status"),
    path("accounts/login/", accounts.login, name="login"),
    path("accounts/logout/", accounts.logout, name="logout"),
    path("live/", live.events, name="live"),
    path("healthz", public(health.healthz), name="healthz"),
]

handler400 = "portal.views.errors.bad_request"
handler403 = "portal.views.errors.not_allowed"
handler404 = "portal.views.errors.not_found"
