"""Facts of mapped tasks: a real run, in which every case is a few tasks; what each mapped instance was given, and how it ended."""

import contextlib
import json
import os
import pathlib
import tempfile

# Airflow reads the DAG from a file, so one is made for it, in a folder of its own.
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
FOLDER = pathlib.Path(os.environ.setdefault("AIRFLOW__CORE__DAGS_FOLDER", tempfile.mkdtemp()))

from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.sdk import DAG, task
from airflow.sdk.exceptions import AirflowSkipException
from airflow.utils.session import create_session
from sqlalchemy import select

from common import utc, write

SOURCES = {
    "three": {"pushes": [1, 2, 3]}, "two": {"pushes": ["a", "b"]}, "one": {"pushes": ["only"]}, "empty": {"pushes": []},
    "pairs": {"pushes": {"k1": 10, "k2": 20}}, "nested": {"pushes": [[1, 2], [3], []]}, "nothing": {"pushes": None},
    "number": {"pushes": 7}, "text": {"pushes": "abc"}, "odd": {"pushes": [1, None, "", False, {"deep": [1]}]},
    "kwargs": {"pushes": [{"x": 1}, {"x": 2, "y": "b"}, {}]}, "wrong kwargs": {"pushes": [{"x": 1}, 5]}, "no dicts": {"pushes": [1, 2]},
    "skipped": {"skips": True}, "failed": {"fails": True}, "empty dict": {"pushes": {}}, "kwargs dict": {"pushes": {"x": [1]}},
    # Mapped themselves: what they return is pushed by each instance.
    "squares": {"mapped over": [1, 2, 3]}, "some squares": {"mapped over": [1, 2, 3, 4], "skips when": [2, 4]},
    "no squares": {"mapped over": []}, "all skip": {"mapped over": [1, 2], "skips when": [1, 2]},
    "one fails": {"mapped over": [1, 2], "fails when": [2]}, "lists": {"mapped over": [1, 2], "pushes lists": True},
}
of = lambda name, **more: {"of": name, **more}
CASES = [
    {"name": "a list", "expand": {"x": [1, 2, 3]}},
    {"name": "a dict, as its pairs", "expand": {"x": {"k1": 10, "k2": 20}}},
    {"name": "a list of one", "expand": {"x": ["only"]}},
    {"name": "an empty list", "expand": {"x": []}},
    {"name": "two lists, every pair", "expand": {"x": [1, 2, 3], "y": ["a", "b"]}},
    {"name": "two lists, written the other way", "expand": {"y": ["a", "b"], "x": [1, 2, 3]}},
    {"name": "three lists", "expand": {"x": [1, 2], "y": ["a", "b"], "z": [True, False]}},
    {"name": "three lists, z first", "expand": {"z": [True, False], "x": [1, 2], "y": ["a", "b", "c"]}},
    {"name": "a list and an empty one", "expand": {"x": [1, 2], "y": []}},
    {"name": "a list and a dict", "expand": {"x": [1, 2], "y": {"k1": 10, "k2": 20}}},
    {"name": "values that are nothing", "expand": {"x": [None, 0, "", False, [], {}]}},
    {"name": "a constant beside", "partial": {"y": "same", "z": [1, 2]}, "expand": {"x": [1, 2]}},
    {"name": "a pushed constant beside", "partial": {"y": of("three")}, "expand": {"x": [1, 2]}},
    *({"name": f"pushed: {name}", "expand": {"x": of(name)}} for name in (
        "three", "one", "empty", "pairs", "empty dict", "nested", "odd", "nothing", "number", "text", "skipped", "failed")),
    {"name": "pushed and literal", "expand": {"x": of("three"), "y": ["a", "b"]}},
    {"name": "literal and pushed", "expand": {"y": ["a", "b"], "x": of("three")}},
    {"name": "pushed twice", "expand": {"x": of("two"), "y": of("two")}},
    {"name": "pushed and empty", "expand": {"x": of("three"), "y": of("empty")}},
    *({"name": f"over a mapped task: {name}", "expand": {"x": of(name)}} for name in (
        "squares", "some squares", "no squares", "all skip", "one fails", "lists")),
    *({"name": f"over a mapped task, run anyway: {name}", "expand": {"x": of(name)}, "trigger_rule": rule} for name, rule in (
        ("some squares", "all_done"), ("one fails", "all_done"), ("all skip", "all_done"), ("skipped", "all_done"), ("failed", "all_done"),
        ("nothing", "all_done"), ("empty", "all_done"), ("some squares", "none_failed"))),
    {"name": "a mapped task as a constant", "partial": {"y": of("squares")}, "expand": {"x": [1, 2]}},
    {"name": "zipped to the shortest", "expand": {"x": {"zip": ["three", "two"]}}},
    {"name": "zipped and filled", "expand": {"x": {"zip": ["three", "two"], "fill": "-"}}},
    {"name": "zipped and filled with nothing", "expand": {"x": {"zip": ["two", "three"], "fill": None}}},
    {"name": "three zipped", "expand": {"x": {"zip": ["three", "two", "one"]}}},
    {"name": "zipped with an empty one", "expand": {"x": {"zip": ["three", "empty"]}}},
    {"name": "zipped with an empty one and filled", "expand": {"x": {"zip": ["three", "empty"], "fill": 0}}},
    {"name": "zipped with a mapped task", "expand": {"x": {"zip": ["two", "squares"]}}},
    {"name": "concatenated", "expand": {"x": {"concat": ["three", "two"]}}},
    {"name": "concatenated with an empty one and a dict", "expand": {"x": {"concat": ["empty", "two", "pairs"]}}},
    {"name": "concatenated with a mapped task", "expand": {"x": {"concat": ["squares", "two"]}}},
    {"name": "each made something else", "expand": {"x": {"map": "three", "by": "double"}}},
    {"name": "some left out while made", "expand": {"x": {"map": "three", "by": "skip two"}}},
    {"name": "one fails while made", "expand": {"x": {"map": "three", "by": "fail on two"}}},
    {"name": "kwargs literal", "expand_kwargs": [{"x": 1}, {"x": 2, "y": "b"}, {"z": None}]},
    {"name": "kwargs, none", "expand_kwargs": []},
    {"name": "kwargs beside a constant", "partial": {"z": "same"}, "expand_kwargs": [{"x": 1}, {"x": 2}]},
    *({"name": f"kwargs pushed: {name}", "expand_kwargs": of(name)} for name in (
        "kwargs", "empty", "wrong kwargs", "no dicts", "nothing", "number", "kwargs dict")),
    {"name": "kwargs made of values", "expand_kwargs": {"map": "three", "by": "as x"}},
    {"name": "a label of the argument", "expand": {"x": ["first", "second"]}, "label": "{{ task.op_kwargs['x'] }}"},
    {"name": "a label from inside the task", "expand": {"x": [1, 2]}, "label": "run {{ mine }}"},
    {"name": "a label of nothing known", "expand": {"x": [1]}, "label": "{{ unknown_name }}"},
    {"name": "a label with text and index", "expand": {"x": ["a", "b"]}, "label": "{{ ti.map_index }}: {{ ds }}"},
    {"name": "a label that is too long", "expand": {"x": ["y" * 300]}, "label": "{{ task.op_kwargs['x'] }}"},
]
BY = {
    "double": lambda value: value * 2, "as x": lambda value: {"x": value},
    "skip two": lambda value: skip_two(value), "fail on two": lambda value: fail_on_two(value),
}
UNSET = "(not given)"


def skip_two(value):
    if value == 2:
        raise AirflowSkipException
    return value


def fail_on_two(value):
    if value == 2:
        raise ValueError("two")
    return value


def push(value, skips, fails):
    if skips:
        raise AirflowSkipException
    if fails:
        raise ValueError("as told")
    return value


def square(value, skips_when, fails_when, lists):
    if value in skips_when:
        raise AirflowSkipException
    if value in fails_when:
        raise ValueError("as told")
    return [value] * value if lists else value * value


def collect(x=UNSET, y=UNSET, z=UNSET):
    from airflow.sdk import get_current_context

    get_current_context()["mine"] = f"<{x}>"
    listed = lambda value: list(value) if type(value).__name__ in ("LazyXComSequence", "tuple") else value
    return json.dumps({key: listed(value) for key, value in (("x", x), ("y", y), ("z", z)) if value != UNSET})


def source(name: str, prefix: str):
    told = SOURCES[name]
    task_id = f"{prefix}_{name.replace(' ', '_')}"
    if "mapped over" in told:
        constants = {"skips_when": told.get("skips when", []), "fails_when": told.get("fails when", []), "lists": told.get("pushes lists", False)}
        return task(square, task_id=task_id).partial(**constants).expand(value=told["mapped over"])
    return task(push, task_id=task_id)(told.get("pushes"), told.get("skips", False), told.get("fails", False))


def build(dag_id: str, cases: list):
    with DAG(dag_id, schedule=None) as dag:
        for number, case in enumerate(cases):
            made: dict = {}
            ref = lambda name: made.setdefault(name, source(name, f"c{number}")) if name not in made else made[name]

            def resolve(value):
                if not isinstance(value, dict) or not {"of", "zip", "concat", "map"} & value.keys():
                    return value
                if "of" in value:
                    return ref(value["of"])
                if "map" in value:
                    return ref(value["map"]).map(BY[value["by"]])
                first, *others = [ref(name) for name in value.get("zip") or value["concat"]]
                if "concat" in value:
                    return first.concat(*others)
                return first.zip(*others, fillvalue=value["fill"]) if "fill" in value else first.zip(*others)

            options = {"task_id": f"c{number}", "trigger_rule": case.get("trigger_rule", "all_success")}
            if "label" in case:
                options["map_index_template"] = case["label"]
            operator = task(collect, **options).partial(**{key: resolve(value) for key, value in case.get("partial", {}).items()})
            if "expand" in case:
                operator.expand(**{key: resolve(value) for key, value in case["expand"].items()})
            else:
                operator.expand_kwargs(resolve(case["expand_kwargs"]))
    return dag


def as_json(text):
    """What `collect` returned; the same whether XCom has read it already or not."""
    return json.loads(text) if isinstance(text, str) else text


def sort_out() -> tuple[list, list]:
    """The cases that a DAG can be made of, and the others with the reason."""
    fits, refused = [], []
    for case in CASES:
        try:
            build("probe", [case])
            fits.append(case)
        except Exception as error:
            refused.append([case, f"refused: {type(error).__name__}: {error}"])
    return fits, refused


def main() -> None:
    fits, facts = sort_out()
    dag_id = f"oracle_mapping_{os.getpid()}"
    text = f"import mapping\nfrom airflow.sdk import DAG\ndag = mapping.build({dag_id!r}, mapping.sort_out()[0])\n"
    (FOLDER / "cases.py").write_text(text)
    with open(FOLDER / "log", "w") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        build(dag_id, fits).test(logical_date=utc(1735689600))
    with create_session() as session:
        pushed = {
            (row.task_id, row.map_index): XComModel.deserialize_value(row)
            for row in session.scalars(select(XComModel).where(XComModel.dag_id == dag_id, XComModel.key == "return_value"))
        }
        instances = session.scalars(select(TaskInstance).where(TaskInstance.dag_id == dag_id)).all()
        for number, case in enumerate(fits):
            own = sorted((ti for ti in instances if ti.task_id == f"c{number}"), key=lambda ti: ti.map_index)
            upstream = {
                ti.task_id.split("_", 1)[1]: ti.state
                for ti in instances
                if ti.task_id.startswith(f"c{number}_") and ti.map_index < 0
            }
            given = lambda ti: as_json(pushed.get((ti.task_id, ti.map_index)))
            facts.append([case, [[ti.map_index, ti.state, given(ti), ti.rendered_map_index] for ti in own], upstream])
    write("mapping.json", sources=SOURCES, cases=facts)


if __name__ == "__main__":
    main()
