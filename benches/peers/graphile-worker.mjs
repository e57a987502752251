// Jobs that do nothing, in Graphile Worker: enqueued in batches, then done by one runner that takes jobs and writes
// their ends in batches, which is how it is quickest.

import { setTimeout } from "node:timers/promises";
import worker from "graphile-worker";
import { concurrency, inBatches, jobs, tell, url } from "./measuring.mjs";

const logger = new worker.Logger(() => () => {});
const utils = await worker.makeWorkerUtils({ connectionString: url, logger });
await utils.migrate();
const enqueuedIn = await inBatches((count) =>
  utils.addJobs(Array.from({ length: count }, () => ({ identifier: "nothing", payload: {} }))),
);

let begunJobs = 0;
const begun = performance.now();
const runner = await worker.run({
  logger,
  noHandleSignals: true,
  taskList: {
    nothing: async () => {
      begunJobs += 1;
    },
  },
  preset: {
    worker: {
      connectionString: url,
      concurrentJobs: concurrency,
      maxPoolSize: 20,
      localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
      completeJobBatchDelay: 0,
      failJobBatchDelay: 0,
    },
  },
});
while (begunJobs < jobs) await setTimeout(1);
// What is done is deleted.
const left = () => utils.withPgClient((client) => client.query("SELECT 1 FROM graphile_worker.jobs LIMIT 1"));
while ((await left()).rowCount > 0) await setTimeout(1);
const doneIn = (performance.now() - begun) / 1_000;
await runner.stop();
await utils.release();
tell("graphile-worker", enqueuedIn, doneIn);
