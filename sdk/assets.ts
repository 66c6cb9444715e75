// `Asset` as pre-releases of Airflow's SDK have it: the key of a state store, nothing that a schedule could use.

export interface AssetNameRef {
  readonly name: string
}
export interface AssetUriRef {
  readonly uri: string
}
export type AssetRefSpec = AssetNameRef | AssetUriRef
export interface AssetSpec {
  /** Default: the uri. One of both must be given. */
  readonly name?: string
  /** Default: the name. */
  readonly uri?: string
}

export class Asset {
  readonly name: string
  readonly uri: string

  constructor({ name, uri }: AssetSpec) {
    const known = name ?? uri
    if (typeof known !== 'string' || known === '') throw new Error('new Asset({ name, uri }): give a name or a uri')
    this.name = known
    this.uri = uri ?? known
    Object.freeze(this)
  }

  /** An asset that is declared elsewhere. */
  static ref(spec: AssetRefSpec): AssetRef {
    return Object.freeze({ ...spec })
  }
}
export type AssetRef = AssetRefSpec
