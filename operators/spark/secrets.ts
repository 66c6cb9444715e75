// Settings that are secret by their names: told as `***`, on the command line in the log and wherever the driver prints them.

/** Spark's own `spark.redaction.regex`, and Airflow's words. */
const SECRET = /secret|passw|passphrase|token|credential|(access|api|private|account)[._-]?key/i
/** Shorter ones would hide ordinary words. */
const SHORTEST = 4
const MASK = '***'

export const isSecretName = (name: string): boolean => SECRET.test(name)

/** Replaces the values of secret names in a text. */
export function maskerOf(...given: readonly Readonly<Record<string, string>>[]): (text: string) => string {
  const secrets = given
    .flatMap((values) => Object.entries(values))
    .filter(([name, value]) => isSecretName(name) && value.length >= SHORTEST)
    .map(([, value]) => value)
    // One inside another must leave nothing behind.
    .sort((a, b) => b.length - a.length)
  return (text) => secrets.reduce((masked, secret) => masked.replaceAll(secret, MASK), text)
}
