// Drives a real admin-api with the generated types: node drive_api.js URL TOKEN. No other client uses this subreddit.
// Exits with 1 at the first surprise.
import type { components, operations } from "./api";

declare const process: { argv: string[] };

type Schemas = components["schemas"];
type Answer<Name extends keyof operations, Status extends number> =
  operations[Name]["responses"] extends Record<Status, { content: { "application/json": infer Body } }>
    ? Body
    : never;

const [url, token] = process.argv.slice(2);

function check(isTrue: boolean, surprise: unknown): asserts isTrue {
  if (!isTrue) throw new Error(JSON.stringify(surprise));
}

// Sends a request, checks the status, and returns the body.
async function call<Body>(status: number, method: string, path: string, body?: object): Promise<Body> {
  const reply = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: body === undefined ? null : JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await reply.text();
  check(reply.status === status, [method, path, reply.status, text]);
  return JSON.parse(text) as Body;
}

async function main(): Promise<void> {
  const wanted: Schemas["Enqueue"] = { subreddit: "typescript", priority: 60 };
  const made = await call<Answer<"enqueue_job", 201>>(201, "POST", "/api/admin/jobs", wanted);
  check(made.result === "created" && made.job.status === "queued", made);
  const path = `/api/admin/jobs/${made.job.id}`;

  const page = await call<Answer<"list_jobs", 200>>(200, "GET", "/api/admin/jobs?limit=1&subreddit=typescript");
  check(page.items.length === 1 && page.items[0]?.subreddit === "typescript", page);
  check(page.next === null, page);

  const more: Schemas["BoostChange"] = { boost: 20 };
  const boosted = await call<Answer<"boost_job", 200>>(200, "POST", `${path}/boost`, more);
  check(boosted.priority === 80, boosted);
  const cancelled = await call<Answer<"cancel_job", 200>>(200, "POST", `${path}/cancel`);
  check(cancelled.status === "cancelled" && cancelled.finished_at !== null, cancelled);
  const refused = await call<Schemas["Problem"]>(409, "POST", `${path}/boost`, more);
  check(refused.code === "illegal_transition", refused);

  const nightly: Schemas["ScheduleBody"] = {
    name: "nightly",
    subreddit: "typescript",
    cron_expression: "30 3 * * *",
  };
  const schedules = "/api/admin/scheduled-jobs";
  const schedule = await call<Answer<"create_schedule", 201>>(201, "POST", schedules, nightly);
  check(schedule.enabled && schedule.cron_expression === "30 3 * * *", schedule);
  const twice = await call<Schemas["Problem"]>(409, "POST", schedules, nightly);
  check(twice.code === "duplicate_name" && twice.errors[0]?.pointer === "/name", twice);
}

void main();
