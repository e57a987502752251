// What both programs share: the extent, which the environment tells, and the one line that they print.

import { readFileSync } from "node:fs";

const number = (name) => {
  const value = Number(process.env[name]);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${name} is not a number above 0`);
  return value;
};

export const url = process.env.STORE_URL;
export const jobs = number("JOBS");
export const concurrency = number("CONCURRENCY");
const batch = number("BATCH");

/** Calls `add` with the number of jobs of each batch, one after the other, and gives the seconds that it took. */
export async function inBatches(add) {
  const begun = performance.now();
  for (let left = jobs; left > 0; left -= batch) await add(Math.min(batch, left));
  return (performance.now() - begun) / 1_000;
}

/** Prints the rates of a package, as one line of JSON. */
export function tell(name, enqueuedIn, doneIn) {
  const { version } = JSON.parse(readFileSync(new URL(`./node_modules/${name}/package.json`, import.meta.url)));
  console.log(JSON.stringify({ version, enqueued_per_second: jobs / enqueuedIn, done_per_second: jobs / doneIn }));
}
