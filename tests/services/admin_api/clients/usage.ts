// Uses the generated types. The compiler checks that correct code compiles and wrong code does not.
import type { components, operations, paths } from "./api";

type Schemas = components["schemas"];
type Job = Schemas["Job"];

export const byIds: Schemas["Bulk"] = { job_ids: [1], dry_run: false };
export const byFilter: Schemas["Bulk"] = { filter: { status: ["failed"] }, expected_count: 2 };
export const dryRun: Schemas["Bulk"] = { filter: {}, dry_run: true };
// @ts-expect-error A body names the jobs by their ids or by a filter.
export const nothing: Schemas["Bulk"] = { dry_run: true };
// @ts-expect-error A change by filter needs the expected number of jobs.
export const unsafe: Schemas["Bulk"] = { filter: {}, dry_run: false };
// @ts-expect-error Only known states can be set.
export const crawling: Schemas["StatusChange"] = { status: "crawling" };
// @ts-expect-error A schedule needs a subreddit.
export const nowhere: Schemas["ScheduleBody"] = { name: "x", cron_expression: "@daily" };

type Listed = operations["list_jobs"]["responses"][200]["content"]["application/json"];
type Refused = operations["boost_job"]["responses"][409]["content"]["application/problem+json"];
export type Enqueue = paths["/api/admin/jobs"]["post"];

export function describe(page: Listed): string[] {
  const next: string | null = page.next;
  return page.items.map((job: Job) => {
    const later: string = job.status; // also a state that this client does not know
    return `${job.id} ${later} ${job.progress.phase ?? next ?? "-"}`;
  });
}

export function explain(problem: Refused): string {
  return `${problem.code}: ${problem.errors.map((error) => error.pointer).join(", ")}`;
}
