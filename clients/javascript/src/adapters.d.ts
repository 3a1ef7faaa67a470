import type { Change, Id, Options } from "./index.js"

type Handlers = Required<Pick<Options<Change>, "onChange" | "onRefetch">>

/** The queries' keys are [resource], [resource, {filters}] and [resource, id]. A row whose `updatedAt` is known stays. */
export function tanstackQuery(queryClient: {
  invalidateQueries(filters?: { predicate(query: { queryKey: readonly unknown[]; state: { data?: unknown } }): boolean }): unknown
}): Handlers

/** mutate: SWR's global one, or that of useSWRConfig(). The keys as above. */
export function swr(mutate: (filter: (key?: unknown) => boolean) => unknown): Handlers

/** updatedAt of a row that find() gives: a date's text, or a number in the unit of the cable's. */
export function store(of: {
  find(resource: string, id: Id): { id: unknown; updatedAt?: string | number } | null | undefined
  load(resource: string, id: Id): unknown
  remove(resource: string, id: Id): unknown
  reload(): unknown
}): Handlers
