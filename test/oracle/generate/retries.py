"""Facts of retries: the real TaskInstance.next_retry_datetime, and the text of a date that it hashes."""

import itertools
import logging
import random
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

from airflow.models.taskinstance import TaskInstance
from airflow.utils.sqlalchemy import UtcDateTime

from common import at, write

# As the metadata database gives it back, Postgres and SQLite alike.
stored = lambda second: None if second is None else UtcDateTime().process_result_value(
    datetime.fromtimestamp(second, tz=timezone.utc), SimpleNamespace(name="postgresql")
)


def delay(base, multiplier, longest, try_number, dag_id, task_id, logical_date) -> float | str:
    end = datetime(2025, 1, 1, tzinfo=timezone.utc)
    task = SimpleNamespace(
        retry_delay=timedelta(seconds=base), retry_exponential_backoff=multiplier,
        max_retry_delay=None if longest is None else timedelta(seconds=longest),
    )
    instance = SimpleNamespace(
        task=task, try_number=try_number, dag_id=dag_id, task_id=task_id, logical_date=stored(logical_date), end_date=end,
        retry_delay_override=None, log=logging.getLogger("oracle"),
    )
    try:
        return (TaskInstance.next_retry_datetime(instance) - end).total_seconds()
    except Exception as error:
        return type(error).__name__


def main() -> None:
    dice = random.Random(3)
    bases = [0, 0.25, 0.5, 1, 1.5, 30, 299.9, 300, 3600, 86400, 200000]
    multipliers = [0, 0.5, 1, 1.1, 1.5, 2, 3, 10]
    dates = [None, at("2024-03-18"), at("2025-10-26T00:30:00"), at("1999-12-31T23:59:59"), at("2024-03-18T09:30:00") + 0.045, at("2024-03-18") + 0.5]
    names = [("etl", "load"), ("my-dag.v2", "group.task_1"), ("한국", "작업"), ("a#b", "c"), ("x" * 80, "y" * 40)]
    tries = [1, 2, 3, 4, 7, 12, 30, 60, 400, 2000]
    facts = []
    for base, multiplier, longest, try_number in itertools.product(bases, multipliers, [None, 0, 0.5, 60, 900, 100000], tries):
        if dice.random() < 0.5:
            continue
        (dag_id, task_id), date = dice.choice(names), dice.choice(dates)
        facts.append([base, multiplier, longest, try_number, dag_id, task_id, date, delay(base, multiplier, longest, try_number, dag_id, task_id, date)])
    write("retries.json", hashedDates=[[date, str(stored(date))] for date in dates], delays=facts)


if __name__ == "__main__":
    main()
