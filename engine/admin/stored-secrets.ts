// Secrets as they are stored, hidden from what people write about runs: notes, and the audit rows that repeat them.

import { extraSecrets, fieldSecrets, Masker, secretStrings } from '../../core/masker.ts'
import type { Vault } from './vault.ts'

/**
 * Shorter secrets are left: a note in which `admin` turns into `***` would tell whoever writes notes that it is a password.
 * What is as long as this is not found by trying.
 */
const LEAST = 12

/** A text without the secrets of all Variables and Connections. */
async function maskStoredSecrets(vault: Vault, text: string): Promise<string> {
  if (text.length < LEAST) return text
  const { isSensitive } = vault
  const [variables, connections] = await Promise.all([vault.listVariables(), vault.listConnections()])
  const secrets = [
    ...variables.flatMap((item) =>
      item.isSensitive ? secretStrings(item.value) : (fieldSecrets(item.value, isSensitive) ?? []),
    ),
    ...connections.flatMap(({ password, extra }) => [
      ...(password === null ? [] : secretStrings(password)),
      ...(extra === null ? [] : extraSecrets(extra, isSensitive)),
    ]),
  ]
  const masker = new Masker()
  masker.add(secrets.filter((secret) => secret.length >= LEAST))
  return masker.mask(text)
}

/** A note as it may be kept: every verb that takes one asks here, whoever calls it. */
export const maskNote = async (vault: Vault, note: string | null): Promise<string | null> =>
  note === null ? null : maskStoredSecrets(vault, note)
