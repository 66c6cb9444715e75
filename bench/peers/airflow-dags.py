"""What Airflow runs in the bench: the same shapes as Baram's files, of tasks that do nothing (an EmptyOperator would never start)."""

import os
import time

from airflow.sdk import DAG, task


def no_op(task_id: str):
    @task(task_id=task_id)
    def nothing():
        return None

    return nothing()


with DAG("chain", schedule=None) as chain:
    last = no_op("t000")
    for i in range(1, int(os.environ["BENCH_CHAIN"])):
        step = no_op(f"t{i:03}")
        last >> step
        last = step

with DAG("small_fan", schedule=None) as small_fan:
    root, join = no_op("root"), no_op("join")
    for i in range(50):
        root >> no_op(f"t{i}") >> join

with DAG("many", schedule=None) as many:
    root = no_op("root")
    for i in range(int(os.environ["BENCH_SUSTAINED"])):
        root >> no_op(f"t{i}")

with DAG("one", schedule=None) as one:

    @task(task_id="only")
    def first_line():
        return time.time() * 1000

    first_line()
