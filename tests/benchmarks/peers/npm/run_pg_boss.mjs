// The runner of pg-boss, with LISTEN, large batches and no pause after a full batch.
import { PgBoss } from "pg-boss";
import { main } from "./runner.mjs";

const QUEUE = "nothing";
const WANTED = 1, BEHIND = 0; // priorities
const CHUNK = 10_000; // jobs per call of insert
const BATCH = 1_000;
const LOCAL = 2;

async function start(url, { works = false } = {}) {
  const boss = new PgBoss({
    connectionString: url,
    supervise: works,
    schedule: false,
    useListenNotify: works,
  });
  boss.on("error", (error) => process.stderr.write(`${error}\n`));
  return boss.start();
}

await main({
  async prepare(url) {
    const boss = await start(url);
    await boss.createQueue(QUEUE, { notify: true });
    await boss.stop();
  },
  async producer(url) {
    const boss = await start(url);
    return {
      one: (n) => boss.send(QUEUE, { n }, { priority: WANTED }),
      async bulk(numbers, wanted) {
        const priority = wanted ? WANTED : BEHIND;
        for (let at = 0; at < numbers.length; at += CHUNK) {
          await boss.insert(
            QUEUE,
            numbers.slice(at, at + CHUNK).map((n) => ({ data: { n }, priority })),
          );
        }
      },
      close: () => boss.stop({ graceful: false }),
    };
  },
  async work(url, began) {
    const boss = await start(url, { works: true });
    const options = {
      batchSize: BATCH,
      localConcurrency: LOCAL,
      burstWhenBatchFull: true,
      pollingIntervalSeconds: 0.5,
      notifyPollingIntervalSeconds: 0.5,
    };
    await boss.work(QUEUE, options, async (jobs) => {
      for (const job of jobs) began(job.data.n);
    });
  },
});
