/** "update#tasks" → ["update", "tasks"] */
const split = ({ action }) => [action.slice(0, action.indexOf("#")), action.slice(action.indexOf("#") + 1)]

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other) || String(one) === String(other)

/** Of a row, in whole seconds: of a text a date's, of a number itself. */
const seconds = (at) => (typeof at === "string" ? Math.floor(Date.parse(at) / 1000) : at)

/** Whether data is the row, or a list with it, in this version or a later one. */
function isKnown(data, { id, updatedAt }) {
  const row = [data].flat().find((each) => each && same(each.id, id))
  return updatedAt !== undefined && seconds(row?.updatedAt) >= updatedAt
}

/** Whether a key is of this row ([resource, id]) or of several ([resource], [resource, {…}]). */
function concerns(key, resource, id) {
  if (!Array.isArray(key) || key[0] !== resource) return false
  return key.length === 1 || same(key[1], id) || (typeof key[1] === "object" && !Array.isArray(key[1]))
}

/** For TanStack Query: the keys are [resource], [resource, {filters}] and [resource, id]. */
export function tanstackQuery(queryClient) {
  return {
    onChange: (changes) =>
      changes.forEach((change) => {
        const [, resource] = split(change)
        const predicate = ({ queryKey, state }) =>
          concerns(queryKey, resource, change.id) && !isKnown(state.data, change)
        queryClient.invalidateQueries({ predicate })
      }),
    onRefetch: () => queryClient.invalidateQueries(),
  }
}

/** For SWR, with its global `mutate`, or that of useSWRConfig(); the keys as above. */
export function swr(mutate) {
  return {
    onChange: (changes) =>
      changes.forEach((change) => mutate((key) => concerns(key, split(change)[1], change.id))),
    onRefetch: () => mutate(() => true),
  }
}

/** For a store of your own: find(resource, id), load(resource, id), remove(resource, id), reload(). */
export function store({ find, load, remove, reload }) {
  return {
    onChange: (changes) =>
      changes.forEach((change) => {
        const [verb, resource] = split(change)
        if (verb === "destroy") remove(resource, change.id)
        else if (!isKnown(find(resource, change.id), change)) load(resource, change.id)
      }),
    onRefetch: () => reload(),
  }
}
