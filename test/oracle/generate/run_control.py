"""Facts of clear, mark and backfill: real runs in a database, their instances set to states, and what Airflow makes of them."""

import logging
import random
from datetime import timedelta

from airflow.api.common.mark_tasks import set_dag_run_state_to_failed, set_dag_run_state_to_queued, set_dag_run_state_to_success
from airflow.models.backfill import Backfill, BackfillDagRun, _create_backfill, _do_dry_run, ReprocessBehavior
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance, clear_task_instances
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, CronDataIntervalTimetable, DeltaDataIntervalTimetable
from airflow.serialization.serialized_objects import DagSerialization, LazyDeserializedDAG
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, TaskInstanceState
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from sqlalchemy import delete, select

from common import at, epoch, utc, write

logging.disable(logging.CRITICAL)
DAY, HOUR = 86400, 3600
STATES = {"-": None, "s": "success", "f": "failed", "u": "upstream_failed", "k": "skipped", "r": "running", "c": "scheduled", "q": "queued",
          "y": "up_for_retry", "e": "up_for_reschedule", "d": "deferred", "x": "removed", "t": "restarting"}
LETTERS = {value: key for key, value in STATES.items()}
SHAPES = [
    (["a", "b", "c"], [["a", "b"], ["b", "c"]]),
    (["a", "b", "c", "d"], [["a", "b"], ["a", "c"], ["b", "d"], ["c", "d"]]),
    (["a", "b", "c", "d", "e"], [["a", "c"], ["b", "c"], ["c", "d"], ["c", "e"]]),
    (["a", "b", "c", "d", "e", "f"], [["a", "b"], ["b", "c"], ["a", "d"], ["d", "e"], ["e", "c"], ["c", "f"]]),
    (["a", "b"], []),
    (["a"], []),
]
SCHEDULES = {"none": None, "daily": "0 0 * * *", "interval": ["0 0 * * *", "UTC"], "delta": 5400, "once": "@once"}
FIRST = at("2025-01-01")


def build(number: int):
    """A DAG of its own for each shape and schedule; every other task has retries."""
    shape, kind = SHAPES[number % len(SHAPES)], list(SCHEDULES)[number // len(SHAPES) % len(SCHEDULES)]
    told = SCHEDULES[kind]
    schedule = CronDataIntervalTimetable(*told[:1], timezone=told[1]) if kind == "interval" else timedelta(seconds=told) if kind == "delta" else told
    with DAG(f"oracle_{number}", schedule=schedule, start_date=utc(FIRST), catchup=False) as dag:
        tasks = {name: EmptyOperator(task_id=name, retries=i % 3) for i, name in enumerate(shape[0])}
        for a, b in shape[1]:
            tasks[a] >> tasks[b]
    return dag, kind, shape


def store(dag):
    with create_session() as session:
        if session.get(DagBundleModel, "testing") is None:
            session.add(DagBundleModel(name="testing"))
    SerializedDAG.bulk_write_to_db("testing", None, [dag])
    SerializedDagModel.write_dag(LazyDeserializedDAG.from_dag(dag), bundle_name="testing")
    return DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag))


def forget():
    """Runs of every DAG: Airflow 3.3 takes runs of other DAGs with the same id and date for its own in one place."""
    with create_session() as session:
        for table in (BackfillDagRun, DagRun, Backfill):
            session.execute(delete(table))


def make_runs(dag, runs):
    """A run is [logical date in seconds or null, state, {task: [letter, try number, max tries]}]; its id is `r` and its place."""
    for place, (date, state, tasks) in enumerate(runs):
        with create_session() as session:
            dr = dag.create_dagrun(
                run_id=f"r{place}", logical_date=None if date is None else utc(date), data_interval=None if date is None else (utc(date), utc(date)),
                run_after=utc(date if date is not None else FIRST), run_type=DagRunType.MANUAL, triggered_by=DagRunTriggeredByType.TEST,
                state=DagRunState.RUNNING, session=session,
            )
            dr.state = DagRunState(state)
            for ti in session.scalars(select(TaskInstance).where(TaskInstance.dag_id == dag.dag_id, TaskInstance.run_id == f"r{place}")):
                letter, ti.try_number, ti.max_tries = tasks[ti.task_id]
                ti.state = STATES[letter]


def look(dag_id):
    with create_session() as session:
        runs = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id).order_by(DagRun.id)).all()
        tis = session.scalars(select(TaskInstance).where(TaskInstance.dag_id == dag_id)).all()
        return [[
            run.run_id, run.state.value if hasattr(run.state, "value") else run.state,
            {ti.task_id: [LETTERS[ti.state], ti.try_number, ti.max_tries] for ti in sorted(tis, key=lambda ti: ti.task_id) if ti.run_id == run.run_id},
        ] for run in runs]


def changed(before, after):
    """Runs as they are afterwards where something of them is otherwise."""
    return [one for one, other in zip(after, before) if one != other]


def key_of(ti):
    return f"{ti.run_id}/{ti.task_id}"


def clear(dag, order):
    """As the REST operation does: the same choice of runs and tasks, then clear_task_instances."""
    with create_session() as session:
        names, start, end = order.get("tasks"), None, None
        run_id, past, future = order.get("run"), order.get("past", False), order.get("future", False)
        if run_id is not None:
            date = session.scalar(select(DagRun.logical_date).where(DagRun.dag_id == dag.dag_id, DagRun.run_id == run_id))
            if (past or future) and date is None:
                return "refused"
            start, end = None if past else date, None if future else date
        else:
            start, end = (None if order.get(name) is None else utc(order[name]) for name in ("from", "to"))
        if names is not None and (order.get("upstream") or order.get("downstream")):
            subset = dag.partial_subset(task_ids=set(names), include_downstream=order.get("downstream", False), include_upstream=order.get("upstream", False))
            names = list(subset.task_dict)
        common = dict(dry_run=True, task_ids=names, session=session, only_failed=order.get("only_failed", False), only_running=order.get("only_running", False))
        found = dag.clear(run_id=run_id, **common) if run_id is not None and not (past or future) else dag.clear(start_date=start, end_date=end, **common)
        told = sorted(key_of(ti) for ti in found)
        clear_task_instances(list(found), session, DagRunState.QUEUED if order.get("reset", True) else False)
        return told


def mark(dag, order):
    with create_session() as session:
        found = dag.set_task_instance_state(
            task_id=order["task"], run_id=order["run"], state=TaskInstanceState(order["to"]), upstream=order.get("upstream", False),
            downstream=order.get("downstream", False), future=order.get("future", False), past=order.get("past", False), commit=True, session=session,
        )
        if not found:
            # The REST operation answers 409 then, and nothing stays of it.
            session.rollback()
        return sorted(key_of(ti) for ti in found)


def mark_run(dag, order):
    ways = {"success": set_dag_run_state_to_success, "failed": set_dag_run_state_to_failed, "queued": set_dag_run_state_to_queued}
    with create_session() as session:
        told = ways[order["to"]](dag=dag, run_id=order["run"], commit=True, session=session)
        return sorted({key_of(ti) for part in told for ti in (part if isinstance(part, list) else [part])})


def backfill(dag, order):
    given = dict(dag_id=dag.dag_id, from_date=utc(order["from"]), to_date=utc(order["to"]), reverse=order["reverse"], reprocess_behavior=ReprocessBehavior(order["reprocess"]))
    with create_session() as session:
        try:
            dry = [epoch(info.logical_date) for info in _do_dry_run(session=session, dag_run_conf=None, **given)]
        except Exception as error:
            dry = type(error).__name__
    try:
        made = _create_backfill(max_active_runs=10, dag_run_conf=None, triggering_user_name="oracle", run_on_latest_version=False, **given)
    except Exception as error:
        return [dry, type(error).__name__]
    with create_session() as session:
        rows = session.scalars(select(BackfillDagRun).where(BackfillDagRun.backfill_id == made.id).order_by(BackfillDagRun.sort_ordinal)).all()
        ids = dict(session.execute(select(DagRun.id, DagRun.run_id).where(DagRun.dag_id == dag.dag_id)).all())
        return [dry, [[epoch(row.logical_date), row.exception_reason, ids.get(row.dag_run_id)] for row in rows]]


def some_runs(dice, kind, names, letters="-sfukrcqyedx"):
    step = {"delta": 5400, "once": DAY, "none": DAY}.get(kind, DAY)
    runs = []
    for place in range(dice.randint(1, 4)):
        date = FIRST + place * step + (dice.choice([0, 0, 0, 1800]) if kind in ("daily", "delta") else 0)
        if dice.random() < 0.15:
            date = None
        state = dice.choice(["success", "failed", "running", "queued"])
        tasks = {name: [dice.choice(letters), dice.randint(0, 3), dice.randint(0, 4)] for name in names}
        # What has no state yet has not been tried, and has the tries its task begins with.
        tasks = {name: told if told[0] != "-" else ["-", 0, names.index(name) % 3] for name, told in tasks.items()}
        runs.append([date, state, tasks])
    return runs


def orders(dice, names, runs):
    flag = lambda chance=0.3: dice.random() < chance
    run, task = f"r{dice.randrange(len(runs))}", dice.choice(names)
    scope = lambda: {name: True for name in ("upstream", "downstream", "past", "future") if flag()}
    yield "clear", {"run": run, "tasks": [task], **scope(), **({"only_failed": True} if flag() else {}), **({"only_running": True} if flag(0.15) else {}), **({"reset": False} if flag(0.2) else {})}
    yield "clear", {"run": run, **({"only_failed": True} if flag(0.5) else {}), **{name: True for name in ("past", "future") if flag()}}
    yield "clear", {"tasks": dice.sample(names, dice.randint(1, len(names))), **{name: dice.choice([None, FIRST + dice.randint(0, 3) * DAY]) for name in ("from", "to")}, **{name: True for name in ("upstream", "downstream", "only_failed") if flag()}}
    yield "mark", {"run": run, "task": task, "to": dice.choice(["success", "failed", "skipped"]), **scope()}
    yield "mark", {"run": run, "task": task, "to": dice.choice(["success", "failed", "skipped"])}
    yield "mark_run", {"run": run, "to": dice.choice(["success", "failed", "queued"])}


def main() -> None:
    dice, controls, backfills = random.Random(19), [], []
    ways = {"clear": clear, "mark": mark, "mark_run": mark_run}
    for number in range(len(SHAPES) * len(SCHEDULES)):
        told, kind, (names, edges) = build(number)
        dag = store(told)
        for _ in range(3):
            runs = some_runs(dice, kind, names)
            for verb, order in orders(dice, names, runs):
                forget()
                make_runs(dag, runs)
                before = look(dag.dag_id)
                touched = ways[verb](dag, order)
                controls.append([number, runs, verb, order, touched, changed(before, look(dag.dag_id))])
        if kind in ("daily", "interval", "delta", "once"):
            for _ in range(6):
                step = 5400 if kind == "delta" else DAY
                start = FIRST + dice.randint(-2, 2) * step + dice.choice([0, 0, 1, 3600])
                order = {"from": start, "to": start + dice.choice([-1, 0, 1, 3, 6]) * step + dice.choice([0, 0, 7]), "reverse": dice.random() < 0.3, "reprocess": dice.choice(["none", "completed", "failed"])}
                forget()
                runs = some_runs(dice, kind, names, letters="sf")
                make_runs(dag, runs)
                before = look(dag.dag_id)
                told = backfill(dag, order)
                after = look(dag.dag_id)
                backfills.append([number, runs, order, *told, changed(before, after)])
    dags = [[number, kind, SCHEDULES[kind], names, edges] for number in range(len(SHAPES) * len(SCHEDULES)) for _, kind, (names, edges) in [build(number)]]
    write("run-control.json", dags=dags, controls=controls, backfills=backfills)


if __name__ == "__main__":
    main()
