"""Facts of timetables: what fires when, round the changes of clocks; what is refused; manual intervals."""

import random
from datetime import datetime, timedelta, timezone as plain_timezone
from zoneinfo import ZoneInfo

from airflow.exceptions import AirflowTimetableInvalid
from croniter import CroniterBadDateError

from common import at, deltas, epoch, freeze, next_run, restriction, timetable, utc, write

# Every kind of clock change: whole hours, half an hour, at midnight, a day left out, a zone that changed its offset.
ZONES = [
    "UTC", "Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Moscow", "Europe/Istanbul", "Europe/Lisbon",
    "America/New_York", "America/Los_Angeles", "America/Chicago", "America/St_Johns", "America/Sao_Paulo",
    "America/Santiago", "America/Havana", "America/Caracas", "America/Asuncion", "Australia/Lord_Howe",
    "Australia/Sydney", "Australia/Adelaide", "Asia/Seoul", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tehran",
    "Asia/Amman", "Asia/Pyongyang", "Africa/Casablanca", "Africa/Cairo", "Pacific/Apia", "Pacific/Auckland",
    "Pacific/Chatham",
]
WRITTEN = """
@hourly|@daily|@weekly|@monthly|@quarterly|@yearly|@midnight|@annually
* * * * *|*/5 * * * *|*/7 * * * *|*/10 * * * *|*/15 * * * *|*/20 * * * *|*/30 * * * *|*/45 * * * *|*/59 * * * *
0 * * * *|1 * * * *|30 * * * *|59 * * * *|0,30 * * * *|15,45 * * * *|5-10 * * * *|0-30/10 * * * *|50-10 * * * *
10/15 * * * *|0 */2 * * *|0 */3 * * *|0 */4 * * *|0 */5 * * *|0 */6 * * *|0 */7 * * *|0 */8 * * *|0 */12 * * *
7 */2 * * *|30 1-23/2 * * *|0 0-23 * * *|0 0-22 * * *|0 22-3 * * *|*/10 1-3 * * *|15,45 1-3 * * *|30 22-2/2 * * *
0 0 * * *|0 1 * * *|30 1 * * *|0 2 * * *|15 2 * * *|30 2 * * *|59 2 * * *|0 3 * * *|30 3 * * *|0 6 * * *|30 0 * * *
0 12 * * *|0 18 * * *|0 23 * * *|30 23 * * *|59 23 * * *|0 6,18 * * *|0 0,12 * * *|0 1,2,3 * * *|30 0,1,2,3 * * *
0 0 * * 0|0 0 * * 7|0 0 * * 1|0 0 * * SUN|0 0 * * sun|0 0 * * Mon|0 9 * * MON-FRI|0 9 * * 1-5|0 9 * * 6,0|0 9 * * 5-7
0 9 * * FRI-MON|0 9 * * 1-5/2|0 9 * * */2|0 9 * * MON,WED,FRI|0 9 * * 0-6|0 9 * * 1-7|0 9 * * 0-7|0 9 * * 7-2
30 2 * * SUN|30 2 * * 0|0 0 1 * *|0 0 15 * *|0 0 31 * *|0 0 30 * *|0 0 29 2 *|0 0 28-31 * *|0 0 1,15 * *|0 0 */2 * *
0 0 */10 * *|0 0 1-7 * *|0 0 25-5 * *|0 0 L * *|0 12 l * *|0 0 1,L * *|0 0 1-L * *|0 0 20-L/3 * *|30 2 L 3 *
0 0 1 1 *|0 0 1 */3 *|0 0 1 */2 *|0 0 1 1,7 *|0 0 1 JAN *|0 0 1 jan,Jul *|0 0 1 NOV-FEB *|0 0 1 3-5 *|0 0 31 12 *
0 0 1 1 MON|0 12 13 * FRI|0 12 13 * 5|0 0 1 * MON|0 0 15,L * FRI|0 0 */2 * MON|0 0 * * MON#1|0 0 * * MON#2|0 0 * * 5#3
0 0 * * FRI#5|0 0 * * L5|0 0 * * L0|0 0 * * L7|0 0 * * 1#1,3#2|0 0 * * 7#1|0 0 * * SUN#1|0 0 1 * MON#1|0 0 10 * L5
30 2 * * SUN#2|30 2 * * SUN#L|0 2 * * L0|30 1 * * L0|0 0 ? * *|0 0 * * ?|0 0 ? * MON|0 0 1 * ?|0 0 1 ? *
* * * * * 0|* * * * * */20|0 0 * * * 30|*/15 * * * * 15,45|* * * * * *|0 * * * * 5-10|30 2 * * * 30|0 12 * * * 59
*/90 * * * *|0 */24 * * *|0 */25 * * *|0 0 */31 * *|0 0 */40 * *|0 0 1 */12 *|0 0 1 */13 *|0 0 * * */7|0 0 * * */8
59/15 * * * *|0 23/2 * * *|0 0 31/2 * *|0 0 1 DEC/3 *|0 0 * * 6/2|0 0 * * 7/2|58/2 * * * *|0 0 * * SAT/2|30-30/7 * * * *
0 0 1W * *|0 0 15W * *|0 0 w15 * *|0 0 28W * *|0 0 31W * *|30 2 15w 3,10 *|0 0 * * TUE-THU#1|0 0 * * FRI-MON#2|0 0 * * MON-FRI#5
0-59 * * * *|0-59/1 * * * *|1-59/2 * * * *|0-58/2 * * * *|*,5 * * * *|5,* * * * *|0,0,0 * * * *|00 00 * * *|05 07 01 02 *
59-0 * * * *|30-30 * * * *|0 5-5 * * *|0 23-0 * * *|0 23-1/2 * * *|0 20-6/4 * * *|40-20/15 * * * *|0 0 30-2 * *
0 0 31-1 * *|0 0 1 12-2 *|0 0 1 11-3/2 *|0 0 * * 6-1|0 0 * * SAT-SUN|0 0 * * sat-mon|0 0 * 2 29|0 0 29 2 MON
0 0 1-31 * MON|0 0 1-31 * *|0 0 * 1-12 *|0 0 * * 0-6/3|0 0 1-31/2 * *|0 0 2-31/2 * *|0 0 1/2 * *|0 0 * 2/3 *|0 0 * * 2/2
0 1/3 * * *|3/20 * * * *|0 0 1,2,3 * 4|0 0 1-3 6 4-6|17 3 9 8 *|43 21 * * 2,4|0 0 31 1,3,5 *|0 0 30 4,6,9,11 *|0 4 8-14 * *
0 4 8-14 * SUN|45 23 28-31 * *|55 23 L * *|0 0 L 2 *|0 0 29 * *|30 0 1 4,10 *|0 9-17 * * MON-FRI|*/30 9-17 * * 1-5
"""
# Whatever looks like cron: whether it is refused is a fact as well.
DOUBTFUL = """
|*|* *|* * *|* * * *|* * * * * * *|* * * * * * 2027|0 0 1 1 * 0 2030|* * * * * * * *|60 * * * *|-1 * * * *|0 24 * * *
0 0 0 * *|0 0 32 * *|0 0 * 0 *|0 0 * 13 *|0 0 * * 8|* * * * * 60|*/0 * * * *|0/0 * * * *|*/-1 * * * *|1-2-3 * * * *
a * * * *|0 0 * FOO *|0 0 * * FOO|0 0 * * MON#0|0 0 * * MON#6|0 0 * * MON#L|0 0 * * L8|0 0 * * L|0 0 * * 5L|0 0 LW * *
0 0 15W * *|0 0 W * *|? * * * *|* ? * * *|0 0 L-3 * *|L * * * *|0 0 * L *|0 0 30 2 *|0 0 31 4 *|0 0 31 2,4,6 *|0 0 31 2 MON
@reboot|@every 5m|@secondly|@once|@continuous|@Daily|@DAILY| 0 0 * * * |0  0 *  * *|0\t0 * * *|every tuesday|0 0 * * mon-|,5 * * * *
5, * * * *|5,,6 * * * *|- * * * *|/ * * * *|*/ * * * *|*5 * * * *|** * * * *|1.5 * * * *|1e1 * * * *|+5 * * * *|0x5 * * * *
0 0 32W * *|0 0 0W * *|0 0 1W,15W * *|0 0 15W,20 * *|0 0 15W * MON|0 0 1-5W * *|0 0 30W * *|0 0 29W 3 *|0 0 * * MON-3#1|0 0 * * 1-WED#1
0 0 * * MON-WED#6|0 0 * * MON-MON#2|0 0 * JAN#2 *|0 0 * * JAN#2|0 0 * * MON-WED#1,FRI#2|15W * * * *|0 0 LW * *|0 0 W5W * *
H * * * *|H H * * *|R * * * *|H/15 * * * *|0 0 * * MON#1,FRI|0 0 * * 1#1,5|0 0 * * L5,1|0 0 1#1 * *|MON * * * *|0 0 JAN * *
0 0 * JANUARY *|0 0 * * MONDAY|0 0 * * mOn|0 0 * 1-JAN *|0 0 * * 1-FRI|٠ ٠ * * *|0 0 * * ５|005 * * * *|00005 * * * *|*/2/3 * * * *
0 0 * * 1#01|0 0 * * 1-3#1|0 0 * * MON-WED#2|0 0 l,5 * *|0 0 1-l * *|0 0 l-5 * *|0 0 5-L * *|0 0 * * L5-6|5-1/100 * * * *|*/100 * * * *
1-5/6 * * * *|0 0 ?,1 * *|0 0 1,? * *|0 0 ? * ?|0 0 ?/2 * *|%5 * * * *|0 0 1st * *|0 0 * * 1,2,*|0 0 *,1 * 1|0 0 1,* * 1
"""
TELLING = [
    "* * * * *", "*/15 * * * *", "0 * * * *", "30 * * * *", "0 */2 * * *", "0 1-23/2 * * *", "7 */3 * * *", "0 0-22 * * *",
    "0 0 * * *", "30 0 * * *", "0 1 * * *", "30 1 * * *", "0 2 * * *", "30 2 * * *", "45 2 * * *", "0 3 * * *",
    "15,45 1-3 * * *", "0 23 * * *", "59 23 * * *", "0 0,12 * * *", "30 2 * * SUN", "0 9 * * MON-FRI", "0 0 L * *",
    "0 0 1 * *", "0 0 30 * *", "30 1 * * L0", "0 0-23 * * *", "30 0 * * * 30",
]
SPECIAL = {"Pacific/Apia": ["2011-12-30T10:00:00"], "Africa/Casablanca": ["2024-03-10T02:00:00", "2024-04-14T02:00:00"]}


def expressions(text: str) -> list[str]:
    return list(dict.fromkeys(part for line in text.strip("\n").split("\n") for part in line.split("|")))


def drawn(count: int) -> list[str]:
    """Random expressions, always the same ones."""
    dice = random.Random(20260101)
    field = lambda low, high: dice.choice([
        "*", str(dice.randint(low, high)), f"*/{dice.randint(2, high)}", f"{dice.randint(low, high)}-{high}",
        f"{dice.randint(low, high)},{dice.randint(low, high)}", f"{dice.randint(low, high)}-{dice.randint(low, high)}",
        f"{dice.randint(low, high)}-{dice.randint(low, high)}/{dice.randint(1, 7)}",
    ])
    return [
        " ".join([field(0, 59), field(0, 23), dice.choice(["*", "*", field(1, 28)]),
                  dice.choice(["*", "*", "*", field(1, 12)]), dice.choice(["*", "*", field(0, 6)])])
        for _ in range(count)
    ]


def changes(zone: str) -> list[int]:
    """The instants at which the clock of a zone was changed, 1980 to 2025, to the second."""
    here, found, hour = ZoneInfo(zone), [], 3600
    offset = lambda second: datetime.fromtimestamp(second, tz=plain_timezone.utc).astimezone(here).utcoffset()
    low, end = at("1980-01-01"), at("2026-01-01")
    while low < end:
        high = low + 5 * 24 * hour
        if offset(low) != offset(high):
            left, right = low, high
            while right - left > 1:
                middle = (left + right) // 2
                left, right = (middle, right) if offset(middle) == offset(left) else (left, middle)
            found.append(right)
        low = high
    return found


def moments(zone: str) -> list[int]:
    """The last change in each direction and one of an earlier decade; a plain day where there is none."""
    here = ZoneInfo(zone)
    jump = lambda second: (
        datetime.fromtimestamp(second, tz=here).utcoffset() - datetime.fromtimestamp(second - 1, tz=here).utcoffset()
    )
    all_changes = changes(zone)
    forward = [second for second in all_changes if jump(second) > timedelta()]
    back = [second for second in all_changes if jump(second) < timedelta()]
    chosen = forward[-1:] + back[-1:] + forward[-16:-15] + [at(text) for text in SPECIAL.get(zone, [])]
    return sorted(set(chosen)) or [at("2024-02-28T12:00:00")]


def before_or_none(table, moment):
    """The fire before; None where croniter, which sometimes fails looking back, finds none."""
    try:
        return table._get_prev(moment)
    except CroniterBadDateError:
        return None


def sequence(spec: list, moment: int, before: int, count: int) -> list:
    """[timetable, from, starts, ends if they are others, fires before the last]: what a catchup makes round a moment."""
    freeze(at("2026-01-01"))
    table, start = timetable(spec), utc(moment)
    for _ in range(before):
        start = before_or_none(table, start) or start
    earliest, last, runs = epoch(start), None, []
    for _ in range(count):
        try:
            run = next_run(table, last, restriction(earliest, None, True))
        except Exception as error:
            runs.append(type(error).__name__)
            break
        last = run[:2]
        runs.append(last)
    good = [run for run in runs if not isinstance(run, str)]
    starts, ends = [run[0] for run in good], [run[1] for run in good]
    back, until = [], utc(ends[-1] if ends else moment)
    for _ in range(count // 2):
        until = before_or_none(table, until)
        if until is None:
            break
        back.append(epoch(until))
    fact = [spec, earliest, deltas(starts), deltas(back)]
    return fact if starts == ends else [*fact, deltas(ends)]


def is_refused(expression: str) -> str | None:
    try:
        table = timetable(["cron", expression, "UTC"])
        table.validate()
    except AirflowTimetableInvalid:
        return "refused"
    except Exception as error:
        return f"breaks: {type(error).__name__}"
    try:
        table._get_next(utc(at("2024-01-01")))
    except Exception as error:
        return f"never: {type(error).__name__}"
    return None


def main() -> None:
    doubtful = expressions(DOUBTFUL)
    refused = [[text, is_refused(text)] for text in doubtful if is_refused(text)]
    accepted = [text for text in doubtful if not is_refused(text) and "R" not in text.split(" ")]
    every = list(dict.fromkeys(expressions(WRITTEN) + accepted + drawn(60)))
    every = [text for text in every if not is_refused(text)]
    facts = []
    for expression in every:
        for zone, moment in (
            ("UTC", "2024-02-28T12:00:00"), ("Europe/Berlin", "2025-03-30T01:00:00"), ("America/New_York", "2025-11-02T06:00:00"),
        ):
            facts.append(sequence(["cron", expression, zone], at(moment), 2, 8))
        facts.append(sequence(["cron-interval", expression, "Australia/Lord_Howe"], at("2025-04-05T15:00:00"), 2, 5))
    for zone in ZONES:
        for moment in moments(zone):
            for i, expression in enumerate(TELLING):
                kind = "cron-interval" if i % 4 == 3 else "cron"
                facts.append(sequence([kind, expression, zone], moment, 4, 9))
    for seconds in (1, 59, 60, 90, 900, 3600, 5400, 86400, 90000, 604800, 2592000, 0.5, 1.25):
        for kind in ("delta", "delta-interval"):
            facts.append(sequence([kind, seconds], at("2025-03-30T01:00:00"), 2, 6))
    for zone in ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"):
        for crons in (["0 6 * * *", "0 18 * * *"], ["30 2 * * *", "*/30 1-3 * * *"], ["0 0 L * *", "0 0 1 * *", "0 0 * * L0"],
                      ["0 * * * *", "30 * * * *", "0 */2 * * *"], ["30 2 * * *", "30 3 * * *"]):
            table = timetable(["crons", crons, zone])
            earliest, last, starts = moments(zone)[-1] - 90000, None, []
            for _ in range(14):
                last = next_run(table, last, restriction(earliest, None, True))[:2]
                starts.append(last[0])
            facts.append([["crons", crons, zone], earliest, deltas(starts), []])
    manual = []
    dice = random.Random(7)
    for zone in ZONES:
        for expression in dice.sample(TELLING, 5):
            table = timetable(["cron-interval", expression, zone])
            for moment in moments(zone)[-2:]:
                for shift in (-1800, 0, 5400, dice.randint(-90000, 90000)):
                    found = table.infer_manual_data_interval(run_after=utc(moment + shift))
                    manual.append([["cron-interval", expression, zone], moment + shift, epoch(found.start), epoch(found.end)])
    noon, event_days = at("2025-06-01T12:00:00"), [at("2025-05-01"), at("2025-06-01"), at("2025-07-01")]
    for spec in (["none"], ["once"], ["continuous"], ["cron", "0 0 * * *", "UTC"], ["delta", 3600], ["delta-interval", 3600],
                 ["crons", ["0 6 * * *", "0 18 * * *"], "UTC"], ["events", event_days], ["events", []]):
        found = timetable(spec).infer_manual_data_interval(run_after=utc(noon))
        manual.append([spec, noon, epoch(found.start), epoch(found.end)])
    told = [
        [spec, timetable(spec).summary, timetable(spec).description]
        for spec in (["events", event_days], ["events", []], ["events", event_days[:1]], ["once"], ["continuous"], ["none"],
                     ["delta", 90061], ["delta", 172800], ["delta-interval", 0.5], ["crons", ["0 6 * * *", "0 18 * * *"], "UTC"])
    ]
    write("schedules.json", refused=refused, sequences=facts, manual=manual, told=told)


if __name__ == "__main__":
    main()
