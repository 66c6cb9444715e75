"""Facts of run ids: how they are made for each type of run, and which type an id tells."""

import re

from airflow.models.dagrun import DagRun
from airflow.utils.types import DagRunType

from common import at, timetable, utc, write

SUFFIX = "XXXXXXXX"


def masked(run_id: str) -> str:
    """The eight random characters at the end as X."""
    return re.sub(r"_[A-Za-z0-9]{8}$", f"_{SUFFIX}", run_id) if re.search(r"\+00:00_", run_id) else run_id


def main() -> None:
    moments = [at("2024-03-18"), at("2024-03-18T09:30:07"), at("1999-12-31T23:59:59"), at("2024-03-18") + 0.045, at("2024-03-18") + 0.5, 0]
    made = []
    for run_type in DagRunType:
        for moment in moments:
            for has_date in (True, False):
                date = utc(at("2024-01-01")) if has_date else None
                run_id = DagRun.generate_run_id(run_type=run_type, logical_date=date, run_after=utc(moment))
                made.append([run_type.value, moment, has_date, masked(run_id)])
    for spec in (["cron", "0 0 * * *", "Asia/Seoul"], ["cron-interval", "0 0 * * *", "UTC"], ["once"], ["delta", 60]):
        run_id = timetable(spec).generate_run_id(run_type=DagRunType.SCHEDULED, run_after=utc(moments[1]), data_interval=None)
        made.append(["scheduled", moments[1], True, run_id])
    ids = [entry[3] for entry in made] + [
        "", "mine", "scheduled", "scheduled_", "scheduled__", "Scheduled__x", "x_scheduled__y", " manual__x", "manual__", "backfill__mine",
        "backfill_2", "asset_triggered__", "dataset_triggered__2024", "asset__x", "operator_triggered__x", "asset_materialization__x", "__",
    ]
    write("run-ids.json", types=[run_type.value for run_type in DagRunType], made=made,
          inferred=[[run_id, DagRunType.from_run_id(run_id).value] for run_id in dict.fromkeys(ids)])


if __name__ == "__main__":
    main()
