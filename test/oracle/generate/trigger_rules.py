"""Facts of trigger rules: the real TriggerRuleDep over made-up upstream task instances."""

import itertools
import random
from types import SimpleNamespace

from airflow.task.trigger_rule import TriggerRule
from airflow.ti_deps.dep_context import DepContext
from airflow.ti_deps.deps.trigger_rule_dep import TriggerRuleDep

from common import write

STATES = {"s": "success", "f": "failed", "u": "upstream_failed", "k": "skipped", "r": "removed", "-": None}


class Upstream(SimpleNamespace):
    """An upstream task with the states of its instances, a letter each; mapped when told so."""

    def get_needs_expansion(self) -> bool:
        return self.mapped


def judge(rule: str, upstreams: list, map_index: int) -> str:
    """`upstreams`: (letters, is setup, is mapped) a task. A forced state, `run`, `wait`; `+run` where Airflow also lets it go."""
    tasks = [
        Upstream(task_id=f"up{i}", letters=letters, is_setup=is_setup, mapped=mapped)
        for i, (letters, is_setup, mapped) in enumerate(upstreams)
    ]
    finished = [
        SimpleNamespace(task_id=task.task_id, task=task, state=STATES[letter], map_index=i if task.mapped else -1)
        for task in tasks
        for i, letter in enumerate(task.letters)
        if STATES[letter] is not None
    ]
    ids = {task.task_id for task in tasks}
    own = SimpleNamespace(
        task_id="own", upstream_task_ids=ids, upstream_list=tasks, trigger_rule=TriggerRule(rule), is_teardown=False, dag=None,
        get_upstreams_only_setups=lambda: [], get_closest_mapped_task_group=lambda: None,
    )
    forced = []
    instance = SimpleNamespace(
        task=own, task_id="own", dag_id="dag", run_id="run", map_index=map_index,
        get_dagrun=lambda session=None: None,
        set_state=lambda state, session=None: forced.append(getattr(state, "value", state)) or True,
    )
    context = DepContext(flag_upstream_failed=True, finished_tis=finished)
    # The numbers of instances that the rule would ask the database for.
    context.upstream_task_id_counts[("dag", "run", frozenset(ids))] = [(task.task_id, len(task.letters)) for task in tasks]
    passes = all(status.passed for status in TriggerRuleDep()._get_dep_statuses(instance, context, session=None))
    if forced:
        return forced[0] + ("+run" if passes else "")
    return "run" if passes else "wait"


def main() -> None:
    dice, facts = random.Random(11), []
    rules = [rule.value for rule in TriggerRule]
    small = ["".join(letters) for size in range(5) for letters in itertools.combinations_with_replacement("sfukr-", size)]
    short = {}
    for rule in rules:
        # [rule, own map index, upstreams, verdict]; upstreams: single tasks as one word, else a list.
        for letters in small:
            for map_index in (-1, 0, 2):
                verdict = judge(rule, [(letter, False, False) for letter in letters], map_index)
                short.setdefault(f"{rule} {map_index}", {}).setdefault(verdict, []).append(letters)
        for _ in range(120):
            upstreams = []
            for _ in range(dice.randint(1, 4)):
                mapped = dice.random() < 0.5
                letters = "".join(dice.choices("sssfukr-", k=dice.randint(0, 6) if mapped else 1))
                upstreams.append((letters, dice.random() < 0.3, mapped))
            map_index = dice.choice([-1, -1, 0, 1, 3, 6])
            told = [letters + ("!" if is_setup else "") + ("*" if mapped else "") for letters, is_setup, mapped in upstreams]
            facts.append([rule, map_index, told, judge(rule, upstreams, map_index)])
    for setups in ["".join(letters) for size in range(4) for letters in itertools.combinations_with_replacement("sfukr-", size)]:
        for others in ("", "s", "f", "k", "-", "sr"):
            upstreams = [(letter, True, False) for letter in setups] + [(letter, False, False) for letter in others]
            told = [letters + ("!" if is_setup else "") for letters, is_setup, _ in upstreams]
            facts.append(["all_done_setup_success", -1, told, judge("all_done_setup_success", upstreams, -1)])
    plain = [[*key.rsplit(" ", 1), verdict, " ".join(lists)] for key, verdicts in short.items() for verdict, lists in verdicts.items()]
    write("trigger-rules.json", plain=[[rule, int(index), verdict, lists] for rule, index, verdict, lists in plain], mixed=facts)


if __name__ == "__main__":
    main()
