"""What Airflow calls when a task of the night has failed for good: the alert of `watertight.alerts`."""

from __future__ import annotations

from airflow.sdk import BaseNotifier, Context
from airflow.sdk.exceptions import AirflowFailException

from watertight import tasks


class StepFailedError(AirflowFailException):
    """A step failed and no retry helps. `cause` is what ended it."""

    def __init__(self, label: str, cause: Exception) -> None:
        super().__init__(f"{label}: {cause}")
        self.cause = cause


class FailureAlert(BaseNotifier):
    """Sends one alert for a failed task, by every way that is set up; see docs/operations.md."""

    def notify(self, context: Context) -> None:
        error = context.get("exception")
        cause = error.cause if isinstance(error, StepFailedError) else error
        instance = context["task_instance"]
        if isinstance(cause, BaseException):
            tasks.alert_failure(instance.task_id, cause, instance.run_id)
