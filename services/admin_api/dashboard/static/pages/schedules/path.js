// The path of the schedules in the REST API.
export const PATH = '/api/admin/scheduled-jobs';
