// Jobs that do nothing, in BullMQ: enqueued in batches, then done by one worker.

import { Queue, Worker } from "bullmq";
import { concurrency, inBatches, jobs, tell, url } from "./measuring.mjs";

const { hostname: host, port } = new URL(url);
const connection = { host, port: Number(port), maxRetriesPerRequest: null };

const queue = new Queue("nothing", { connection });
await queue.waitUntilReady();
const enqueuedIn = await inBatches((count) =>
  queue.addBulk(Array.from({ length: count }, () => ({ name: "nothing", data: {} }))),
);

const begun = performance.now();
const doneIn = await new Promise((resolve, reject) => {
  let done = 0;
  const worker = new Worker("nothing", async () => {}, { connection, concurrency });
  worker.on("failed", (_, error) => reject(error));
  worker.on("error", reject);
  // Said once the end of a job is written.
  worker.on("completed", () => {
    done += 1;
    if (done < jobs) return;
    const seconds = (performance.now() - begun) / 1_000;
    worker.close().then(() => resolve(seconds), reject);
  });
});
await queue.close();
tell("bullmq", enqueuedIn, doneIn);
