"""Facts of creation: which runs come to be as time passes, with and without catchup, and which is next."""

import random

from common import at, freeze, next_run, restriction, timetable, write

HOUR, DAY = 3600, 86400
MOST = 12
TABLES = [
    ["cron", "0 0 * * *", "UTC"], ["cron", "0 * * * *", "UTC"], ["cron", "*/15 * * * *", "Europe/Berlin"],
    ["cron", "30 2 * * *", "America/New_York"], ["cron", "0 9 * * MON-FRI", "Asia/Seoul"], ["cron", "0 0 1 * *", "America/Sao_Paulo"],
    ["cron", "0 0 * * *", "Pacific/Apia"], ["cron", "0 */6 * * *", "Australia/Lord_Howe"], ["cron", "0 0 29 2 *", "UTC"],
    ["cron-interval", "0 0 * * *", "UTC"], ["cron-interval", "0 * * * *", "Europe/London"],
    ["cron-interval", "30 2 * * *", "Europe/Berlin"], ["cron-interval", "0 9 * * MON-FRI", "America/St_Johns"],
    ["cron-interval", "0 0 1 * *", "Asia/Kathmandu"], ["cron-interval", "0 0 * * SUN", "Asia/Tehran"],
    ["crons", ["0 6 * * *", "0 18 * * *"], "UTC"], ["crons", ["30 2 * * *", "0 0 L * *", "0 12 * * MON"], "Europe/Berlin"],
    ["delta", HOUR], ["delta", DAY], ["delta", 5400], ["delta-interval", HOUR], ["delta-interval", DAY],
    ["delta-interval", 5400], ["once"], ["none"],
    ["events", [at("2025-03-01"), at("2025-03-20T12:00:00"), at("2025-04-02"), at("2025-04-02"), at("2025-11-02T06:30:00"), at("2026-01-01")]],
    ["events", []],
]
# Around clock changes, in the middle of nowhere, and on a fire to the second.
STARTS = ["2025-03-27T10:20:00", "2025-10-30T00:00:00", "2025-06-01T12:00:00", "2024-02-27T23:59:59"]


def short(run, now):
    """A run as seconds from now, and how long its interval is, where it is more than a point."""
    return run and (run[0] - now if run[0] == run[1] else [run[0] - now, run[1] - run[0]])


def live(spec: list, earliest, latest, catchup: bool, last, nows: list) -> list:
    """What is made at each look at the clock, one after another, and what is next after the last look."""
    looks = []
    for now in nows:
        freeze(now)
        table, made = timetable(spec), []
        limits = restriction(earliest, latest, catchup)
        while True:
            run = next_run(table, last, limits)
            if run is None or run[2] > now or len(made) == MOST:
                break
            made.append(run[:2])
            last = run[:2]
        looks.append([now, [short(one, now) for one in made], short(run, now)])
    return [spec, [earliest, latest, catchup], looks]


def fact(spec, earliest, latest, catchup, last, nows) -> list:
    told = live(spec, earliest, latest, catchup, last, nows)
    return [told[0], told[1], last, told[2]]


def interval_of(spec: list, moment: int):
    """A run that a schedule would have made last before a moment."""
    freeze(moment)
    run = next_run(timetable(spec), None, restriction(moment - 3 * DAY, None, False))
    return None if run is None else run[:2]


def is_dense(spec: list) -> bool:
    """Hundreds of runs a week: a long pause would only make the replay slow."""
    return spec in (TABLES[1], TABLES[2], TABLES[10]) or (spec[0].startswith("delta") and spec[1] < DAY)


def main() -> None:
    dice, facts = random.Random(42), []
    for spec in TABLES:
        for text in STARTS:
            begin = at(text)
            for catchup in (True, False):
                # First ever, then a pass an hour later, an outage of days, a long pause; with and without dates.
                outage, pause = (1, 2) if is_dense(spec) else (4, 40)
                nows = [begin, begin + HOUR, begin + outage * DAY + 7, begin + pause * DAY]
                facts.append(fact(spec, begin - 2 * DAY - 1800, None, catchup, None, nows))
                facts.append(fact(spec, None, None, catchup, None, nows))
                facts.append(fact(spec, begin + 3 * DAY, None, catchup, None, nows))
                facts.append(fact(spec, begin - 5 * DAY, begin + 3 * DAY + HOUR, catchup, None, nows))
                facts.append(fact(spec, begin - 9 * DAY, begin - 6 * DAY, catchup, None, nows[:2]))
                facts.append(fact(spec, begin - DAY, None, catchup, interval_of(spec, begin), nows))
    # The schedule or the zone was edited: the last run is another timetable's.
    others = [spec for spec in TABLES if spec[0] not in ("none", "once", "events")]
    for spec in others:
        for other in others:
            begin = at(dice.choice(STARTS))
            last = interval_of(other, begin)
            catchup = dice.random() < 0.5
            earliest = dice.choice([None, begin - 10 * DAY, begin + DAY])
            facts.append(fact(spec, earliest, None, catchup, last, [begin + dice.randint(0, 5400), begin + 3 * DAY]))
    for zone in ("UTC", "Asia/Seoul", "America/New_York", "Pacific/Apia", "America/St_Johns"):
        for kind in ("cron", "cron-interval"):
            for catchup in (True, False):
                last = interval_of([kind, "0 3 * * *", "Europe/Berlin"], at("2025-03-30T12:00:00"))
                facts.append(fact([kind, "0 3 * * *", zone], None, None, catchup, last, [at("2025-03-30T12:00:00"), at("2025-04-02T12:00:00")]))
    # The minutes and tenths after a fire in which a timetable without start date still takes it.
    for expression in ("0 * * * *", "0 0 * * *", "*/10 * * * *", "0 0 1 * *"):
        for late in (0, 1, 299, 300, 301, 359, 360, 361, 599, 600, 601, 8639, 8640, 8641, 267840, 267841):
            for catchup in (True, False):
                facts.append(fact(["cron", expression, "UTC"], None, None, catchup, None, [at("2025-05-01") + late]))
    facts += [
        [["continuous"], [earliest, latest, catchup], last, [[now, *once_continuous(earliest, latest, catchup, last, now)]]]
        for now in (at("2025-06-01T12:00:00"), at("2025-06-01T12:00:01"))
        for earliest in (None, at("2025-05-01"), at("2025-07-01"))
        for latest in (None, at("2025-05-15"), at("2025-08-01"))
        for catchup in (True, False)
        for last in (None, [at("2025-06-01"), at("2025-06-01T06:00:00")], [at("2025-07-01"), at("2025-07-01T01:00:00")])
    ]
    for _ in range(600):
        spec = dice.choice([spec for spec in TABLES if spec[0] not in ("none", "once")])
        begin = at("2025-01-01") + dice.randint(0, 365 * DAY)
        last = dice.choice([None, interval_of(spec, begin), [begin, begin], [begin - dice.randint(0, 2 * DAY), begin]])
        earliest = dice.choice([None, begin + dice.randint(-20 * DAY, 5 * DAY)])
        latest = dice.choice([None, None, begin + dice.randint(0, 20 * DAY)])
        nows = sorted(begin + dice.randint(0, dice.choice([2, 3 if is_dense(spec) else 40]) * DAY) for _ in range(2))
        facts.append(fact(spec, earliest, latest, dice.random() < 0.5, last, nows))
    write("catchup.json", most=MOST, runs=facts)


def once_continuous(earliest, latest, catchup, last, now) -> list:
    """A continuous timetable always has one more run that is due; only one runs at a time, so one is asked for."""
    freeze(now)
    run = next_run(timetable(["continuous"]), last, restriction(earliest, latest, catchup))
    due = run is not None and run[2] <= now
    return [[short(run, now)] if due else [], None if due else short(run, now)]


if __name__ == "__main__":
    main()
