// A small application for tests: `sum N`, `fail`, `wait FILE` (until it is killed), `exit CODE` (after a sum that went well),
// `echo ARGS…`.

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

public final class SparkJob {
  private static long sum(JavaSparkContext spark, int most) {
    List<Integer> numbers = new ArrayList<>();
    for (int i = 1; i <= most; i++) numbers.add(i);
    return spark.parallelize(numbers, 2).map(n -> (long) n).reduce(Long::sum);
  }

  public static void main(String[] args) throws Exception {
    JavaSparkContext spark = new JavaSparkContext(new SparkConf());
    switch (args[0]) {
      case "sum" -> System.out.println("sum " + sum(spark, Integer.parseInt(args[1])));
      case "echo" -> {
        for (String arg : args) System.out.println("arg " + arg.replace("\n", "\\n"));
      }
      case "fail" -> spark.parallelize(List.of(1), 1).foreach(n -> { throw new IllegalStateException("no such day"); });
      case "wait" -> spark.parallelize(List.of(1), 1).foreach(n -> {
        System.out.println("waiting");
        Thread.sleep(600_000);
      });
      case "exit" -> {
        System.out.println("sum " + sum(spark, 10));
        spark.stop();
        System.exit(Integer.parseInt(args[1]));
      }
      default -> throw new IllegalArgumentException(args[0]);
    }
    spark.stop();
  }
}
