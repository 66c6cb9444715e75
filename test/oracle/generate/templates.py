"""Facts of templates: real Jinja templates in the real context of a task, for runs of every kind."""

import json
import os
from datetime import datetime
from types import SimpleNamespace

os.environ.update({
    "AIRFLOW_VAR_REGION": "seoul", "AIRFLOW_VAR_LIMITS": '{"rows": 10, "names": ["a", "b"], "deep": {"x": null}}',
    "AIRFLOW_CONN_LAKE": "postgres://reader:p%40ss@db.example:5433/main?sslmode=require",
})

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.api.datamodels._generated import DagRun, TIRunContext
from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance

from common import write

PARAMS = {"x": 1, "name": "world", "flag": True, "list": [1, "two"], "nothing": None}
value = lambda name: {"value": name}
# What is meant, independent of any template language: a value, a macro with arguments, a filter over a value.
MEANINGS = [
    *map(value, (
        "ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz", "logical_date", "data_interval_start", "data_interval_end", "run_id",
        "task_instance_key_str", "dag_run.run_id", "dag_run.run_type", "dag_run.dag_id", "dag_run.logical_date", "dag_run.run_after",
        "dag_run.data_interval_start", "dag_run.data_interval_end", "dag_run.conf", "dag_run.start_date", "dag.dag_id", "task.task_id",
        "ti.task_id", "ti.run_id", "ti.try_number", "ti.map_index", "task_instance.dag_id", "params", "params.x", "params.name", "params.flag",
        "params.list", "params.nothing", "params.unknown", "var.value.region", "var.value.limits", "var.json.limits", "var.json.limits.rows",
        "conn.lake.host", "conn.lake.port", "conn.lake.login", "conn.lake.password", "conn.lake.schema", "conn.lake.conn_type",
        "conn.lake.extra_dejson", "unknown_name", "unknown_name.field", "prev_ds", "execution_date", "next_ds", "partition_key", "logical_date.year",
        "data_interval_start.isoformat()", "logical_date.strftime('%d.%m.%Y')", "logical_date.add(days=1)", "data_interval_end.timestamp()",
    )),
    *({"filter": name, "of": value(of)} for name in ("ds", "ds_nodash", "ts", "ts_nodash", "ts_nodash_with_tz")
      for of in ("logical_date", "data_interval_start", "dag_run.run_after")),
    *({"macro": "ds_add", "args": [value("ds"), days]} for days in (0, 1, 5, -1, -60, 366)),
    {"macro": "ds_add", "args": ["2024-02-28", 1]}, {"macro": "ds_add", "args": ["2024-02-28T00:00:00", 1]}, {"macro": "ds_add", "args": ["", 1]},
    *({"macro": "ds_format", "args": [value("ds"), "%Y-%m-%d", output]} for output in (
        "%d.%m.%Y", "%m-%d-%y", "%A %d %B %Y", "%j", "%a %b %e", "%Y%m%dT%H%M%S", "week %W", "100%%")),
    {"macro": "ds_format", "args": ["1/5/2015", "%m/%d/%Y", "%Y-%m-%d"]}, {"macro": "ds_format", "args": ["2015-01-01", "%d/%m/%Y", "%Y"]},
    *({"macro": "ds_format_locale", "args": [value("ds"), "%Y-%m-%d", output, locale]} for output in ("yyyy-MM-dd", "EEEE dd MMMM yyyy", "d MMM yy")
      for locale in ("en_US", "de_DE", "ko_KR", "fr_FR")),
    *({"macro": "datetime_diff_for_humans", "args": [{"instant": one}, {"instant": other}]} for one, other in (
        ("2024-03-18T00:00:00+00:00", "2024-03-18T00:00:00+00:00"), ("2024-03-18T00:00:00+00:00", "2024-03-18T00:00:10+00:00"),
        ("2024-03-18T00:00:00+00:00", "2024-03-18T00:01:00+00:00"), ("2024-03-18T00:00:00+00:00", "2024-03-18T05:00:00+00:00"),
        ("2024-03-18T00:00:00+00:00", "2024-03-19T00:00:00+00:00"), ("2024-03-18T00:00:00+00:00", "2024-03-12T00:00:00+00:00"),
        ("2024-03-18T00:00:00+00:00", "2024-04-20T00:00:00+00:00"), ("2024-03-18T00:00:00+00:00", "2020-01-01T00:00:00+00:00"),
        ("2024-03-18T00:00:00+00:00", "2024-03-18T01:59:00+00:00"), ("2024-03-18T00:00:00+00:00", "2024-03-25T00:00:00+00:00"))),
]
RUNS = [
    # type, logical date, interval, run after, conf
    ("scheduled", "2024-03-18T00:00:00+00:00", ("2024-03-18T00:00:00+00:00", "2024-03-18T00:00:00+00:00"), None, {}),
    ("scheduled", "2024-03-17T00:00:00+00:00", ("2024-03-17T00:00:00+00:00", "2024-03-18T00:00:00+00:00"), "2024-03-18T00:00:00+00:00", {}),
    ("scheduled", "2024-03-31T01:30:00+00:00", ("2024-03-30T01:30:00+00:00", "2024-03-31T01:30:00+00:00"), None, {}),
    ("scheduled", "2024-02-29T23:59:59+00:00", ("2024-02-29T23:59:59+00:00", "2024-02-29T23:59:59+00:00"), None, {}),
    ("scheduled", "2024-12-31T23:30:00.045000+00:00", ("2024-12-31T23:30:00.045000+00:00", "2024-12-31T23:30:00.500000+00:00"), None, {}),
    ("scheduled", "1999-12-31T00:00:00+00:00", ("1999-12-31T00:00:00+00:00", "2000-01-01T00:00:00+00:00"), None, {}),
    ("manual", "2024-03-18T09:30:07+00:00", ("2024-03-17T00:00:00+00:00", "2024-03-18T00:00:00+00:00"), None, {}),
    ("manual", "2024-03-18T18:30:00+09:00", ("2024-03-18T18:30:00+09:00", "2024-03-18T18:30:00+09:00"), None, {}),
    ("manual", "2024-03-18T09:30:07+00:00", ("2024-03-18T09:30:07+00:00", "2024-03-18T09:30:07+00:00"), None, {"x": 5, "name": "conf"}),
    ("manual", "2024-03-18T09:30:07+00:00", ("2024-03-18T09:30:07+00:00", "2024-03-18T09:30:07+00:00"), None, {"extra": {"deep": [1]}, "x": None}),
    ("manual", None, None, "2024-03-18T09:30:07+00:00", {}),
    ("manual", None, None, "2024-03-18T09:30:07.045000+00:00", {"x": "from conf", "list": []}),
    ("backfill", "2024-01-01T00:00:00+00:00", ("2024-01-01T00:00:00+00:00", "2024-01-02T00:00:00+00:00"), "2024-01-02T00:00:00+00:00", {"flag": False}),
    ("backfill", "2023-10-29T00:30:00+00:00", ("2023-10-29T00:30:00+00:00", "2023-10-29T01:30:00+00:00"), None, {}),
    ("asset_triggered", None, None, "2024-05-01T12:00:00+00:00", {}),
]


def expression(meaning) -> str:
    if not isinstance(meaning, dict):
        return json.dumps(meaning)
    if "value" in meaning:
        return meaning["value"]
    if "instant" in meaning:
        return f"at({json.dumps(meaning['instant'])})"
    if "filter" in meaning:
        return f"{expression(meaning['of'])} | {meaning['filter']}"
    return f"macros.{meaning['macro']}({', '.join(map(expression, meaning['args']))})"


def context_of(run_type, logical_date, interval, run_after, conf):
    parsed = lambda text: None if text is None else datetime.fromisoformat(text)
    run_after = run_after or (interval[1] if interval else None)
    run_id = f"{run_type}__{run_after}" + ("" if logical_date else "_abcdefgh")
    with DAG("example", schedule=None, params=PARAMS) as dag:
        task = BaseOperator(task_id="load")
    run = DagRun(
        dag_id="example", run_id=run_id, logical_date=parsed(logical_date), data_interval_start=parsed(interval and interval[0]),
        data_interval_end=parsed(interval and interval[1]), run_after=parsed(run_after), start_date=parsed("2024-06-01T00:00:00+00:00"), end_date=None,
        run_type=run_type, state="running", conf=conf, consumed_asset_events=[], partition_key=None,
    )
    instance = RuntimeTaskInstance.model_construct(
        id="00000000-0000-0000-0000-000000000001", task_id="load", dag_id="example", run_id=run_id, try_number=1, map_index=-1, task=task,
        max_tries=0, start_date=parsed("2024-06-01T00:00:00+00:00"), bundle_instance=SimpleNamespace(),
        _ti_context_from_server=TIRunContext(dag_run=run, max_tries=0),
    )
    told = {"type": run_type, "logicalDate": logical_date, "interval": interval, "runAfter": run_after, "runId": run_id, "conf": conf,
            "startDate": "2024-06-01T00:00:00+00:00"}
    context = instance.get_template_context()
    return told, dag.get_template_env(), {**context, "at": parsed}


def rendered(environment, template: str, context) -> list:
    try:
        return [environment.from_string(template).render(context)]
    except Exception as error:
        return ["error", type(error).__name__]


def main() -> None:
    templates = ["{{ " + expression(meaning) + " }}" for meaning in MEANINGS]
    runs, facts = [], [[meaning, template, []] for meaning, template in zip(MEANINGS, templates)]
    for run in RUNS:
        told, environment, context = context_of(*run)
        runs.append(told)
        for fact in facts:
            fact[2].append(rendered(environment, fact[1], context))
    # A template that says the same in every run is told once.
    short = [[meaning, template, results[:1] if all(result == results[0] for result in results) else results] for meaning, template, results in facts]
    write("templates.json", params=PARAMS, variables={"region": os.environ["AIRFLOW_VAR_REGION"], "limits": os.environ["AIRFLOW_VAR_LIMITS"]},
          connections={"lake": os.environ["AIRFLOW_CONN_LAKE"]}, runs=runs, templates=short)


if __name__ == "__main__":
    main()
