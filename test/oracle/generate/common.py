"""What the generators share: a clock that stands still, timetables by their short names, JSON with one fact a line."""

from __future__ import annotations

import json
import logging
import pathlib
import types
from datetime import datetime, timedelta, timezone as plain_timezone

import airflow
import pendulum
from airflow._shared.timezones import timezone as shared_timezone
from airflow.timetables import interval, trigger
from airflow.timetables.base import DataInterval, TimeRestriction
from airflow.timetables.events import EventsTimetable
from airflow.timetables.simple import ContinuousTimetable, NullTimetable, OnceTimetable

logging.disable(logging.WARNING)
FACTS = pathlib.Path(__file__).parent.parent / "facts"


def at(text: str) -> int:
    """Epoch seconds of an ISO text; without offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=plain_timezone.utc)).timestamp())


def utc(seconds: float):
    return pendulum.from_timestamp(seconds, tz="UTC")


def epoch(moment) -> int | float:
    seconds = moment.timestamp()
    return int(seconds) if seconds == int(seconds) else round(seconds, 6)


def freeze(seconds: float) -> None:
    """Every clock the timetables look at shows this instant from now on."""
    now = datetime.fromtimestamp(seconds, tz=plain_timezone.utc)
    for module in (shared_timezone, interval, trigger):
        module.utcnow = lambda: now
    trigger.time = types.SimpleNamespace(time=lambda: seconds)


def timetable(spec: list):
    """The real class for a short name: ["cron", "0 0 * * *", "UTC"], ["delta", 3600], ["once"] ..."""
    kind, *args = spec
    makers = {
        "none": lambda: NullTimetable(),
        "once": lambda: OnceTimetable(),
        "continuous": lambda: ContinuousTimetable(),
        "cron": lambda: trigger.CronTriggerTimetable(args[0], timezone=args[1]),
        "cron-interval": lambda: interval.CronDataIntervalTimetable(args[0], timezone=args[1]),
        "crons": lambda: trigger.MultipleCronTriggerTimetable(*args[0], timezone=args[1]),
        "delta": lambda: trigger.DeltaTriggerTimetable(timedelta(seconds=args[0])),
        "delta-interval": lambda: interval.DeltaDataIntervalTimetable(timedelta(seconds=args[0])),
        "events": lambda: EventsTimetable([utc(second) for second in args[0]]),
    }
    return makers[kind]()


def restriction(earliest: float | None, latest: float | None, catchup: bool) -> TimeRestriction:
    return TimeRestriction(
        None if earliest is None else utc(earliest), None if latest is None else utc(latest), catchup
    )


def next_run(table, last, limits: TimeRestriction):
    """What follows `last` (start, end in seconds, or None) as (start, end, run after), or None."""
    before = None if last is None else DataInterval(utc(last[0]), utc(last[1]))
    info = table.next_dagrun_info(last_automated_data_interval=before, restriction=limits)
    if info is None:
        return None
    return epoch(info.data_interval.start), epoch(info.data_interval.end), epoch(info.run_after)


def deltas(numbers: list) -> list:
    """The first number, then the distance of each to the one before."""
    return [number if i == 0 else number - numbers[i - 1] for i, number in enumerate(numbers)]


def write(name: str, **sections) -> None:
    """One list entry a line, so that a changed fact is a changed line."""
    parts = [f'"airflow": {json.dumps(airflow.__version__)}']
    for key, value in sections.items():
        compact = lambda item: json.dumps(item, separators=(",", ":"), ensure_ascii=False)
        if isinstance(value, list):
            parts.append(f'"{key}": [\n' + ",\n".join(compact(item) for item in value) + "\n]")
        else:
            parts.append(f'"{key}": {compact(value)}')
    FACTS.mkdir(exist_ok=True)
    (FACTS / name).write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")
    counts = ", ".join(f"{len(value)} {key}" for key, value in sections.items() if isinstance(value, list))
    print(f"{name}: {counts}, {(FACTS / name).stat().st_size // 1024} kB")
