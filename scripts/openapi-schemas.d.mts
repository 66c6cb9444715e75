export interface OpenApiOperation {
  readonly operationId: string
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: unknown }>> }>>
}
export interface OpenApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> }
}
export const documentPath: URL
export function readDocument(): OpenApiDocument
export function toJsonSchema(value: unknown, root?: string): unknown
export function listOperations(document: OpenApiDocument): { method: string; path: string; operationId: string }[]
