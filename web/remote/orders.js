// @ts-check
// Two orders of the same things compared. Pure.

/**
 * The fewest things whose moving explains the other order: all but a longest run in both.
 * @param {string[]} order @param {string[]} other @returns {Set<string>}
 */
export function movedBetween(order, other) {
  const places = new Map(other.map((thing, place) => [thing, place]));
  const common = order.filter((thing) => places.has(thing));
  const at = common.map((thing) => /** @type {number} */ (places.get(thing)));
  /** By length of run, where the run that ends lowest ends. @type {number[]} */
  const ends = [];
  /** @type {number[]} */
  const before = [];
  for (let i = 0; i < at.length; i += 1) {
    let length = ends.findIndex((end) => at[end] >= at[i]);
    if (length < 0) length = ends.length;
    before[i] = length ? ends[length - 1] : -1;
    ends[length] = i;
  }
  const moved = new Set(common);
  for (let i = ends.at(-1) ?? -1; i >= 0; i = before[i]) moved.delete(common[i]);
  return moved;
}
