"""The windows of order_stats as a Spark Structured Streaming job, from Kafka to Kafka.

It reads the topic of orders to its end (availableNow), goes on where its checkpoint says, and writes every minute and the
ten items of every hour that changed, by the same rules as pipelines/orders/stats.ts: whether a record counts is decided by
itself, and an order counts once. A result has the key that the in-process stream gives it; the newest of a key counts.
"""

import argparse

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql.types import LongType, StringType, StructField, StructType

MINUTE = 60_000
HOUR = 3_600_000
LATE = MINUTE
MOST_LATE = HOUR
MOST_AHEAD = MINUTE
EARLIEST = 946_684_800_000
TOP_ITEMS = 10

ORDER = StructType(
    [StructField(name, StringType()) for name in ("orderId", "userId", "itemCode", "purchase", "orderedAt")]
    + [StructField(name, LongType()) for name in ("quantity", "price")]
)


def orders(raw: DataFrame) -> DataFrame:
    """The orders of the records that are one, with both of their times in ms."""
    read = raw.select(
        F.from_json(F.col("value").cast("string"), ORDER).alias("order"),
        F.unix_millis("timestamp").alias("arrived"),
        "partition",
        "offset",
    ).select("order.*", "arrived", "partition", "offset")
    printable = lambda name: F.col(name).rlike(r"^[!-~]{1,64}$")
    instant = F.col("orderedAt").rlike(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?(Z|[+-]\d\d:\d\d)$")
    timed = read.withColumn("at", F.unix_millis(F.to_timestamp(F.when(instant, F.col("orderedAt")))))
    return timed.where(
        printable("orderId")
        & printable("userId")
        & printable("itemCode")
        & F.col("quantity").between(1, 1_000)
        & F.col("price").between(0, 100_000_000)
        & F.col("purchase").isin("solo", "group")
        & (F.col("at") >= EARLIEST)
        & (F.col("at") <= F.col("arrived") + MOST_AHEAD)
    )


def start_of(size: int):
    return F.col("at") - F.col("at") % size


def hours(found: DataFrame) -> DataFrame:
    """All records of each hour of event time: the state of the job, dropped a day after the hour."""
    record = F.struct("orderId", "itemCode", "quantity", "price", "purchase", "at", "arrived", "partition", "offset")
    return (
        found.withColumn("event_time", F.timestamp_millis("at"))
        .withWatermark("event_time", "1 day")
        .groupBy(F.window("event_time", "1 hour"))
        .agg(F.collect_list(record).alias("records"))
    )


def kst(column):
    """`2024-03-18T09:01:00+09:00`, of epoch ms."""
    return F.concat(F.date_format(F.timestamp_millis(column), "yyyy-MM-dd'T'HH:mm:ss"), F.lit("+09:00"))


def minutes_of(counted: DataFrame) -> DataFrame:
    told = counted.withColumn("minute", start_of(MINUTE)).groupBy("minute")
    on_time = ~F.col("too_late")
    total = lambda condition, value: F.sum(F.when(condition, value).otherwise(0))
    return told.agg(
        total(on_time, F.lit(1)).alias("orders"),
        total(on_time, F.col("quantity")).alias("quantity"),
        total(on_time, F.col("quantity") * F.col("price")).alias("revenue"),
        total(on_time & (F.col("purchase") == "solo"), F.lit(1)).alias("solo"),
        total(on_time & (F.col("purchase") == "group"), F.lit(1)).alias("group_orders"),
        total(on_time & (F.col("arrived") - F.col("at") > LATE), F.lit(1)).alias("late"),
        total(F.col("too_late"), F.lit(1)).alias("too_late"),
    ).select(
        F.concat(F.lit("minute/"), kst(F.col("minute"))).alias("key"),
        F.lit("minute").alias("kind"),
        kst(F.col("minute")).alias("window_start"),
        kst(F.col("minute") + MINUTE).alias("window_end"),
        *("orders", "quantity", "revenue", "solo", "group_orders", "late", "too_late"),
    )


def top_of(counted: DataFrame) -> DataFrame:
    sums = (
        counted.where(~F.col("too_late"))
        .withColumn("hour", start_of(HOUR))
        .groupBy("hour", "itemCode")
        .agg(
            F.count("*").alias("orders"),
            F.sum("quantity").alias("quantity"),
            F.sum(F.col("quantity") * F.col("price")).alias("revenue"),
        )
    )
    place = F.row_number().over(Window.partitionBy("hour").orderBy(F.desc("quantity"), F.asc("itemCode")))
    return (
        sums.withColumn("place", place.cast("long"))
        .where(F.col("place") <= TOP_ITEMS)
        .select(
            F.concat(F.lit("top/"), kst(F.col("hour")), F.lit("/"), F.col("place").cast("string")).alias("key"),
            F.lit("top").alias("kind"),
            kst(F.col("hour")).alias("window_start"),
            kst(F.col("hour") + HOUR).alias("window_end"),
            F.col("itemCode").alias("item_code"),
            *("place", "orders", "quantity", "revenue"),
        )
    )


def writer(bootstrap: str, topic: str):
    def write(batch: DataFrame, _id: int) -> None:
        """Again for the same batch after a kill: the same results by the same keys."""
        records = batch.select(F.explode("records").alias("r")).select("r.*")
        late = records.withColumn("too_late", F.col("arrived") - F.col("at") > MOST_LATE)
        first = F.row_number().over(Window.partitionBy("orderId", "too_late").orderBy("offset", "partition"))
        counted = late.withColumn("nth", first).where(F.col("too_late") | (F.col("nth") == 1)).cache()
        for results in (minutes_of(counted), top_of(counted)):
            value = F.to_json(F.struct(*[name for name in results.columns if name != "key"]))
            (
                results.select("key", value.alias("value"))
                .write.format("kafka")
                .option("kafka.bootstrap.servers", bootstrap)
                .option("topic", topic)
                .save()
            )
        counted.unpersist()

    return write


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--bootstrap", "--topic", "--results", "--checkpoint"):
        parser.add_argument(name, required=True)
    parser.add_argument("--most-records", default="100000", help="of a micro-batch")
    arguments = parser.parse_args()
    # Days and minutes as Seoul writes them.
    spark = SparkSession.builder.config("spark.sql.session.timeZone", "Asia/Seoul").getOrCreate()
    raw = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", arguments.bootstrap)
        .option("kafka.isolation.level", "read_committed")
        .option("subscribe", arguments.topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", arguments.most_records)
        .load()
    )
    query = (
        hours(orders(raw))
        .writeStream.outputMode("update")
        .foreachBatch(writer(arguments.bootstrap, arguments.results))
        .option("checkpointLocation", arguments.checkpoint)
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()
    progress = query.lastProgress
    print("results are in the topic", arguments.results, "after batch", progress["batchId"] if progress else "none")


main()
