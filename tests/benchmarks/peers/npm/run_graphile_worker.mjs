// The runner of graphile-worker, with the settings of its own page on performance.
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import { main } from "./runner.mjs";

const TASK = "nothing";
const WANTED = 0, BEHIND = 10; // priorities: smaller numbers come first
const CHUNK = 50_000; // jobs per call of add_jobs
const silent = new Logger(() => () => {});

const utils = (url) => makeWorkerUtils({ connectionString: url, logger: silent });

await main({
  async prepare(url) {
    const opened = await utils(url);
    await opened.migrate();
    await opened.release();
  },
  async producer(url) {
    const opened = await utils(url);
    return {
      one: (n) => opened.addJob(TASK, { n }, { priority: WANTED }),
      async bulk(numbers, wanted) {
        const priority = wanted ? WANTED : BEHIND;
        for (let at = 0; at < numbers.length; at += CHUNK) {
          await opened.addJobs(
            numbers.slice(at, at + CHUNK).map((n) => ({ identifier: TASK, payload: { n }, priority })),
          );
        }
      },
      close: () => opened.release(),
    };
  },
  async work(url, began) {
    await run({
      preset: {
        worker: {
          connectionString: url,
          logger: silent,
          concurrentJobs: 24,
          maxPoolSize: 25,
          localQueue: { size: 500 },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
        },
      },
      taskList: { [TASK]: (payload) => began(payload.n) },
      noHandleSignals: true,
    });
  },
});
