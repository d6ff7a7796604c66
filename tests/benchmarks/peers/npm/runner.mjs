// The common part of all runners in Node.js. ../runner.py describes the arguments.
// A runner calls main with { prepare(url), producer(url) -> { one, bulk, close }, work(url, began) }.

const WARM_UP = 20; // jobs before the measurement, which open connections and fill caches
const PAUSE_MS = [100, 200]; // between two jobs, so that the worker is idle

const now = () => Number(process.hrtime.bigint()) / 1e9; // the monotonic clock of the machine
const tell = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const range = (first, count) => Array.from({ length: count }, (_, index) => first + index);

async function producing(candidate, url, use) {
  const producer = await candidate.producer(url);
  await use(producer);
  await producer.close();
}

const actions = {
  async prepare(candidate, url) {
    await candidate.prepare(url);
    tell({ prepared: true });
  },
  async one(candidate, url, count) {
    await producing(candidate, url, async (producer) => {
      for (const number of range(Number(count), WARM_UP)) await producer.one(number);
      const begun = now();
      for (const number of range(0, Number(count))) await producer.one(number);
      tell({ seconds: now() - begun });
    });
  },
  async bulk(candidate, url, first, count, manner) {
    await producing(candidate, url, async (producer) => {
      const numbers = range(Number(first), Number(count));
      const begun = now();
      await producer.bulk(numbers, manner === "wanted");
      tell({ seconds: now() - begun });
    });
  },
  async ping(candidate, url, count) {
    await producing(candidate, url, async (producer) => {
      for (const number of range(0, Number(count))) {
        const pause = PAUSE_MS[0] + Math.random() * (PAUSE_MS[1] - PAUSE_MS[0]);
        await new Promise((resolve) => setTimeout(resolve, pause));
        const asked_at = now();
        await producer.one(number);
        tell({ job: number, asked_at });
      }
    });
  },
  async work(candidate, url, manner) {
    const begun = [];
    const began =
      manner === "tell"
        ? (number) => tell({ job: number, at: now() })
        : (number) => begun.push(number);
    process.on("SIGTERM", () => {
      process.stdout.write(JSON.stringify({ begun }) + "\n", () => process.exit(0));
    });
    await candidate.work(url, began);
  },
};

export async function main(candidate) {
  const [action, url, ...rest] = process.argv.slice(2);
  await actions[action](candidate, url, ...rest);
  if (action !== "work") process.exit(0);
}
