"""Bugs in what Airflow is told and what it is told of: rows P16 and X04. Most tests here run nights under Airflow's own processes: minutes each."""

from __future__ import annotations

from tests.faults.plants.plant import Plant

_AIRFLOW = "tests/e2e/test_airflow.py"
_OUTLIVES = f"{_AIRFLOW}::test_a_night_outlives_the_scheduler_and_the_api_server"
_NO_SECRET = f"{_AIRFLOW}::test_no_secret_is_in_the_metadata_nor_in_any_log"
_METADATA = "postgresql+psycopg://airflow:${POSTGRES_PASSWORD:?set it in .env}@postgres/airflow?options=-c%20idle_in_transaction_session_timeout"
_TOKEN = "settings.hubspot_token.get_secret_value()"

ORCHESTRATION = (
    Plant(
        "P16",
        "a plan that waits for its own first try",
        "warehouse/lease.py",
        "                    and (opened_for is None or record.opened_for != opened_for)\n",
        "",
        ("tests/unit/warehouse/test_lease.py::test_who_asks_again_for_the_same_run_does_not_wait_for_itself",),
    ),
    Plant(
        "P16",
        "a lost step that is not tried again",
        "dags/crm_nightly.py",
        "**tasks.tries(5, seconds=30)}",
        "**tasks.tries(0, seconds=30)}",
        ("tests/integration/test_dag.py::test_a_lost_step_is_tried_again_and_a_turn_waited_for", _OUTLIVES),
    ),
    Plant(
        "P16",
        "a killed scheduler's lock that nobody ends",
        "docker-compose.yml",
        f"CONN: {_METADATA}%3D5min",
        f"CONN: {_METADATA}%3D0",
        (_OUTLIVES,),
    ),
    Plant(
        "X04",
        "a token handed from task to task",
        "watertight/tasks.py",
        "            settings, sources or None, one_process=is_one_process(), opened_for=dag_run, report=_report\n        ),\n",
        "            settings, sources or None, one_process=is_one_process(), opened_for=dag_run, report=_report\n"
        f'        ) | {{"token": {_TOKEN}}},\n',
        (_NO_SECRET,),
    ),
    Plant(
        "X04",
        "a token in a task's log",
        "watertight/tasks.py",
        '            log.info("%s: %s", label, text)\n',
        f'            settings = _settings()\n            log.info("%s: %s %s", label, text, {_TOKEN})\n',
        (_NO_SECRET,),
    ),
)
